"""What the chain's side tells the apps above. Delivered at least once; the same fact may come again after a reorg."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.core.outbox import Event


@dataclass(frozen=True)
class TransactionConfirmed(Event):
    """An intent's transaction succeeded and is as deep in the chain as configured (in the intent's organisation)."""

    intent_id: UUID
    kind: str
    idempotency_key: str
    tx_hash: str
    block_number: int


@dataclass(frozen=True)
class TransactionFailed(Event):
    """The chain will not do what an intent asked for, and why (in the intent's organisation)."""

    intent_id: UUID
    kind: str
    idempotency_key: str
    reason: str


@dataclass(frozen=True)
class ChainEventConfirmed(Event):
    """An event of one of our contracts is as deep as configured (in the platform's organisation).

    `address` is the contract's; integers in `args` are decimal strings, bytes and addresses 0x-hex.
    """

    contract: str
    address: str
    event: str
    args: dict[str, Any]
    tx_hash: str
    block_number: int
    log_index: int


@dataclass(frozen=True)
class ChainEventReverted(Event):
    """An event that had counted is no longer on the chain: its block was reorganised away from below the depth.

    The fields are those of the `ChainEventConfirmed` that it takes back. Where the same transaction is mined again, a
    new `ChainEventConfirmed` follows, with the new block; receivers tell the two apart by `block_number` and
    `log_index` and must not rely on the order of delivery.
    """

    contract: str
    address: str
    event: str
    args: dict[str, Any]
    tx_hash: str
    block_number: int
    log_index: int


@dataclass(frozen=True)
class AddressChecked(Event):
    """The bridge has looked whether there is code at an address (in the platform's organisation)."""

    address: str
    has_code: bool
