"""All parts of a payout on real processes: PostgreSQL, Valkey, anvil, bridge, worker and beat, each kept running."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from sahara_platform.embedded import anvil
from sahara_platform.embedded.configuration import bare_environment
from sahara_platform.embedded.process import LOOPBACK, free_port
from tests.chain_bridge.faulty_rpc import FaultyRpc
from tests.chaos.ground import Ground, raise_ground
from tests.chaos.keeper import Keeper, Part
from tests.chaos.rpc import BalancedRpc, Node, hush

#: What the kills are for. The worker is killed as a whole or one of its pool processes, PostgreSQL likewise.
TARGETS = ("bridge", "worker", "beat", "postgres", "valkey")


@dataclass
class Stage:
    """The running parts and the ways to them."""

    ground: Ground
    node: Node
    rpc: BalancedRpc
    replica: FaultyRpc
    node_url: str

    @property
    def root(self) -> Path:
        """Where everything of the run is."""
        return self.ground.root

    @property
    def keeper(self) -> Keeper:
        """What keeps the parts running."""
        return self.ground.keeper

    @property
    def direct(self) -> dict[str, str]:
        """Has a command ask the node itself, not the faulty proxy."""
        return {"CHAIN_RPC_URL": self.node_url, "CHAIN_RPC_FALLBACK_URLS": ""}

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
    bare = bare_environment(secrets.token_hex(8))
    node_port = free_port()
    node_url = f"http://{LOOPBACK}:{node_port}"
    node = Node(node_url)
    keeper.add(_anvil(anvil_binary(), node_port, root, bare, node))
    ground = raise_ground(root, keeper, bare)
    rpc = BalancedRpc(node_url, lag_blocks=lag_blocks, lag_share=lag_share, seed=seed)
    rpc.start()
    replica = FaultyRpc(node_url)
    hush(replica)
    replica.faults.lag_blocks = lag_blocks
    replica.start()
    ground.environment |= {
        "CHAIN_RPC_URL": rpc.url,
        "CHAIN_RPC_FALLBACK_URLS": replica.url,
        "CHAIN_ID": str(anvil.CHAIN_ID),
        "CHAIN_CONFIRMATIONS": str(confirmations),
    }
    ground.secrets = {name: f"0x{secrets.token_hex(32)}" for name in ("CHAIN_SIGNER_KEY", "CHAIN_PAYOUTS_SIGNER_KEY")}
    stage = Stage(ground, node, rpc, replica, node_url)
    ground.must_manage("migrate", "--database", "owner", "--no-input")
    ground.must_manage("deploy_contracts", **stage.direct)
    # The deployment is history by the time that payouts begin, for every replica.
    node.ask("anvil_mine", hex(confirmations + lag_blocks + 1))
    return stage


def start_platform(stage: Stage) -> None:
    """Start the processes that pay out."""
    stage.ground.start("bridge", "The chain bridge is running", environment=stage.ground.secrets)
    stage.ground.start("worker", " ready.", children=True)
    stage.ground.start("beat", "beat: Starting")


def _anvil(binary: Path, port: int, root: Path, bare: dict[str, str], node: Node) -> Part:
    """The chain. It is not killed: a chain has many nodes. Its state is kept nowhere."""
    options = ["--host", LOOPBACK, "--port", str(port), "--chain-id", str(anvil.CHAIN_ID), "--quiet"]

    def answers(_: str) -> bool:
        try:
            return bool(node.ask("eth_chainId"))
        except OSError:
            return False

    return Part("anvil", [str(binary), *options], bare, root / "log" / "anvil.log", answers)
