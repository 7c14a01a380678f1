"""Row locks of the marketplace."""

from __future__ import annotations

from uuid import UUID

from apps.marketplace.errors import ListingNotFound
from apps.marketplace.models import Listing


def lock_listing(listing_id: UUID) -> Listing:
    """Lock an offer until the transaction ends: its purchases are made one after the other, at the price it shows."""
    row = Listing.objects.select_for_update(of=("self",), no_key=True).filter(id=listing_id).first()
    if row is None:
        raise ListingNotFound(listing_id)
    return row
