"""Deployment of the contracts: the same addresses on every chain, any number of times, recorded by chain id.

Contracts are created through the deterministic deployment proxy (CREATE2), so that an interrupted deployment finds what
it had done, and are created anew only when the chain has no code at the recorded address.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chain_bridge import abi, foundry
from chain_bridge.config import BridgeConfig
from chain_bridge.errors import BridgeError, ChainMismatch, UnknownContract
from chain_bridge.gateway import Gateway
from chain_bridge.signer import Signer
from chain_bridge.types import Call, DeployedContract, Receipt

CONTRACT_NAMES = ("AssetRegistry", "PayoutToken", "PayoutDistributor")
_PROXY = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
_UNLIMITED = (1 << 256) - 1
# A billion test dollars: more than a development chain will ever pay out.
_TEST_SUPPLY = 10**9 * 10**6
_TEST_ETHER_WEI = 10**24
_RECEIPT_TIMEOUT_S = 180.0


class DeploymentFailed(BridgeError):
    """A deployment transaction reverted or was not mined in time."""


@dataclass(frozen=True)
class Deployment:
    """The outcome: all contracts, and the names of those created now."""

    contracts: dict[str, DeployedContract]
    created: tuple[str, ...]


def load_contracts(path: Path, chain_id: int) -> dict[str, DeployedContract]:
    """The contracts recorded for a chain, with their ABIs.

    Raises:
        UnknownContract: Nothing is recorded: the contracts have to be deployed first.
    """
    records = _read(path).get(str(chain_id), {})
    missing = [name for name in CONTRACT_NAMES if name not in records]
    if missing:
        raise UnknownContract(
            f"{path} has no {', '.join(missing)} for chain {chain_id}: run `manage.py deploy_contracts`"
        )
    return {
        name: DeployedContract(name, records[name]["address"], records[name]["block"], foundry.artifact(name).abi)
        for name in CONTRACT_NAMES
    }


def deploy(config: BridgeConfig, *, salt: str = "") -> Deployment:
    """Create what is missing on the chain, equip the distributor's publisher, and record the addresses.

    Args:
        config: Node, key, and where to record.
        salt: Any text; another text gives other addresses (tests use it for contracts of their own).

    Raises:
        ChainMismatch: The node serves another chain than configured, or has no deployment proxy.
        DeploymentFailed: A transaction was refused.
    """
    return _Deployer(config, salt).run()


class _Deployer:
    def __init__(self, config: BridgeConfig, salt: str) -> None:
        self._config = config
        self._gateway = Gateway(config.rpc_url)
        self._signer = Signer(config.signer_key, config.chain_id)
        self._salt = keccak(text=f"sahara:{salt}")
        self._records: dict[str, dict[str, Any]] = _read(config.addresses_file).get(str(config.chain_id), {})
        self._created: list[str] = []

    def run(self) -> Deployment:
        self._check_chain()
        me = self._signer.address
        self._ensure("AssetRegistry", [me, me])
        token = self._ensure_token()
        distributor = self._ensure("PayoutDistributor", [token.address, me, me])
        self._ensure_allowance(token, distributor)
        return Deployment(load_contracts(self._config.addresses_file, self._config.chain_id), tuple(self._created))

    def _check_chain(self) -> None:
        served = self._gateway.chain_id()
        if served != self._config.chain_id:
            raise ChainMismatch(f"{self._config.rpc_url} serves chain {served}, CHAIN_ID is {self._config.chain_id}")
        if not self._gateway.code(_PROXY):
            raise ChainMismatch(f"chain {served} has no deterministic deployment proxy at {_PROXY}")
        if self._gateway.balance(self._signer.address) == 0 and self._is_development_chain():
            self._gateway.development("anvil_setBalance", self._signer.address, hex(_TEST_ETHER_WEI))

    def _is_development_chain(self) -> bool:
        return self._gateway.client_version().startswith("anvil/")

    def _ensure_token(self) -> DeployedContract:
        if self._config.token_address is None:
            token = self._ensure("PayoutToken", [self._signer.address, self._signer.address])
            if int(self._gateway.read(token, "balanceOf", [self._signer.address])[0]) == 0:
                self._send(token, "mint", [self._signer.address, _TEST_SUPPLY])
            return token
        address = to_checksum_address(self._config.token_address)
        if not self._gateway.code(address):
            raise ChainMismatch(f"CHAIN_PAYOUT_TOKEN: there is no contract at {address}")
        if self._records.get("PayoutToken", {}).get("address") != address:
            self._record("PayoutToken", address, self._gateway.head().number)
        return self._contract("PayoutToken")

    def _ensure_allowance(self, token: DeployedContract, distributor: DeployedContract) -> None:
        allowed = int(self._gateway.read(token, "allowance", [self._signer.address, distributor.address])[0])
        if allowed < _UNLIMITED // 2:
            self._send(token, "approve", [distributor.address, _UNLIMITED])

    def _ensure(self, name: str, args: Sequence[Any]) -> DeployedContract:
        recorded = self._records.get(name)
        if recorded is None or not self._gateway.code(recorded["address"]):
            compiled = foundry.artifact(name)
            creation = bytes.fromhex(compiled.bytecode[2:]) + abi.encode_constructor(compiled.abi, args)
            self._create(name, creation)
        return self._contract(name)

    def _create(self, name: str, creation: bytes) -> None:
        digest = keccak(b"\xff" + bytes.fromhex(_PROXY[2:]) + self._salt + keccak(creation))
        address = to_checksum_address(digest[12:])
        block = self._gateway.head().number
        if not self._gateway.code(address):
            receipt = self._transact(Call(_PROXY, "0x" + (self._salt + creation).hex()), f"creating {name}")
            block = receipt.block.number
            self._created.append(name)
        else:
            # An interrupted deployment made it and did not come to record it: its block is unknown, so the earliest.
            block = 0
        self._record(name, address, block)

    def _send(self, contract: DeployedContract, function: str, args: Sequence[Any]) -> None:
        call = Call(contract.address, abi.encode_call(contract.abi, function, args))
        self._transact(call, f"{contract.name}.{function}")

    def _transact(self, call: Call, what: str) -> Receipt:
        gas = self._gateway.estimate_gas(self._signer.address, call)
        nonce = self._gateway.nonce(self._signer.address)
        signed = self._signer.sign(call, nonce=nonce, gas=gas, fees=self._gateway.fees())
        self._gateway.broadcast(signed.raw)
        deadline = time.monotonic() + _RECEIPT_TIMEOUT_S
        while (receipt := self._gateway.receipt(signed.hash)) is None:
            if time.monotonic() > deadline:
                raise DeploymentFailed(f"{what}: {signed.hash} was not mined within {_RECEIPT_TIMEOUT_S:.0f} s")
            time.sleep(0.1)
        if not receipt.succeeded:
            raise DeploymentFailed(f"{what}: {signed.hash} reverted")
        return receipt

    def _contract(self, name: str) -> DeployedContract:
        record = self._records[name]
        return DeployedContract(name, record["address"], record["block"], foundry.artifact(name).abi)

    def _record(self, name: str, address: str, block: int) -> None:
        self._records[name] = {"address": address, "block": block}
        path = self._config.addresses_file
        everything = _read(path) | {str(self._config.chain_id): self._records}
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(everything, indent=2, sort_keys=True) + "\n")
        temporary.replace(path)


def _read(path: Path) -> dict[str, dict[str, dict[str, Any]]]:
    if not path.exists():
        return {}
    records: dict[str, dict[str, dict[str, Any]]] = json.loads(path.read_text())
    return records
