"""What billing tells the apps above."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apps.core.outbox import Event


@dataclass(frozen=True)
class TopUpPaid(Event):
    """A top-up was paid and credited to the organisation's prepaid balance."""

    top_up_id: UUID
    amount_minor: int
    currency: str


@dataclass(frozen=True)
class RefundRequested(Event):
    """A part of a top-up is to be sent back; the amount is held until it is."""

    refund_id: UUID


@dataclass(frozen=True)
class PlanChanged(Event):
    """An organisation's plan is another one, or its renewal could not be charged (`status` past_due)."""

    before: str
    after: str
    status: str


@dataclass(frozen=True)
class DisputeChanged(Event):
    """A payer's bank asks for a payment back, or has decided."""

    dispute_id: UUID
    state: str
    amount: str
    owed: str
