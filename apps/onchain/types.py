"""States and plain facts of intents, transactions and events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import models

#: Stands for the platform's own account in an intent's arguments; the bridge, which knows it, puts the address in.
CUSTODY = "custody"
#: In an intent's arguments: `{ADDRESS_OF: contract}` is a contract's address, `{CALL_OF: [contract, function, args]}`
#: the encoded call of one, for functions that pass a call on.
ADDRESS_OF = "address_of"
CALL_OF = "call_of"

#: Lanes: each has a signer of its own and keeps its own order.
REGISTRY_LANE = "registry"
PAYOUTS_LANE = "payouts"
#: Contracts whose calls go through the payouts lane, where it has a signer.
PAYOUTS_CONTRACTS = ("PayoutDistributor",)


class IntentState(models.TextChoices):
    """What became of the wish to change the chain."""

    QUEUED = "queued", "Queued"
    SENT = "sent", "Sent"
    CONFIRMED = "confirmed", "Confirmed"
    FAILED = "failed", "Failed"


class TransactionState(models.TextChoices):
    """Where a signed transaction is. The last three are final."""

    SENT = "sent", "Sent"
    MINED = "mined", "Mined"
    CONFIRMED = "confirmed", "Confirmed"
    REVERTED = "reverted", "Reverted"
    LOST = "lost", "Lost"


#: Transactions that the bridge still has to bring to an end.
IN_FLIGHT = (TransactionState.SENT, TransactionState.MINED)


class EventState(models.TextChoices):
    """How sure an event is: seen in a block, deep enough to count, or in a block that the chain dropped."""

    SEEN = "seen", "Seen"
    CONFIRMED = "confirmed", "Confirmed"
    ORPHANED = "orphaned", "Orphaned"


@dataclass(frozen=True, slots=True)
class IntentInfo:
    """An intent as the other apps see it. `tx_hash` and `block_number` are set once it is mined."""

    id: UUID
    organisation_id: UUID
    kind: str
    contract: str
    function: str
    idempotency_key: str
    state: IntentState
    reason: str
    tx_hash: str | None
    block_number: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """How the bridge is. `healthy` needs a recent heartbeat; `message` says what is wrong.

    Up to `verified_block` everything was read at depth; `head_at` is when the newest block was first seen;
    `gaps_filled` counts the events that a node had left out at the first reading.
    """

    chain_id: int
    healthy: bool
    message: str
    head_block: int | None
    indexed_block: int | None
    confirmations: int
    queued: int
    in_flight: int
    beat_at: datetime | None
    verified_block: int | None
    gaps_filled: int
    head_at: datetime | None


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """A signer's lane. `problem` says what keeps it from sending, since when; wei amounts are None before it ran."""

    name: str
    address: str
    next_nonce: int
    queued: int
    in_flight: int
    balance_wei: int | None
    highest_fee_wei: int | None
    problem: str
    problem_since: datetime | None


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """A node (RPC endpoint) as the bridge last saw it. `condition` is agrees, behind, disagrees or down."""

    label: str
    head_block: int | None
    lag: int | None
    condition: str
    message: str
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class ReconciliationInfo:
    """One comparison of platform and chain: which checks ran as of which block, and every difference found."""

    started_at: datetime
    finished_at: datetime
    block: int
    checks: dict[str, int]
    differences: list[str]

    @property
    def agrees(self) -> bool:
        """Nothing differs."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class AddressCheckInfo:
    """Whether there is code at an address (a contract, not a person's wallet); None until the bridge has looked."""

    address: str
    has_code: bool | None
    checked_at: datetime | None


@dataclass(frozen=True, slots=True)
class DistributorState:
    """The distributor as its confirmed events tell it: epochs, root in force, published and claimed (raw units)."""

    address: str
    epoch: int
    root: str
    published: int
    claimed: int
    claimed_by_payee: dict[str, int]
