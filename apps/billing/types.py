"""Money in: states and facts of top-ups and their refunds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import models

from apps.core.money import Money
from apps.tenancy.limits import Limit

CURRENCY = "USD"
#: The least and the most that one top-up takes, in minor units.
SMALLEST_TOP_UP = 100
LARGEST_TOP_UP = 1_000_000
#: Where the payer comes back to, below the platform's address.
RETURN_PATH = "/billing/?top_up={TOP_UP_ID}"
CANCEL_PATH = "/billing/"
PLAN_PATH = "/billing/plan/"
PRESETS = tuple(Money(minor, CURRENCY) for minor in (1_000, 2_500, 5_000, 10_000, 50_000))


class TopUpState(models.TextChoices):
    """A top-up's way: created here, opened at the processor, then paid, expired or failed."""

    CREATED = "created", "Being prepared"
    OPEN = "open", "Waiting for payment"
    PAID = "paid", "Paid"
    EXPIRED = "expired", "Expired"
    FAILED = "failed", "Failed"


class RefundState(models.TextChoices):
    """A refund's way: held, then accepted by the processor (`sent`), then at the card, or back in the balance."""

    PENDING = "pending", "Being asked for"
    SENT = "sent", "On its way"
    DONE = "completed", "Refunded"
    FAILED = "failed", "Refused"


@dataclass(frozen=True, slots=True)
class TopUpInfo:
    """One top-up. `refunded` counts refunds that are done or on their way."""

    id: UUID
    organisation_id: UUID
    amount: Money
    state: TopUpState
    checkout_url: str
    refunded: Money
    created_at: datetime
    paid_at: datetime | None

    @property
    def refundable(self) -> Money:
        """What of it could still be sent back, if the balance allows it."""
        return self.amount - self.refunded if self.state == TopUpState.PAID else Money(0, self.amount.currency)


@dataclass(frozen=True, slots=True)
class RefundInfo:
    """One refund of a top-up."""

    id: UUID
    top_up_id: UUID
    amount: Money
    state: RefundState
    created_at: datetime


class PlanKey(models.TextChoices):
    """What an organisation is subscribed to, from least to most."""

    FREE = "free", "Free"
    TEAM = "team", "Team"
    ENTERPRISE = "enterprise", "Enterprise"


class DisputeState(models.TextChoices):
    """A payer's bank asks for a payment back."""

    OPEN = "open", "Being examined"
    WON = "won", "Won"
    LOST = "lost", "Lost"
    WITHDRAWN = "withdrawn", "Withdrawn"


class DifferenceKind(models.TextChoices):
    """How the processor's books and the ledger can differ."""

    MISSING_HERE = "missing_here", "At Stripe, not in the ledger"
    MISSING_THERE = "missing_there", "In the ledger, not at Stripe"
    OTHER_AMOUNT = "other_amount", "Other amount"
    FEE = "fee", "Fee without a payment"


@dataclass(frozen=True, slots=True)
class SubscriptionInfo:
    """An organisation's subscription.

    Attributes:
        ends_at: when it ends, if it was cancelled.
        grace_until: until when the plan goes on although its renewal could not be charged.
    """

    subscription_id: str
    plan: PlanKey
    status: str
    period_end: datetime
    ends_at: datetime | None
    grace_until: datetime | None
    by_invoice: bool


@dataclass(frozen=True, slots=True)
class UsageLine:
    """One measure: what is used, what the plan allows."""

    limit: Limit
    label: str
    used: int
    allowed: int

    @property
    def used_text(self) -> str:
        """For people."""
        return readable(self.limit, self.used)

    @property
    def allowed_text(self) -> str:
        """For people."""
        return readable(self.limit, self.allowed)


LIMIT_LABELS = {Limit.SEATS: "Members", Limit.STORAGE_BYTES: "Storage", Limit.MODEL_TOKENS: "Model tokens this month"}
_KIB = 1024


def readable(limit: Limit, amount: int) -> str:
    """An amount of a measure in words: "5", "1.5 GiB", "2,000,000"."""
    if limit != Limit.STORAGE_BYTES:
        return f"{amount:,}"
    size, units = float(max(0, amount)), ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while size >= _KIB and len(units) > 1:
        size /= _KIB
        units.pop(0)
    return f"{size:,.0f} {units[0]}" if size == int(size) else f"{size:,.1f} {units[0]}"
