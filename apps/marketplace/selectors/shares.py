"""Shares: who offers them, what was traded, and what each holder has earned."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from apps.assets import selectors as assets
from apps.assets.types import ShareRule
from apps.core.money import Money
from apps.core.tenant import all_tenants
from apps.marketplace.errors import ShareOfferNotFound
from apps.marketplace.models import SaleLine, ShareOffer, ShareTrade
from apps.marketplace.types import ListingState, ShareOfferInfo, ShareTradeInfo, TradeState
from apps.tenancy.types import Actor

Payee = tuple[UUID, str]
"""An organisation, and the unlinked wallet that it keeps an amount for ("" for its own)."""


def share_offer_info(row: ShareOffer) -> ShareOfferInfo:
    """The public facts of an offer's row."""
    return ShareOfferInfo(
        id=row.id,
        asset_id=row.asset_id,
        seller_id=row.seller_id,
        seller_name=row.seller.name,
        units_left=row.units_left,
        unit_price=Money(row.unit_price_minor, row.currency),
        state=ListingState(row.state),
        offered_at=row.created_at,
    )


def share_trade_info(row: ShareTrade) -> ShareTradeInfo:
    """The facts of a trade's row."""
    return ShareTradeInfo(
        id=row.id,
        offer_id=row.offer_id,
        asset_id=row.asset_id,
        seller_id=row.seller_id,
        buyer_id=row.tenant_id,
        units=row.units,
        price=Money(row.price_minor, row.currency),
        fee=Money(row.fee_minor, row.currency),
        state=TradeState(row.state),
        failure=row.failure,
        traded_at=row.created_at,
    )


def share_offers(asset_id: UUID) -> list[ShareOfferInfo]:
    """Shares of an asset that are for sale, the cheapest first."""
    rows = ShareOffer.objects.select_related("seller").filter(asset_id=asset_id, state=ListingState.ACTIVE)
    return [share_offer_info(row) for row in rows.order_by("unit_price_minor", "id")]


def share_offer(offer_id: UUID) -> ShareOfferInfo:
    """An offer of shares, also a withdrawn one. Raises ShareOfferNotFound."""
    row = ShareOffer.objects.select_related("seller").filter(id=offer_id).first()
    if row is None:
        raise ShareOfferNotFound(offer_id)
    return share_offer_info(row)


def share_trades(actor: Actor, asset_id: UUID) -> list[ShareTradeInfo]:
    """What the actor's organisation has bought of an asset's shares, newest first."""
    rows = ShareTrade.objects.filter(tenant_id=actor.organisation_id, asset_id=asset_id).order_by("-id")
    return [share_trade_info(row) for row in rows[:20]]


def earned_by_shares(asset_id: UUID) -> dict[Payee, Money]:
    """What each holder of an asset's shares has been paid for them, from sales here."""
    versions = {str(version.id) for version in assets.versions(asset_id)}
    totals: dict[Payee, int] = defaultdict(int)
    with all_tenants(reason="what the shares of an asset have earned is public"):
        rows = SaleLine.objects.filter(rule=ShareRule.SHAREHOLDER, **{"path__-1__in": list(versions)})
        for payee_id, address, amount in rows.values_list("payee_id", "address", "amount_minor"):
            totals[payee_id, address] += amount
    return {payee: Money(total) for payee, total in totals.items()}
