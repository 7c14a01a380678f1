"""What the bridge's parts hand to each other: plain frozen data, no behaviour, no libraries."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True)
class BlockRef:
    """A block by number and 0x-hash."""

    number: int
    hash: str


class NodeCondition(StrEnum):
    """What a node is worth at the moment."""

    AGREES = "agrees"
    BEHIND = "behind"
    DISAGREES = "disagrees"
    DOWN = "down"


@dataclass(frozen=True)
class NodeState:
    """A node as it was last seen. `label` names it without its credentials; `lag` is in blocks."""

    label: str
    head: int | None
    lag: int | None
    condition: NodeCondition
    message: str


@dataclass(frozen=True)
class Fees:
    """EIP-1559 prices per unit of gas, in wei."""

    max_fee: int
    priority_fee: int


@dataclass(frozen=True)
class Call:
    """A call of a contract: where it goes and its encoded input."""

    to: str
    data: str


@dataclass(frozen=True)
class SignedTransaction:
    """The bytes that go out and the 0x-hash that they will have on chain."""

    raw: bytes
    hash: str


@dataclass(frozen=True)
class Receipt:
    """What became of a mined transaction. ``gas_price`` is what was paid per unit of gas, in wei."""

    tx_hash: str
    block: BlockRef
    succeeded: bool
    gas_used: int
    gas_price: int


@dataclass(frozen=True)
class RawLog:
    """A log as the node gives it. ``topics`` and ``data`` are bytes."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block: BlockRef
    tx_hash: str
    log_index: int


@dataclass(frozen=True)
class DecodedEvent:
    """A log of one of our contracts. ``args`` are JSON values: integers as strings, bytes and addresses as 0x-hex."""

    contract: str
    event: str
    args: dict[str, Any]
    block: BlockRef
    tx_hash: str
    log_index: int


@dataclass(frozen=True)
class DeployedContract:
    """A contract of ours on a chain. ``block`` is where it was deployed: nothing of it can be found before."""

    name: str
    address: str
    block: int
    abi: list[dict[str, Any]] = field(repr=False, compare=False)
