"""A real chain for the tests: anvil from the pinned npm package, and the contracts deployed on it."""

import contextlib
import json
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from chain_bridge import foundry
from chain_bridge.config import BridgeConfig
from chain_bridge.deploy import deploy, load_contracts
from chain_bridge.errors import RpcUnavailable
from chain_bridge.gateway import Gateway
from chain_bridge.types import DeployedContract
from sahara_platform.embedded.process import free_port

#: Of anvils that are told nothing else. A test that stores what it read takes an id of its own: rows are kept.
CHAIN_ID = 31337


@dataclass(frozen=True)
class DeployedChain:
    """A running anvil with contracts of its own."""

    config: BridgeConfig
    contracts: dict[str, DeployedContract]

    @property
    def gateway(self) -> Gateway:
        """The node."""
        return Gateway(self.config.rpc_url)

    def mine(self, blocks: int = 1) -> None:
        """Mine empty blocks."""
        self.gateway.development("anvil_mine", hex(blocks))

    def reorg(self, depth: int) -> None:
        """Replace the newest blocks by empty ones."""
        self.gateway.development("anvil_reorg", depth, [])

    def automine(self, *, on: bool) -> None:
        """Mine every transaction at once, or only on `mine`."""
        self.gateway.development("evm_setAutomine", on)


@contextlib.contextmanager
def start_anvil(state_path: Path | None = None, port: int | None = None, *, chain_id: int = CHAIN_ID) -> Iterator[str]:
    """Run anvil on a loopback port and yield its URL; with a state file it goes on where it stopped."""
    port = port or free_port()
    command = [str(foundry.anvil_binary()), "--port", str(port), "--chain-id", str(chain_id), "--silent"]
    if state_path is not None:
        command += ["--state", str(state_path), "--state-interval", "1"]
    process = subprocess.Popen(command)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=60)


@contextlib.contextmanager
def deployed_chain(
    rpc_url: str | None = None, *, confirmations: int = 2, payouts_signer: bool = False
) -> Iterator[DeployedChain]:
    """Contracts and a signer of their own (or one more for payouts) on the given chain, or those of a new one."""
    with contextlib.ExitStack() as stack:
        addresses_file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "addresses.json"
        if rpc_url is not None:
            config = _config(rpc_url, addresses_file, confirmations, _keys(payouts_signer=payouts_signer))
            deployment = deploy(config, salt=secrets.token_hex(8))
            yield DeployedChain(config, deployment.contracts)
            return
        template = _template(payouts_signer)
        url = stack.enter_context(start_anvil(chain_id=secrets.randbelow(10**9) + 10**6))
        Gateway(url).development("anvil_loadState", template.state)
        config = _config(url, addresses_file, confirmations, template.keys)
        addresses_file.write_text(json.dumps({str(config.chain_id): template.records}))
        yield DeployedChain(config, load_contracts(addresses_file, config.chain_id))


@dataclass(frozen=True)
class _Template:
    """A chain on which everything is deployed: loading it is ten times faster than deploying again."""

    state: str
    keys: dict[str, SecretStr | None]
    records: dict[str, Any]


@cache
def _template(payouts_signer: bool) -> _Template:
    with tempfile.TemporaryDirectory() as folder, start_anvil() as url:
        keys = _keys(payouts_signer=payouts_signer)
        config = _config(url, Path(folder) / "addresses.json", 2, keys)
        deploy(config)
        records = json.loads(config.addresses_file.read_text())[str(config.chain_id)]
        return _Template(Gateway(url).development("anvil_dumpState"), keys, records)


def _keys(*, payouts_signer: bool) -> dict[str, SecretStr | None]:
    second = SecretStr("0x" + secrets.token_hex(32)) if payouts_signer else None
    return {"CHAIN_SIGNER_KEY": SecretStr("0x" + secrets.token_hex(32)), "CHAIN_PAYOUTS_SIGNER_KEY": second}


def _config(url: str, addresses_file: Path, confirmations: int, keys: dict[str, SecretStr | None]) -> BridgeConfig:
    return BridgeConfig.model_validate(
        {
            "CHAIN_RPC_URL": url,
            "CHAIN_ID": Gateway(url).chain_id(),
            "CHAIN_ADDRESSES_FILE": addresses_file,
            "CHAIN_CONFIRMATIONS": confirmations,
            "CHAIN_POLL_INTERVAL_S": 0.05,
            **keys,
        }
    )


@pytest.fixture(scope="session")
def anvil() -> Iterator[str]:
    """URL of an anvil that lives as long as the test session."""
    with start_anvil() as url:
        yield url


@pytest.fixture
def own_chain() -> Iterator[DeployedChain]:
    """An anvil of the test's own, for tests that reorganise or stop the chain."""
    with deployed_chain() as chain:
        yield chain


@pytest.fixture(scope="session")
def chain(anvil: str) -> Iterator[DeployedChain]:
    """The session's anvil with one set of contracts."""
    with deployed_chain(anvil) as deployed:
        yield deployed


def _wait_for(url: str) -> None:
    gateway = Gateway(url, timeout_s=1)
    deadline = time.monotonic() + 60
    while True:
        try:
            gateway.chain_id()
        except RpcUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
