"""Background work of billing."""

from __future__ import annotations

from apps.billing import services
from apps.billing.events import RefundRequested
from apps.core.outbox import handles


@handles(RefundRequested, long_running=True)
def on_refund_requested(event: RefundRequested) -> None:
    """Send the money back."""
    services.send_refund(refund_id=event.refund_id)
