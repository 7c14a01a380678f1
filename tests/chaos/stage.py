"""All parts of a payout on real processes: PostgreSQL, Valkey, anvil, bridge, worker and beat, each kept running."""

from __future__ import annotations

import logging
import os
import secrets
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from honcho.environ import parse_procfile

from sahara_platform.embedded import anvil, postgres, valkey
from sahara_platform.embedded.configuration import BASE_DIR, bare_environment
from sahara_platform.embedded.process import LOOPBACK, PartFailedError, free_port, tail
from tests.chain_bridge.faulty_rpc import FaultyRpc
from tests.chaos.keeper import Keeper, Part
from tests.chaos.rpc import BalancedRpc, Node, hush

DATABASE = "chaos"
#: What the kills are for. The worker is killed as a whole or one of its pool processes, PostgreSQL likewise.
TARGETS = ("bridge", "worker", "beat", "postgres", "valkey")


@dataclass
class Stage:
    """The running parts and the ways to them."""

    root: Path
    keeper: Keeper
    node: Node
    rpc: BalancedRpc
    replica: FaultyRpc
    environment: dict[str, str]
    owner_url: str
    keys: dict[str, str] = field(repr=False)
    node_url: str

    def manage(self, *arguments: str, direct: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a management command to its end; `direct` asks the node itself, not the faulty proxy."""
        extra = {**self.keys, "DATABASE_OWNER_URL": self.owner_url}
        if direct:
            extra |= {"CHAIN_RPC_URL": self.node_url, "CHAIN_RPC_FALLBACK_URLS": ""}
        return subprocess.run(
            [sys.executable, "-W", "ignore", "manage.py", *arguments],
            cwd=BASE_DIR,
            env={**self.environment, **extra},
            capture_output=True,
            text=True,
            check=False,
        )

    def stop(self) -> None:
        """End everything."""
        self.keeper.stop()
        self.rpc.stop()
        self.replica.stop()


def raise_stage(root: Path, *, confirmations: int, lag_blocks: int, lag_share: float, seed: int) -> Stage:
    """Start the parts with the product's own settings, the schema migrated and the contracts deployed."""
    from chain_bridge.foundry import anvil_binary  # installs what it lacks

    keeper = Keeper()
    keeper.start()
    instance = secrets.token_hex(8)
    bare = bare_environment(instance)
    passwords = postgres.initialise(root / "postgres", durable=True)
    server = postgres.PostgresHandle(free_port(), passwords, root / "postgres")
    node_port = free_port()
    node_url = f"http://{LOOPBACK}:{node_port}"
    node = Node(node_url)
    keeper.add(_anvil(anvil_binary(), node_port, root, bare, node))
    keeper.add(_postgres(server, root, bare))
    valkey_url, valkey_part = _valkey(root, bare)
    keeper.add(valkey_part)
    server.ensure_roles()
    server.create_database(DATABASE)
    rpc = BalancedRpc(node_url, lag_blocks=lag_blocks, lag_share=lag_share, seed=seed)
    rpc.start()
    replica = FaultyRpc(node_url)
    hush(replica)
    replica.faults.lag_blocks = lag_blocks
    replica.start()
    stage = Stage(
        root=root,
        keeper=keeper,
        node=node,
        rpc=rpc,
        replica=replica,
        environment=_platform_environment(
            bare,
            root,
            database_url=server.app_url(DATABASE),
            redis_url=valkey_url,
            rpc_urls=(rpc.url, replica.url),
            confirmations=confirmations,
        ),
        owner_url=server.owner_url(DATABASE),
        keys={name: f"0x{secrets.token_hex(32)}" for name in ("CHAIN_SIGNER_KEY", "CHAIN_PAYOUTS_SIGNER_KEY")},
        node_url=node_url,
    )
    for command in (
        ["migrate", "--database", "owner", "--no-input", "--skip-checks"],
        ["deploy_contracts", "--skip-checks"],
    ):
        done = stage.manage(*command, direct=True)
        if done.returncode != 0:
            raise PartFailedError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    # The deployment is history by the time that payouts begin, for every replica.
    node.ask("anvil_mine", hex(confirmations + lag_blocks + 1))
    return stage


def start_platform(stage: Stage) -> None:
    """Start the processes that pay out."""
    stage.keeper.add(
        _from_procfile("bridge", stage, {**stage.environment, **stage.keys}, "The chain bridge is running")
    )
    stage.keeper.add(_from_procfile("worker", stage, stage.environment, " ready.", children=True))
    stage.keeper.add(_from_procfile("beat", stage, stage.environment, "beat: Starting"))


def enter_django(stage: Stage) -> None:
    """Make this process one of the platform's: the application's role, no pool, its log in a file."""
    os.environ.update(stage.environment, DATABASE_POOL_SIZE="0", DJANGO_SETTINGS_MODULE="sahara_platform.settings")
    import django

    django.setup()
    root_logger = logging.getLogger()
    for handler in list(root_logger.handlers):
        root_logger.removeHandler(handler)
    root_logger.addHandler(logging.FileHandler(stage.root / "log" / "driver.log"))


def _platform_environment(
    bare: dict[str, str],
    root: Path,
    *,
    database_url: str,
    redis_url: str,
    rpc_urls: tuple[str, ...],
    confirmations: int,
) -> dict[str, str]:
    return {
        **bare,
        "SAHARA_MODE": "development",
        "SAHARA_VAR_DIR": str(root),
        "SECRET_KEY": secrets.token_urlsafe(48),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "CHAIN_RPC_URL": rpc_urls[0],
        "CHAIN_RPC_FALLBACK_URLS": ",".join(rpc_urls[1:]),
        "CHAIN_ID": str(anvil.CHAIN_ID),
        "CHAIN_CONFIRMATIONS": str(confirmations),
        "CHAIN_ADDRESSES_FILE": str(root / "addresses.json"),
        "STORAGE_DIR": str(root / "storage"),
        "STRIPE_API_KEY": "sk_test_chaos",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
        "RUNNER_URL": f"http://{LOOPBACK}:9",
        "RUNNER_TOKEN": secrets.token_hex(16),
        "WORKER_CONCURRENCY": "2",
        "BEAT_SCHEDULE": str(root / "beat-schedule"),
    }


def _anvil(binary: Path, port: int, root: Path, bare: dict[str, str], node: Node) -> Part:
    """The chain. It is not killed: a chain has many nodes. Its state is kept nowhere."""
    options = ["--host", LOOPBACK, "--port", str(port), "--chain-id", str(anvil.CHAIN_ID), "--quiet"]

    def answers(_: str) -> bool:
        try:
            return bool(node.ask("eth_chainId"))
        except OSError:
            return False

    return Part("anvil", [str(binary), *options], bare, root / "log" / "anvil.log", answers)


def _postgres(server: postgres.PostgresHandle, root: Path, bare: dict[str, str]) -> Part:
    """PostgreSQL as the platform runs it: what it has confirmed is on the disk."""
    return Part(
        "postgres",
        postgres.command(server.data_dir, server.port, durable=True),
        bare,
        root / "log" / "postgres.log",
        lambda _: server.is_ready(),
        stop_signal=signal.SIGINT,
        death_signal=signal.SIGINT,
        drop_root=True,
        children=True,
    )


def _valkey(root: Path, bare: dict[str, str]) -> tuple[str, Part]:
    """Valkey as the platform runs it: a kill may cost it the last second."""
    port, password = free_port(), secrets.token_urlsafe(24)
    url = valkey.url(port, password)
    config = valkey.write_config(root / "valkey", port, password, durable=True)
    command = [valkey.binary(), str(config)]
    return url, Part("valkey", command, bare, root / "log" / "valkey.log", lambda _: valkey.is_ready(url))


def _from_procfile(
    name: str, stage: Stage, environment: dict[str, str], ready_words: str, *, children: bool = False
) -> Part:
    processes = parse_procfile((BASE_DIR / "Procfile").read_text()).processes
    command = shlex.split(Template(processes[name]).substitute(environment))
    log = stage.root / "log" / f"{name}.log"
    return Part(name, command, environment, log, lambda logged: ready_words in logged, children=children)


def ends_of_logs(root: Path) -> str:
    """The last lines of every part, for a run that failed."""
    return "\n".join(f"--- {path.name}\n{tail(path, 12)}" for path in sorted((root / "log").glob("*.log")))
