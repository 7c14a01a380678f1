"""What the processor says about its objects, as far as the platform acts on it. Amounts are minor units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.core.money import Money


@dataclass(frozen=True, slots=True)
class CheckoutSession:
    """A payment page. `mode` is payment (a top-up), subscription or setup (a card to keep)."""

    id: str
    url: str
    mode: str
    status: str
    payment_status: str
    amount_minor: int
    currency: str
    payment_intent: str
    customer: str
    subscription: str
    organisation_id: UUID | None
    top_up_id: UUID | None

    @property
    def is_paid(self) -> bool:
        """Complete and paid: a delayed payment method completes first and pays later."""
        return self.status == "complete" and self.payment_status == "paid"


@dataclass(frozen=True, slots=True)
class ProcessorEvent:
    """A verified event: which object it is about, and whatever says whose that is.

    Attributes:
        session: the payment page, if it is about one.
        payment_intent: the payment that a charge, refund or dispute belongs to.
    """

    id: str
    kind: str
    object_type: str
    object_id: str
    customer: str
    payment_intent: str
    organisation_id: UUID | None
    session: CheckoutSession | None


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """A refund at the processor: pending, requires_action, succeeded, failed or canceled."""

    id: str
    amount_minor: int
    status: str
    refund_id: UUID | None

    @property
    def is_refused(self) -> bool:
        """The money came back to the platform's account."""
        return self.status in ("failed", "canceled")


@dataclass(frozen=True, slots=True)
class DisputeFacts:
    """A dispute; `movements` are (id, amount): below zero where the money was taken, above where it was returned."""

    id: str
    amount_minor: int
    currency: str
    status: str
    reason: str
    due_by: datetime | None
    movements: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class PaymentFacts:
    """A payment with everything that happened to it."""

    id: str
    status: str
    amount_minor: int
    currency: str
    customer: str
    organisation_id: UUID | None
    top_up_id: UUID | None
    refunds: tuple[RefundFacts, ...] = ()
    disputes: tuple[DisputeFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class SubscriptionFacts:
    """A subscription with its one item."""

    id: str
    item_id: str
    status: str
    lookup_key: str
    customer: str
    by_invoice: bool
    period_start: datetime
    period_end: datetime
    cancel_at_period_end: bool


@dataclass(frozen=True, slots=True)
class InvoiceFacts:
    """A finalised invoice."""

    id: str
    number: str
    status: str
    amount_due: int
    amount_paid: int
    currency: str
    created: datetime
    url: str
    pdf_url: str
    subscription: str
    payment_intent: str


@dataclass(frozen=True, slots=True)
class CardFacts:
    """A card that the processor keeps."""

    id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    is_default: bool


@dataclass(frozen=True, slots=True)
class Movement:
    """A line of the platform's own account at the processor.

    Attributes:
        kind: charge, refund, refund_failure, adjustment (disputes), stripe_fee, payout, ...
        source: the charge, refund or dispute that it is about.
    """

    id: str
    kind: str
    amount: Money
    fee: Money
    source: str
    payment_intent: str
    created: datetime
