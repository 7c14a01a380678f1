"""The offer on an asset's page: licence in plain words, price, and the button."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from apps.agents.offers import set_offer_finder
from apps.agents.types import Offer
from apps.assets import selectors as assets
from apps.assets.panels import Panel, asset_panel
from apps.assets.types import AccessRight, AssetInfo
from apps.marketplace import selectors
from apps.marketplace.policies import MarketplacePermission, table
from apps.marketplace.terms import TEMPLATES
from apps.marketplace.types import LicenceInfo
from apps.tenancy.types import Actor


@asset_panel
def offer_panel(actor: Actor | None, asset: AssetInfo) -> Panel | None:
    """What the asset costs and allows; to its owner, how to offer it."""
    listings = selectors.active_listings(asset.id)
    is_own = actor is not None and actor.organisation_id == asset.owner_id
    may_list = is_own and actor is not None and table.allows(actor, MarketplacePermission.LIST)
    if not listings and not may_list:
        return None
    held = None if actor is None or is_own else _held(actor, asset)
    context = {
        "asset": asset,
        "offers": [{"listing": listing, "terms": TEMPLATES[listing.terms]} for listing in listings],
        "licence": held,
        "held_terms": TEMPLATES[held.terms] if held else None,
        "is_own": is_own,
        "may_list": may_list,
    }
    return Panel("marketplace/offer_panel.html", context, order=10)


@asset_panel
def shares_panel(actor: Actor | None, asset: AssetInfo) -> Panel | None:
    """How the owner's part is divided; to its owner, how to divide it."""
    holdings = assets.share_holdings(asset.id)
    is_own = actor is not None and actor.organisation_id == asset.owner_id
    if not holdings and not (is_own and actor is not None and table.allows(actor, MarketplacePermission.LIST)):
        return None
    context = {
        "asset": asset,
        "holders": len(holdings),
        "supply": sum(holding.units for holding in holdings),
        "offers": selectors.share_offers(asset.id),
    }
    return Panel("marketplace/shares_panel.html", context, order=60)


def _held(actor: Actor, asset: AssetInfo) -> LicenceInfo | None:
    return selectors.active_licence(actor.organisation_id, asset.id, AccessRight.USE)


def offer_of_use(asset_id: UUID) -> Offer | None:
    """Where the right to use an asset is sold, for the apps that ask for it; the cheapest offer."""
    listings = selectors.active_listings(asset_id)
    if not listings:
        return None
    cheapest = min(listings, key=lambda listing: listing.price.minor)
    return Offer(url=f"{settings.PUBLIC_URL}/marketplace/listings/{cheapest.id}/buy/", price=cheapest.price)


set_offer_finder(offer_of_use)
