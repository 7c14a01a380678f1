"""The parts that every chaos run stands on: PostgreSQL, Valkey and processes of the Procfile, each kept running."""

from __future__ import annotations

import logging
import os
import secrets
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from honcho.environ import parse_procfile

from sahara_platform.embedded import postgres, valkey
from sahara_platform.embedded.configuration import BASE_DIR
from sahara_platform.embedded.process import LOOPBACK, PartFailedError, free_port, tail
from tests.chaos.keeper import Keeper, Part

DATABASE = "chaos"


@dataclass
class Ground:
    """Running parts and the ways to them. `secrets` only management commands get."""

    root: Path
    keeper: Keeper
    environment: dict[str, str]
    owner_url: str
    secrets: dict[str, str] = field(default_factory=dict, repr=False)

    def manage(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run a management command to its end, with `extra` in its environment."""
        return subprocess.run(
            [sys.executable, "-W", "ignore", "manage.py", *arguments],
            cwd=BASE_DIR,
            env={**self.environment, **self.secrets, "DATABASE_OWNER_URL": self.owner_url, **extra},
            capture_output=True,
            text=True,
            check=False,
        )

    def must_manage(self, *arguments: str, **extra: str) -> None:
        """The same; PartFailedError where it fails."""
        done = self.manage(*arguments, "--skip-checks", **extra)
        if done.returncode != 0:
            raise PartFailedError(f"{arguments[0]} failed:\n{done.stdout}{done.stderr}")

    def start(
        self,
        process: str,
        ready_words: str,
        *,
        name: str = "",
        environment: Mapping[str, str] | None = None,
        children: bool = False,
        wait: bool = True,
    ) -> None:
        """Start a process of the Procfile and, unless told not to, wait until it has logged that it is ready.

        Args:
            name: where one process runs more than once.
            environment: beside the platform's.
            children: a kill may also hit one of its children.
        """
        processes = parse_procfile((BASE_DIR / "Procfile").read_text()).processes
        values = {**self.environment, **(environment or {})}
        command = shlex.split(Template(processes[process]).substitute(values))
        log = self.root / "log" / f"{name or process}.log"
        part = Part(name or process, command, values, log, lambda logged: ready_words in logged, children=children)
        self.keeper.add(part, wait=wait)


def raise_ground(root: Path, keeper: Keeper, bare: dict[str, str]) -> Ground:
    """Start PostgreSQL and Valkey with the product's own settings. The database is still empty."""
    passwords = postgres.initialise(root / "postgres", durable=True)
    server = postgres.PostgresHandle(free_port(), passwords, root / "postgres")
    keeper.add(_postgres(server, root, bare))
    valkey_url, valkey_part = valkey_as_in_production(root, bare)
    keeper.add(valkey_part)
    server.ensure_roles()
    server.create_database(DATABASE)
    environment = platform_environment(bare, root, database_url=server.app_url(DATABASE), redis_url=valkey_url)
    return Ground(root, keeper, environment, server.owner_url(DATABASE))


def enter_django(ground: Ground) -> None:
    """Make this process one of the platform's: the application's role, no pool, its log in a file."""
    os.environ.update(ground.environment, DATABASE_POOL_SIZE="0", DJANGO_SETTINGS_MODULE="sahara_platform.settings")
    import django

    django.setup()
    root_logger = logging.getLogger()
    for handler in list(root_logger.handlers):
        root_logger.removeHandler(handler)
    root_logger.addHandler(logging.FileHandler(ground.root / "log" / "driver.log"))


def platform_environment(bare: dict[str, str], root: Path, *, database_url: str, redis_url: str) -> dict[str, str]:
    """What processes of the platform get. Nothing outside is contacted."""
    return {
        **bare,
        "SAHARA_MODE": "development",
        "SAHARA_VAR_DIR": str(root),
        "SECRET_KEY": secrets.token_urlsafe(48),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "CHAIN_ADDRESSES_FILE": str(root / "addresses.json"),
        "STORAGE_DIR": str(root / "storage"),
        "STRIPE_API_KEY": "sk_test_chaos",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
        "RUNNER_URL": f"http://{LOOPBACK}:9",
        "RUNNER_TOKEN": secrets.token_hex(16),
        "WORKER_CONCURRENCY": "2",
        "BEAT_SCHEDULE": str(root / "beat-schedule"),
    }


def valkey_as_in_production(root: Path, bare: dict[str, str]) -> tuple[str, Part]:
    """Valkey as the platform runs it, with its address: a kill may cost it the last second."""
    port, password = free_port(), secrets.token_urlsafe(24)
    url = valkey.url(port, password)
    config = valkey.write_config(root / "valkey", port, password, durable=True)
    command = [valkey.binary(), str(config)]
    return url, Part("valkey", command, bare, root / "log" / "valkey.log", lambda _: valkey.is_ready(url))


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


def ends_of_logs(root: Path) -> str:
    """The last lines of every part, for a run that failed."""
    return "\n".join(f"--- {path.name}\n{tail(path, 12)}" for path in sorted((root / "log").glob("*.log")))
