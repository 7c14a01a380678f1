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
    """Where a withdrawal is: waiting for an epoch, in one that is being published, to be claimed, in the wallet."""

    WAITING = "waiting", "Waiting for the next payout"
    PUBLISHING = "publishing", "Being published"
    CLAIMABLE = "claimable", "Ready to claim"
    CLAIMED = "claimed", "In your wallet"


class EpochState(models.TextChoices):
    """What became of an epoch's transaction."""

    PUBLISHING = "publishing", "Publishing"
    PUBLISHED = "published", "Published"
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


@dataclass(frozen=True, slots=True)
class EpochInfo:
    """An epoch: one Merkle root over all payees' cumulative amounts, published by one transaction."""

    id: UUID
    number: int
    state: EpochState
    distributor: str
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
