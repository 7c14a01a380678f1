"""States and plain facts of withdrawals and epochs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import models

from apps.core.money import Money, TokenAmount

CURRENCY = "USD"
TOKEN = "TUSD"  # noqa: S105 (a currency, not a secret)


class WithdrawalState(models.TextChoices):
    """Where a withdrawal is. The last four are final; in the last three the money is earnings again."""

    APPROVAL = "approval", "Waiting for approval"
    WAITING = "waiting", "Waiting for the next payout"
    PUBLISHING = "publishing", "Being published"
    CLAIMABLE = "claimable", "Ready to claim"
    CLAIMED = "claimed", "In your wallet"
    CANCELLED = "cancelled", "Cancelled"
    REJECTED = "rejected", "Rejected"
    RECOVERED = "recovered", "Taken back, unclaimed"


#: The money has left the earnings and is not in the wallet yet.
ON_ITS_WAY = (
    WithdrawalState.APPROVAL,
    WithdrawalState.WAITING,
    WithdrawalState.PUBLISHING,
    WithdrawalState.CLAIMABLE,
)
#: Not in any payout round: the payee may still call it off.
CANCELLABLE = (WithdrawalState.APPROVAL, WithdrawalState.WAITING)
WITHOUT_EPOCH = (*CANCELLABLE, WithdrawalState.CANCELLED, WithdrawalState.REJECTED)


class EpochState(models.TextChoices):
    """What became of an epoch's transaction."""

    PUBLISHING = "publishing", "Publishing"
    PUBLISHED = "published", "Published"
    FAILED = "failed", "Failed"
    VANISHED = "vanished", "Off the chain for now"


#: No other round is made before the chain has decided on these.
UNDER_WAY = (EpochState.PUBLISHING, EpochState.VANISHED)


class RecoveryState(models.TextChoices):
    """How far the taking back of a payee's unclaimed money is."""

    ANNOUNCING = "announcing", "Being announced"
    ANNOUNCED = "announced", "Announced"
    RECOVERING = "recovering", "Being taken back"
    RECOVERED = "recovered", "Taken back"
    FAILED = "failed", "Failed"


class PayoutsPermission(StrEnum):
    """What can be done with earnings."""

    VIEW = "payouts:earnings:view"
    WITHDRAW = "payouts:withdrawal:create"


@dataclass(frozen=True, slots=True)
class WithdrawalInfo:
    """A withdrawal as the other apps and the API see it."""

    id: UUID
    organisation_id: UUID
    amount: Money
    tokens: TokenAmount
    address: str
    state: WithdrawalState
    epoch_id: UUID | None
    epoch_number: int | None
    tx_hash: str
    block_number: int | None
    claim_problem: str
    created_at: datetime
    claimed_at: datetime | None
    approvals_needed: int = 0
    reason: str = ""
    can_be_cancelled: bool = False


@dataclass(frozen=True, slots=True)
class DecisionInfo:
    """What a member of the platform's staff has decided about a withdrawal."""

    user_id: UUID
    approved: bool
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FreezeInfo:
    """A stop of an organisation's withdrawals, with the reason that its holder reads."""

    organisation_id: UUID
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class EpochInfo:
    """An epoch: one Merkle root over all payees' cumulative amounts, published by one transaction."""

    id: UUID
    number: int
    state: EpochState
    distributor: str
    previous_root: str
    root: str
    payees: int
    added: TokenAmount
    cumulative_total: TokenAmount
    tx_hash: str
    block_number: int | None
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ClaimProof:
    """All that anyone needs to have the distributor pay a payee. `proof` is empty when the tree has one leaf."""

    chain_id: int
    distributor: str
    epoch: int
    root: str
    payee: str
    cumulative_amount: int
    proof: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As the API and the download give it; with it a claim needs nothing else of the platform."""
        return {
            "chain_id": self.chain_id,
            "distributor": self.distributor,
            "epoch": self.epoch,
            "root": self.root,
            "payee": self.payee,
            "cumulative_amount_raw": str(self.cumulative_amount),
            "proof": list(self.proof),
            "leaf": "keccak256(keccak256(abi.encode(chainId, distributor, payee, cumulativeAmount)))",
            "call": "PayoutDistributor.claim(address payee, uint256 cumulativeAmount, bytes32[] proof)",
        }


@dataclass(frozen=True, slots=True)
class EarningsSummary:
    """What an organisation has earned: to withdraw now, on its way, and in the wallet."""

    available: Money
    pending: Money
    withdrawn: Money
    minimum: Money
    wallet: str | None
    next_payout: str
    frozen: FreezeInfo | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """Two figures that should be equal and are not, in raw token units."""

    what: str
    expected: int
    found: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Ledger and chain side by side, in raw token units."""

    payable: int
    paid_out: int
    claimed_on_chain: int
    published_on_chain: int
    differences: tuple[Difference, ...]

    @property
    def agrees(self) -> bool:
        """Whether everything is equal to the unit."""
        return not self.differences
