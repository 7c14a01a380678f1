"""The only user of the node's JSON-RPC endpoint: typed answers, and errors by what to do about them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

import requests
from eth_abi.exceptions import DecodingError
from web3 import HTTPProvider, Web3
from web3.exceptions import BlockNotFound, ContractLogicError, TransactionNotFound, Web3Exception, Web3RPCError
from web3.types import BlockIdentifier, FilterParams, LogReceipt, RPCEndpoint, TxParams

from chain_bridge import abi
from chain_bridge.errors import (
    BridgeError,
    CallReverts,
    NonceTooLow,
    RpcRefused,
    RpcUnavailable,
    SignerUnfunded,
    Underpriced,
)
from chain_bridge.types import (
    BlockRef,
    Call,
    DeployedContract,
    Fees,
    NodeCondition,
    NodeState,
    RawLog,
    Receipt,
)

GAS_MARGIN_PERCENT = 20
#: Two balances that are full when the gas is estimated and empty when it is used; what is not used is not paid.
GAS_MARGIN = 40_000
# What the library raises over answers of a wrong form, depending on where it trips.
_NONSENSE = (Web3Exception, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, DecodingError)


class Gateway:
    """A node. Every method is one network round trip, or a few, and raises `RpcUnavailable` when there is none."""

    def __init__(self, rpc_url: str, *, timeout_s: float = 10.0) -> None:
        provider = HTTPProvider(rpc_url, request_kwargs={"timeout": timeout_s}, exception_retry_configuration=None)
        self._web3 = Web3(provider)
        self._url = rpc_url
        self.label = node_label(rpc_url)
        self._state = NodeState(self.label, None, None, NodeCondition.DOWN, "not asked yet")

    def chain_id(self) -> int:
        """Id of the chain that the node serves."""
        with self._noticed_when_down(), self._answers():
            return int(self._web3.eth.chain_id)

    def head(self) -> BlockRef:
        """The newest block."""
        with self._noticed_when_down():
            newest = self._newest()
        self._state = NodeState(self.label, newest.number, 0, NodeCondition.AGREES, "")
        return newest

    def node_states(self) -> list[NodeState]:
        """The node as the last call of `head` found it."""
        return [self._state]

    def block(self, number: int) -> BlockRef | None:
        """The block at a height, or None when the chain is not that long."""
        return self._block(number)

    def nonce(self, address: str, *, at_block: int | None = None) -> int:
        """How many transactions of the account are mined, now or as of a block."""
        block: Any = "latest" if at_block is None else at_block
        with self._answers():
            return int(self._web3.eth.get_transaction_count(Web3.to_checksum_address(address), block))

    def balance(self, address: str) -> int:
        """The account's balance in wei."""
        with self._answers():
            return int(self._web3.eth.get_balance(Web3.to_checksum_address(address)))

    def code(self, address: str) -> bytes:
        """The code at an address; empty when there is no contract."""
        with self._answers():
            return bytes(self._web3.eth.get_code(Web3.to_checksum_address(address)))

    def fees(self) -> Fees:
        """Prices that get a transaction mined soon: the node's tip, and room for the base fee to double."""
        with self._answers():
            base = int(self._web3.eth.get_block("latest").get("baseFeePerGas", 0))
            tip = int(self._web3.eth.max_priority_fee)
        return Fees(max_fee=2 * base + tip, priority_fee=tip)

    def estimate_gas(self, sender: str, call: Call, known_errors: Sequence[abi.Abi] = ()) -> int:
        """Gas limit for a call, with a margin.

        Raises:
            CallReverts: The contract would refuse it; the reason is decoded with the ABIs in `known_errors`.
        """
        parameters = _parameters(sender, call)
        try:
            with self._answers(known_errors):
                gas = int(self._web3.eth.estimate_gas(parameters))
        except RpcRefused as error:
            _raise_refusal(
                error,
                {
                    "insufficient funds": SignerUnfunded,
                    "revert": CallReverts,
                    "gas required exceeds": CallReverts,
                    "out of gas": CallReverts,
                    "outofgas": CallReverts,
                },
            )
        return gas * (100 + GAS_MARGIN_PERCENT) // 100 + GAS_MARGIN

    def read(
        self, contract: DeployedContract, function: str, args: Sequence[Any] = (), *, block: int | None = None
    ) -> list[Any]:
        """Call a view function at the newest block or as of a given one; values as JSON."""
        call = Call(contract.address, abi.encode_call(contract.abi, function, args))
        with self._answers([contract.abi]):
            data = self._web3.eth.call(_parameters(None, call), "latest" if block is None else block)
            return abi.decode_result(contract.abi, function, args, bytes(data))

    def revert_reason(self, sender: str, call: Call, block: int, known_errors: Sequence[abi.Abi]) -> str:
        """Why a mined transaction reverted, by running it again on the state before its block, then after it."""
        parameters = _parameters(sender, call)
        for state in (block - 1, block):
            try:
                with self._answers(known_errors):
                    self._web3.eth.call(parameters, state)
            except CallReverts as error:
                return error.reason
            except RpcRefused:
                return "reverted; the node no longer has the state to say why"
        return "reverted for lack of gas, or for what another transaction of its block had done"

    def broadcast(self, raw: bytes) -> None:
        """Send signed bytes. Sending what the node already has is no error.

        Raises:
            NonceTooLow, Underpriced, SignerUnfunded: The node's refusals that need different care.
        """
        try:
            with self._answers():
                self._web3.eth.send_raw_transaction(raw)
        except RpcRefused as error:
            text = str(error).lower()
            if "already known" in text or "already imported" in text:
                return
            _raise_refusal(
                error,
                {
                    "nonce too low": NonceTooLow,
                    "underpriced": Underpriced,
                    "less than block base fee": Underpriced,
                    "insufficient funds": SignerUnfunded,
                },
            )

    def knows(self, tx_hash: str) -> bool:
        """Whether the node has the transaction, mined or waiting."""
        try:
            with self._answers():
                self._web3.eth.get_transaction(cast("Any", tx_hash))
        except _Absent:
            return False
        return True

    def receipt(self, tx_hash: str) -> Receipt | None:
        """What became of a transaction, or None while it is in no block."""
        try:
            with self._answers():
                found = self._web3.eth.get_transaction_receipt(cast("Any", tx_hash))
                return Receipt(
                    tx_hash=tx_hash,
                    block=BlockRef(int(found["blockNumber"]), _hex(found["blockHash"])),
                    succeeded=found["status"] == 1,
                    gas_used=int(found["gasUsed"]),
                    gas_price=int(found["effectiveGasPrice"]),
                )
        except _Absent:
            return None

    def logs(self, addresses: Sequence[str], first: int, last: int) -> list[RawLog]:
        """All logs of these contracts in a range of blocks, both ends included, in chain order."""
        query: FilterParams = {
            "address": [Web3.to_checksum_address(address) for address in addresses],
            "fromBlock": first,
            "toBlock": last,
        }
        with self._answers():
            found = [_log(entry) for entry in self._web3.eth.get_logs(query)]
        return sorted(found, key=lambda log: (log.block.number, log.log_index))

    def client_version(self) -> str:
        """The node's name and version."""
        with self._answers():
            return self._web3.client_version

    def development(self, method: str, *parameters: Any) -> Any:
        """A method that only development chains have, such as ``anvil_mine``."""
        with self._answers():
            return self._web3.manager.request_blocking(RPCEndpoint(method), list(parameters))

    @contextmanager
    def _noticed_when_down(self) -> Iterator[None]:
        try:
            yield
        except RpcUnavailable as error:
            self._state = NodeState(self.label, None, None, NodeCondition.DOWN, str(error))
            raise

    def _newest(self) -> BlockRef:
        newest = self._block("latest")
        if newest is None:
            raise RpcUnavailable(f"{self.label}: the node has no newest block")
        return newest

    def _block(self, identifier: BlockIdentifier) -> BlockRef | None:
        try:
            with self._answers():
                block = self._web3.eth.get_block(identifier)
                return BlockRef(int(block["number"]), _hex(block["hash"]))
        except _Absent:
            return None

    @contextmanager
    def _answers(self, known_errors: Sequence[abi.Abi] = ()) -> Iterator[None]:
        try:
            yield
        except (TransactionNotFound, BlockNotFound) as error:
            raise _Absent from error
        except ContractLogicError as error:
            raise CallReverts(_reason(error, known_errors)) from error
        except Web3RPCError as error:
            raise RpcRefused(_message(error)) from error
        except requests.RequestException as error:
            raise RpcUnavailable(f"{self.label}: {_without_path(str(error), self._url)}") from error
        except _NONSENSE as error:
            raise RpcUnavailable(f"{self.label} answers nonsense: {type(error).__name__}: {error}") from error


class _Absent(Exception):
    """The node has no such block or transaction."""


def node_label(rpc_url: str) -> str:
    """A node's address for people to read: providers put their customers' keys into the rest of the URL."""
    parts = urlsplit(rpc_url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


def _without_path(text: str, rpc_url: str) -> str:
    parts = urlsplit(rpc_url)
    for secret in (rpc_url, f"{parts.path}?{parts.query}", parts.path, parts.query, parts.netloc.rpartition("@")[0]):
        if len(secret) > 1:
            text = text.replace(secret, "…")
    return text


def _raise_refusal(error: RpcRefused, kinds: Mapping[str, type[BridgeError]]) -> NoReturn:
    for words, kind in kinds.items():
        if words in str(error).lower():
            raise kind(str(error)) from error
    raise error


def _parameters(sender: str | None, call: Call) -> TxParams:
    parameters: TxParams = {"to": Web3.to_checksum_address(call.to), "data": cast("Any", call.data)}
    if sender is not None:
        parameters["from"] = Web3.to_checksum_address(sender)
    return parameters


def _reason(error: ContractLogicError, known_errors: Sequence[abi.Abi]) -> str:
    data = error.data if isinstance(error.data, str) else ""
    if data.startswith("0x") and len(data) > len("0x"):
        return abi.decode_error(known_errors, bytes.fromhex(data[2:])) or f"reverted with {data}"
    return error.message or "reverted without a reason"


def _message(error: Web3RPCError) -> str:
    answer: Any = (error.rpc_response or {}).get("error", {})
    return str(answer.get("message", error) if isinstance(answer, dict) else answer)


def _log(entry: LogReceipt) -> RawLog:
    return RawLog(
        address=str(entry["address"]),
        topics=tuple(bytes(topic) for topic in entry["topics"]),
        data=bytes(entry["data"]),
        block=BlockRef(entry["blockNumber"], _hex(entry["blockHash"])),
        tx_hash=_hex(entry["transactionHash"]),
        log_index=entry["logIndex"],
    )


def _hex(value: bytes) -> str:
    return "0x" + bytes(value).hex()
