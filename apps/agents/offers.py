"""Where an agent can be bought. The marketplace stands above this app and says so through `set_offer_finder`."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from apps.agents.types import Offer

OfferFinder = Callable[[UUID], Offer | None]


def _nothing_is_offered(asset_id: UUID) -> Offer | None:
    """Without a marketplace no agent is for sale."""
    del asset_id
    return None


_finder: OfferFinder = _nothing_is_offered


def set_offer_finder(finder: OfferFinder) -> None:
    """Register who knows the offers: `(asset id) -> Offer | None`, called from the marketplace's `AppConfig.ready`."""
    global _finder  # one registration at start-up
    _finder = finder


def offer_for(asset_id: UUID) -> Offer | None:
    """The offer under which the asset's use is sold, or None if it is not listed."""
    return _finder(asset_id)
