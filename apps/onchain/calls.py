"""From an intent's stored arguments to the bytes of its call. The bridge's side; no network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.onchain.types import ADDRESS_OF, CALL_OF, CUSTODY
from chain_bridge import abi
from chain_bridge.errors import UnknownContract
from chain_bridge.types import Call, DeployedContract


class CallEncoder:
    """Knows the contracts, and the account that stands behind `types.CUSTODY`."""

    def __init__(self, contracts: Mapping[str, DeployedContract], custody_address: str) -> None:
        self._contracts = contracts
        self._custody = custody_address

    def encode(self, contract: str, function: str, args: list[Any]) -> Call:
        """The call of a contract of ours.

        Args:
            args: as in `services.request_transaction`; also `{"address_of": name}` for a contract's address and
                `{"call_of": [contract, function, args]}` for the bytes of a call inside the call.

        Raises:
            UnknownContract, InvalidArguments
        """
        target = self._contract(contract)
        return Call(target.address, abi.encode_call(target.abi, function, [self._resolve(value) for value in args]))

    def _resolve(self, value: Any) -> Any:
        if value == CUSTODY:
            return self._custody
        if isinstance(value, list):
            return [self._resolve(item) for item in value]
        if isinstance(value, dict) and ADDRESS_OF in value:
            return self._contract(value[ADDRESS_OF]).address
        if isinstance(value, dict) and CALL_OF in value:
            return self.encode(*value[CALL_OF]).data
        return value

    def _contract(self, name: str) -> DeployedContract:
        contract = self._contracts.get(name)
        if contract is None:
            raise UnknownContract(f"there is no contract {name}")
        return contract
