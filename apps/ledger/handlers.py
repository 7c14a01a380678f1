"""What the ledger does when it hears of others."""

from __future__ import annotations

from apps.accounts.events import GuestMerged
from apps.core.outbox import handles
from apps.ledger import services


@handles(GuestMerged)
def on_guest_merged(event: GuestMerged) -> None:
    """Move a guest's earnings to the user that the guest turned out to be."""
    services.move_earnings_to_successor(
        source_id=event.guest_organisation_id, target_id=event.organisation_id, currency="USD"
    )
