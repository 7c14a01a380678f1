"""Money in: states and facts of top-ups and their refunds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import models

from apps.core.money import Money

CURRENCY = "USD"
#: The least and the most that one top-up takes, in minor units.
SMALLEST_TOP_UP = 100
LARGEST_TOP_UP = 1_000_000
#: Where the payer comes back to, below the platform's address.
RETURN_PATH = "/billing/?top_up={TOP_UP_ID}"
CANCEL_PATH = "/billing/"
PRESETS = tuple(Money(minor, CURRENCY) for minor in (1_000, 2_500, 5_000, 10_000, 50_000))


class TopUpState(models.TextChoices):
    """A top-up's way: created here, opened at the processor, then paid, expired or failed."""

    CREATED = "created", "Being prepared"
    OPEN = "open", "Waiting for payment"
    PAID = "paid", "Paid"
    EXPIRED = "expired", "Expired"
    FAILED = "failed", "Failed"


class RefundState(models.TextChoices):
    """A refund's way: the amount is held while the processor sends it back."""

    PENDING = "pending", "On its way"
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


@dataclass(frozen=True, slots=True)
class CheckoutSession:
    """What the processor says about a payment page."""

    id: str
    url: str
    status: str
    payment_status: str
    amount_minor: int
    currency: str
    payment_intent: str
    organisation_id: UUID | None
    top_up_id: UUID | None

    @property
    def is_paid(self) -> bool:
        """Complete and paid: a delayed payment method completes first and pays later."""
        return self.status == "complete" and self.payment_status == "paid"


@dataclass(frozen=True, slots=True)
class ProcessorEvent:
    """A verified event of the processor; `session` is empty for kinds that are none of ours."""

    id: str
    kind: str
    session: CheckoutSession | None
