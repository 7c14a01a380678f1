"""Offering assets and taking offers back."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.assets import selectors as assets
from apps.assets import services as asset_registry
from apps.assets.errors import AssetNotFound
from apps.assets.types import BPS, AccessRight, Visibility
from apps.core.errors import FieldProblem
from apps.core.money import Money
from apps.core.outbox import publish
from apps.marketplace.errors import InvalidListing, ListingNotFound
from apps.marketplace.events import AssetListed, ListingWithdrawnBySeller
from apps.marketplace.locks import lock_listing, lock_listings_of
from apps.marketplace.models import Listing
from apps.marketplace.policies import MarketplacePermission, require
from apps.marketplace.selectors.chain_sales import chain_sale_problem
from apps.marketplace.selectors.listings import agreement_of, listing_info
from apps.marketplace.services.recording import keep_terms, request_offer
from apps.marketplace.terms import TEMPLATES
from apps.marketplace.types import MAX_PERIOD_DAYS, MAX_PRICE_MINOR, ListingInfo, ListingState
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor


@transaction.atomic
def list_asset(
    *,
    actor: Actor,
    asset_id: UUID,
    price: Money,
    terms: str,
    period_days: int | None = None,
    royalty_bps: int = 0,
    on_chain: bool = False,
) -> ListingInfo:
    """Offer licences of an own asset; a second call for the same right changes the offer.

    Args:
        terms: code of a licence template; it decides the right that is sold.
        period_days: how long a licence holds; for ever where left out.
        royalty_bps: part of the revenue of what buyers build on it (development terms only).
        on_chain: anyone may also buy it from the contract, with tokens; the price then goes into the royalty pool on
            chain, without a platform fee, and the ledger has no line of it. Only where the pool pays the same as the
            ledger would, to wallets.

    Raises:
        AssetNotFound: the asset is not the organisation's.
        InvalidListing: a value is not acceptable, or nothing was released yet.
    """
    require(actor, MarketplacePermission.LIST)
    asset = assets.asset(asset_id)
    if asset.owner_id != actor.organisation_id:
        raise AssetNotFound(asset_id)
    right = _check(asset_id, price, terms, period_days, royalty_bps, actor.organisation_id if on_chain else None)
    asset_registry.set_visibility(actor=actor, asset_id=asset_id, visibility=Visibility.PUBLIC)
    offer = {
        "seller_id": actor.organisation_id,
        "kind": asset.kind.value,
        "name": asset.name,
        "summary": asset.summary,
        "price_minor": price.minor,
        "currency": price.currency,
        "period_days": period_days,
        "terms": terms,
        "royalty_bps": royalty_bps,
        "on_chain": on_chain,
    }
    row, _ = Listing.objects.update_or_create(
        asset_id=asset_id, right=right.value, state=ListingState.ACTIVE.value, defaults=offer
    )
    agreement = agreement_of(row)
    keep_terms(agreement)
    request_offer(row, agreement)
    publish(AssetListed(row.id, asset_id))
    record_audit(
        actor,
        action="listing.offered",
        target_type="listing",
        target_id=row.id,
        detail={"asset": str(asset_id), "price": price.as_json(), "terms": terms},
    )
    return listing_info(row)


@transaction.atomic
def unlist(*, actor: Actor, listing_id: UUID) -> ListingInfo:
    """Take an offer back; licences that were sold stay. Repeats change nothing."""
    require(actor, MarketplacePermission.LIST)
    row = lock_listing(listing_id)
    if row.seller_id != actor.organisation_id:
        raise ListingNotFound(listing_id)
    if row.state != ListingState.ACTIVE:
        return listing_info(row)
    row.state = ListingState.WITHDRAWN
    row.save(update_fields=["state", "updated_at"])
    request_offer(row, agreement_of(row))
    if not Listing.objects.filter(asset_id=row.asset_id, state=ListingState.ACTIVE).exists():
        asset_registry.set_visibility(actor=actor, asset_id=row.asset_id, visibility=Visibility.PRIVATE)
    publish(ListingWithdrawnBySeller(row.id, row.asset_id))
    record_audit(actor, action="listing.withdrawn", target_type="listing", target_id=row.id)
    return listing_info(row)


@transaction.atomic
def review_chain_offers(*, asset_id: UUID) -> None:
    """An asset has a new version, or its token or shares have moved: the contract goes on selling it only if it may."""
    for row in lock_listings_of(asset_id):
        if row.on_chain and row.state == ListingState.ACTIVE and chain_sale_problem(asset_id, row.seller_id):
            row.on_chain = False
            row.save(update_fields=["on_chain", "updated_at"])
            request_offer(row, agreement_of(row))


def _check(
    asset_id: UUID,
    price: Money,
    terms: str,
    period_days: int | None,
    royalty_bps: int,
    chain_seller_id: UUID | None,
) -> AccessRight:
    problems: list[FieldProblem] = []
    if not 0 <= price.minor <= MAX_PRICE_MINOR:
        problems.append({"field": "price", "message": f"Between 0 and {Money(MAX_PRICE_MINOR, price.currency)}."})
    if price.currency != "USD":
        problems.append({"field": "price", "message": "Prices are in USD."})
    if period_days is not None and not 1 <= period_days <= MAX_PERIOD_DAYS:
        problems.append({"field": "period_days", "message": f"Between 1 and {MAX_PERIOD_DAYS} days, or none."})
    template = TEMPLATES.get(terms)
    if template is None:
        problems.append({"field": "terms", "message": f"One of {', '.join(TEMPLATES)}."})
    if not 0 <= royalty_bps < BPS:
        problems.append({"field": "royalty_bps", "message": "Between 0 and 9,999 basis points."})
    if royalty_bps and template is not None and template.right != AccessRight.DEVELOP:
        problems.append({"field": "royalty_bps", "message": "Only development terms carry a royalty."})
    if assets.latest_version(asset_id) is None:
        problems.append({"field": "asset_id", "message": "Release a version first."})
    elif chain_seller_id is not None and (problem := chain_sale_problem(asset_id, chain_seller_id)):
        problems.append({"field": "on_chain", "message": problem})
    if problems or template is None:
        raise InvalidListing(problems)
    return template.right
