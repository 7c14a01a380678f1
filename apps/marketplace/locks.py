"""Row locks of the marketplace."""

from __future__ import annotations

from uuid import UUID

from apps.marketplace.errors import ListingNotFound, ShareOfferNotFound
from apps.marketplace.models import Listing, ShareOffer


def lock_listing(listing_id: UUID) -> Listing:
    """Lock an offer until the transaction ends: its purchases are made one after the other, at the price it shows."""
    row = Listing.objects.select_for_update(of=("self",), no_key=True).filter(id=listing_id).first()
    if row is None:
        raise ListingNotFound(listing_id)
    return row


def lock_listings_of(asset_id: UUID) -> list[Listing]:
    """Lock all offers of an asset that there ever were, newest first: what the chain says of it is followed once."""
    rows = Listing.objects.select_for_update(of=("self",), no_key=True).filter(asset_id=asset_id).order_by("id")
    return list(rows)[::-1]


def lock_share_offer(offer_id: UUID) -> ShareOffer:
    """Lock an offer of shares: its purchases are made one after the other."""
    row = ShareOffer.objects.select_for_update(of=("self",), no_key=True).filter(id=offer_id).first()
    if row is None:
        raise ShareOfferNotFound(offer_id)
    return row
