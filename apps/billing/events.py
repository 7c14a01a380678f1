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
