"""What happened in the marketplace."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apps.core.outbox import Event


@dataclass(frozen=True)
class AssetListed(Event):
    """An asset is offered, or its offer changed."""

    listing_id: UUID
    asset_id: UUID


@dataclass(frozen=True)
class ListingWithdrawnBySeller(Event):
    """An offer was taken back."""

    listing_id: UUID
    asset_id: UUID


@dataclass(frozen=True)
class LicenceSold(Event):
    """Told to the seller: a licence was bought and its price divided."""

    sale_id: UUID
    licence_id: UUID
    asset_id: UUID
    buyer_id: UUID
    price_minor: int
    currency: str


@dataclass(frozen=True)
class LicenceRevoked(Event):
    """Told to the buyer: the seller has ended a licence, as its terms allow."""

    licence_id: UUID
    asset_id: UUID
    seller_id: UUID
    reason: str
