"""Deployment of the contracts: the same addresses on every chain, any number of times, recorded by chain id.

Contracts are created through the deterministic deployment proxy (CREATE2), so that an interrupted deployment finds what
it had done, and are created anew only when the chain has no code at the recorded address. No key is ever admin of a
contract: the constructors give that role to the timelock, and the roles are read back at the end.
"""

import json
import time
from collections.abc import Iterator, Sequence
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

CONTRACT_NAMES = (
    "Timelock",
    "AssetRegistry",
    "PayoutToken",
    "PayoutDistributor",
    "AssetShares",
    "RoyaltyPool",
    "LicenseBook",
    "CustodyAccounts",
    "LedgerAnchor",
)
#: On a chain with value, a change of roles is public for this long before it takes effect.
PUBLIC_TIMELOCK_S = 2 * 24 * 60 * 60
_PROXY = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
_UNLIMITED = (1 << 256) - 1
# A billion test dollars: more than a development chain will ever pay out.
_TEST_SUPPLY = 10**9 * 10**6
_TOKEN_DECIMALS = 6
_TEST_ETHER_WEI = 10**24
_RECEIPT_TIMEOUT_S = 180.0
_ADMIN = "DEFAULT_ADMIN_ROLE"


class DeploymentFailed(BridgeError):
    """A deployment transaction reverted or was not mined in time, or a role is not where it belongs."""


@dataclass(frozen=True)
class Roles:
    """Who may do what, as addresses. ``proposer`` proposes, cancels and executes at the timelock, which is the admin.

    ``timelock_delay_s`` is how long a proposal is public before it can be executed, in seconds.
    """

    timelock_delay_s: int
    proposer: str
    registrar: str
    publisher: str
    pauser: str
    recoverer: str
    issuer: str
    operator: str
    committer: str

    @classmethod
    def of(cls, config: BridgeConfig, *, timelock_delay_s: int = PUBLIC_TIMELOCK_S) -> "Roles":
        """All roles for the signer, but for those that the settings give to others.

        ``timelock_delay_s`` holds where the settings name no delay.
        """
        me = Signer(config.signer_key, config.chain_id).address
        payouts = Signer(config.payouts_signer_key or config.signer_key, config.chain_id).address
        return cls(
            timelock_delay_s=timelock_delay_s if config.timelock_delay_s is None else config.timelock_delay_s,
            proposer=to_checksum_address(config.proposer_address or me),
            registrar=me,
            publisher=payouts,
            pauser=to_checksum_address(config.pauser_address or me),
            # The bridge sends every call of the distributor by the payouts' signer.
            recoverer=to_checksum_address(config.recoverer_address or payouts),
            issuer=me,
            operator=me,
            committer=me,
        )


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


def deploy(config: BridgeConfig, *, salt: str = "", roles: Roles | None = None) -> Deployment:
    """Create what is missing on the chain, equip the publisher, record the addresses, and verify the roles.

    Args:
        config: Node, keys, and where to record.
        salt: Any text; another text gives other addresses (tests use it for contracts of their own).
        roles: Who may do what; by default the configured keys, with a timelock of two days (none on anvil).

    Raises:
        ChainMismatch: The node serves another chain than configured, has no deployment proxy, or has contracts that
            were built from other sources.
        DeploymentFailed: A transaction was refused, or a contract's roles are not the ones asked for.
    """
    return _Deployer(config, salt, roles).run()


class _Deployer:
    def __init__(self, config: BridgeConfig, salt: str, roles: Roles | None) -> None:
        self._config = config
        self._gateway = Gateway(config.rpc_url)
        self._signer = Signer(config.signer_key, config.chain_id)
        self._payer = Signer(config.payouts_signer_key or config.signer_key, config.chain_id)
        self._salt = keccak(text=f"sahara:{salt}")
        self._given_roles = roles
        self._records: dict[str, dict[str, Any]] = _read(config.addresses_file).get(str(config.chain_id), {})
        self._created: list[str] = []

    def run(self) -> Deployment:
        self._check_chain()
        delay_s = 0 if self._is_development_chain() else PUBLIC_TIMELOCK_S
        roles = self._given_roles or Roles.of(self._config, timelock_delay_s=delay_s)
        admin = self._ensure("Timelock", [roles.timelock_delay_s, [roles.proposer], [roles.proposer]]).address
        token = self._ensure_token(admin, roles.publisher)
        registry = self._ensure("AssetRegistry", [admin, roles.registrar, roles.pauser])
        paid_in = token.address
        distributor = self._ensure(
            "PayoutDistributor", [paid_in, admin, roles.publisher, roles.pauser, roles.recoverer]
        )
        shares = self._ensure("AssetShares", [admin, registry.address, paid_in, roles.issuer, roles.pauser])
        pool = self._ensure("RoyaltyPool", [admin, registry.address, paid_in, shares.address, roles.pauser])
        book = [admin, registry.address, pool.address, paid_in, roles.issuer, roles.pauser]
        self._ensure("LicenseBook", book)
        self._ensure("CustodyAccounts", [admin, roles.operator, roles.pauser])
        self._ensure("LedgerAnchor", [admin, roles.committer])
        self._equip_publisher(token, distributor, roles.publisher)
        contracts = load_contracts(self._config.addresses_file, self._config.chain_id)
        self._verify(contracts, roles)
        return Deployment(contracts, tuple(self._created))

    def _check_chain(self) -> None:
        served = self._gateway.chain_id()
        if served != self._config.chain_id:
            raise ChainMismatch(f"{self._config.rpc_url} serves chain {served}, CHAIN_ID is {self._config.chain_id}")
        if not self._gateway.code(_PROXY):
            raise ChainMismatch(f"chain {served} has no deterministic deployment proxy at {_PROXY}")
        if self._is_development_chain():
            for address in {self._signer.address, self._payer.address}:
                if self._gateway.balance(address) == 0:
                    self._gateway.development("anvil_setBalance", address, hex(_TEST_ETHER_WEI))

    def _is_development_chain(self) -> bool:
        return self._gateway.client_version().startswith("anvil/")

    def _ensure_token(self, admin: str, publisher: str) -> DeployedContract:
        if self._config.token_address is None:
            token = self._ensure("PayoutToken", [admin, self._signer.address])
            if int(self._gateway.read(token, "balanceOf", [publisher])[0]) == 0:
                self._send(self._signer, token, "mint", [publisher, _TEST_SUPPLY])
            return token
        address = to_checksum_address(self._config.token_address)
        if not self._gateway.code(address):
            raise ChainMismatch(f"CHAIN_PAYOUT_TOKEN: there is no contract at {address}")
        if self._records.get("PayoutToken", {}).get("address") != address:
            self._record("PayoutToken", address, self._gateway.head().number, "")
        token = self._contract("PayoutToken")
        decimals = int(self._gateway.read(token, "decimals")[0])
        if decimals != _TOKEN_DECIMALS:
            raise ChainMismatch(
                f"CHAIN_PAYOUT_TOKEN: {address} has {decimals} decimals, payouts are counted in {_TOKEN_DECIMALS}"
            )
        return token

    def _equip_publisher(self, token: DeployedContract, distributor: DeployedContract, publisher: str) -> None:
        """Give the allowance from which epochs are paid, and one unit of the token.

        The unit keeps the distributor's balance from ever being zero: filling an empty balance costs 17,100 gas more,
        and without it every epoch after a fully claimed one would pay that. It belongs to nobody and stays there.
        """
        if publisher != self._payer.address:
            return  # another account's business: its key is not here
        if int(self._gateway.read(token, "allowance", [publisher, distributor.address])[0]) < _UNLIMITED // 2:
            self._send(self._payer, token, "approve", [distributor.address, _UNLIMITED])
        if (
            int(self._gateway.read(token, "balanceOf", [distributor.address])[0]) == 0
            and int(self._gateway.read(token, "balanceOf", [publisher])[0]) > 0
        ):
            self._send(self._payer, token, "transfer", [distributor.address, 1])

    def _verify(self, contracts: dict[str, DeployedContract], roles: Roles) -> None:
        """Read every role back: the holders that were asked for, and no admin but the timelock."""
        admin = contracts["Timelock"].address
        keys = {address for address in vars(roles).values() if isinstance(address, str)}
        own = {name: contract for name, contract in contracts.items() if name != "PayoutToken"}
        if self._config.token_address is None:
            own["PayoutToken"] = contracts["PayoutToken"]
        for contract in own.values():
            self._expect_role(contract, _ADMIN, admin, held=True)
            for other in sorted(keys | {self._signer.address, self._payer.address}):
                self._expect_role(contract, _ADMIN, other, held=False)
        for name, role, holder in _role_holders(roles, self._signer.address):
            if name in own:
                self._expect_role(own[name], role, holder, held=True)
        if contracts["Timelock"].name not in self._created:
            return
        delay = int(self._gateway.read(contracts["Timelock"], "getMinDelay")[0])
        if delay != roles.timelock_delay_s:
            raise DeploymentFailed(f"the timelock's delay is {delay} s instead of {roles.timelock_delay_s} s")

    def _expect_role(self, contract: DeployedContract, role: str, account: str, *, held: bool) -> None:
        identifier = self._gateway.read(contract, role)[0]
        if bool(self._gateway.read(contract, "hasRole", [identifier, account])[0]) != held:
            word = "lacks" if held else "must not have"
            raise DeploymentFailed(
                f"{account} {word} {role} on {contract.name} {contract.address}: "
                "change it through the timelock, or deploy under another salt"
            )

    def _ensure(self, name: str, args: Sequence[Any]) -> DeployedContract:
        compiled = foundry.artifact(name)
        code = bytes.fromhex(compiled.bytecode[2:])
        digest = "0x" + keccak(code).hex()
        recorded = self._records.get(name)
        if recorded is not None and not self._gateway.code(recorded["address"]):
            recorded = None
        if recorded is not None and recorded.get("code") != digest:
            if not self._is_development_chain():
                raise ChainMismatch(
                    f"{name} at {recorded['address']} was built from other sources; contracts are not upgraded in "
                    "place: move to a new deployment as docs/adr/0009-immutable-contracts.md says"
                )
            recorded = None
        if recorded is None:
            self._create(name, code + abi.encode_constructor(compiled.abi, args), digest)
        return self._contract(name)

    def _create(self, name: str, creation: bytes, code_digest: str) -> None:
        digest = keccak(b"\xff" + bytes.fromhex(_PROXY[2:]) + self._salt + keccak(creation))
        address = to_checksum_address(digest[12:])
        if not self._gateway.code(address):
            call = Call(_PROXY, "0x" + (self._salt + creation).hex())
            block = self._transact(self._signer, call, f"creating {name}").block.number
            self._created.append(name)
        else:
            # An interrupted deployment made it and did not come to record it: its block is unknown, so the earliest.
            block = 0
        self._record(name, address, block, code_digest)

    def _send(self, signer: Signer, contract: DeployedContract, function: str, args: Sequence[Any]) -> None:
        call = Call(contract.address, abi.encode_call(contract.abi, function, args))
        self._transact(signer, call, f"{contract.name}.{function}")

    def _transact(self, signer: Signer, call: Call, what: str) -> Receipt:
        gas = self._gateway.estimate_gas(signer.address, call)
        nonce = self._gateway.nonce(signer.address)
        signed = signer.sign(call, nonce=nonce, gas=gas, fees=self._gateway.fees())
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

    def _record(self, name: str, address: str, block: int, code_digest: str) -> None:
        self._records[name] = {"address": address, "block": block, "code": code_digest}
        path = self._config.addresses_file
        everything = _read(path) | {str(self._config.chain_id): self._records}
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(everything, indent=2, sort_keys=True) + "\n")
        temporary.replace(path)


def _role_holders(roles: Roles, minter: str) -> Iterator[tuple[str, str, str]]:
    yield from (("Timelock", role, roles.proposer) for role in ("PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE"))
    stoppable = ("AssetRegistry", "PayoutDistributor", "AssetShares", "RoyaltyPool", "LicenseBook", "CustodyAccounts")
    yield from ((name, "PAUSER_ROLE", roles.pauser) for name in stoppable)
    yield "AssetRegistry", "REGISTRAR_ROLE", roles.registrar
    yield "PayoutToken", "MINTER_ROLE", minter
    yield "PayoutDistributor", "PUBLISHER_ROLE", roles.publisher
    yield "PayoutDistributor", "RECOVERER_ROLE", roles.recoverer
    yield "AssetShares", "ISSUER_ROLE", roles.issuer
    yield "LicenseBook", "ISSUER_ROLE", roles.issuer
    yield "CustodyAccounts", "OPERATOR_ROLE", roles.operator
    yield "LedgerAnchor", "COMMITTER_ROLE", roles.committer


def _read(path: Path) -> dict[str, dict[str, dict[str, Any]]]:
    if not path.exists():
        return {}
    records: dict[str, dict[str, dict[str, Any]]] = json.loads(path.read_text())
    return records
