"""Shares at a price: the money is held until the shares are the buyer's on chain, and given back if they never are."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from apps.assets import services as asset_registry
from apps.core.errors import FieldProblem
from apps.core.ids import uuid7
from apps.core.live import notify
from apps.core.money import Money
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger import selectors as ledger_facts
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.marketplace.errors import (
    FundsMissing,
    GuestCannotBuy,
    InvalidShareOffer,
    ListingWithdrawn,
    OwnListing,
    PriceChanged,
    PurchaseKeyReused,
    ShareOfferNotFound,
    SharesGone,
)
from apps.marketplace.locks import lock_share_offer
from apps.marketplace.models import MAX_FAILURE, ShareOffer, ShareTrade
from apps.marketplace.policies import MarketplacePermission, require
from apps.marketplace.selectors.shares import share_offer_info, share_trade_info
from apps.marketplace.types import MAX_PRICE_MINOR, ListingState, ShareOfferInfo, ShareTradeInfo, TradeState
from apps.tenancy.selectors import platform_organisation_id
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

SOURCE = "marketplace.share_trade"


@transaction.atomic
def offer_shares(*, actor: Actor, asset_id: UUID, units: int, unit_price: Money) -> ShareOfferInfo:
    """Offer shares that the platform keeps for the actor's organisation; a second call changes the offer.

    Raises InvalidShareOffer where the organisation has fewer in custody, or the price is not acceptable.
    """
    require(actor, MarketplacePermission.LIST)
    available = asset_registry.movable_shares(actor.organisation_id, asset_id)
    problems: list[FieldProblem] = []
    if not 1 <= units <= available:
        message = f"Between 1 and {available:,}, which the platform keeps for your organisation."
        problems.append({"field": "units", "message": message if available else "You have no shares in custody."})
    if unit_price.currency != "USD" or not 1 <= unit_price.minor <= MAX_PRICE_MINOR:
        problems.append({"field": "unit_price", "message": f"Between $0.01 and {Money(MAX_PRICE_MINOR)}."})
    if problems:
        raise InvalidShareOffer(problems)
    offered = {"units_left": units, "unit_price_minor": unit_price.minor, "currency": unit_price.currency}
    row, _ = ShareOffer.objects.update_or_create(
        asset_id=asset_id,
        seller_id=actor.organisation_id,
        state=ListingState.ACTIVE.value,
        defaults=offered | {"revision": F("revision") + 1},
        create_defaults=offered,
    )
    record_audit(
        actor,
        action="shares.offered",
        target_type="share_offer",
        target_id=row.id,
        detail={"asset": str(asset_id), "units": units, "unit_price": unit_price.as_json()},
    )
    return share_offer_info(row)


@transaction.atomic
def withdraw_share_offer(*, actor: Actor, offer_id: UUID) -> ShareOfferInfo:
    """Take an offer of shares back; trades under way go on. Repeats change nothing."""
    require(actor, MarketplacePermission.LIST)
    row = lock_share_offer(offer_id)
    if row.seller_id != actor.organisation_id:
        raise ShareOfferNotFound(offer_id)
    if row.state == ListingState.ACTIVE:
        row.state = ListingState.WITHDRAWN
        row.save(update_fields=["state", "updated_at"])
        record_audit(actor, action="shares.offer_withdrawn", target_type="share_offer", target_id=row.id)
    return share_offer_info(row)


@transaction.atomic
def buy_shares(
    *, actor: Actor, offer_id: UUID, units: int, idempotency_key: str, agreed_price: Money | None = None
) -> ShareTradeInfo:
    """Buy shares: hold the price, and ask for their transfer on chain. `settle_trade` pays when that is confirmed.

    Args:
        agreed_price: of all units together, as the buyer was shown it.

    Raises:
        ShareOfferNotFound, ListingWithdrawn, OwnListing, GuestCannotBuy, SharesGone, PriceChanged, PurchaseKeyReused
        FundsMissing: the balance is too low. Nothing has changed in any of these cases.
    """
    if actor.is_guest:
        raise GuestCannotBuy
    require(actor, MarketplacePermission.BUY)
    offer = lock_share_offer(offer_id)
    earlier = ShareTrade.objects.filter(tenant_id=actor.organisation_id, idempotency_key=idempotency_key).first()
    if earlier is not None:
        if (earlier.offer_id, earlier.units) != (offer_id, units):
            raise PurchaseKeyReused
        return share_trade_info(earlier)
    price = Money(offer.unit_price_minor * units, offer.currency)
    _check(actor, offer, units, price, agreed_price)
    trade_id = uuid7()
    seller = Actor.system(offer.seller_id)
    with tenant_scope(offer.seller_id):
        move = asset_registry.send_shares(
            actor=seller,
            asset_id=offer.asset_id,
            units=units,
            to_organisation_id=actor.organisation_id,
            idempotency_key=f"{SOURCE}:{trade_id}",
        )
    # The asset is locked by now. Whoever buys a licence takes its locks in this order too: the asset, then the cash.
    hold = ledger.place_hold(
        account=AccountRef(actor.organisation_id, AccountKind.CASH, price.currency),
        amount=price,
        idempotency_key=f"{SOURCE}:{trade_id}",
        reason="Shares on their way",
        source=SourceRef(SOURCE, str(trade_id)),
    )
    offer.units_left -= units
    if offer.units_left == 0:
        offer.state = ListingState.WITHDRAWN
    offer.save(update_fields=["units_left", "state", "updated_at"])
    row = ShareTrade.objects.create(
        id=trade_id,
        tenant_id=actor.organisation_id,
        offer=offer,
        offer_revision=offer.revision,
        asset_id=offer.asset_id,
        seller_id=offer.seller_id,
        units=units,
        price_minor=price.minor,
        fee_minor=price.fraction_bps(settings.FEES["sale_bps"]).minor,
        currency=price.currency,
        hold_id=hold.id,
        move_id=move.id,
        idempotency_key=idempotency_key,
    )
    record_audit(
        actor,
        action="shares.bought",
        target_type="share_trade",
        target_id=row.id,
        detail={"asset": str(offer.asset_id), "units": units, "price": price.as_json()},
    )
    return share_trade_info(row)


@transaction.atomic
def settle_trade(*, move_id: UUID, failure: str) -> None:
    """The shares have reached the buyer: pay the seller. Or they never will: give the money back, and the offer its
    shares. Once."""
    with all_tenants(reason="a trade is found by the seller's move"):
        row = ShareTrade.objects.select_for_update(of=("self",)).filter(move_id=move_id).first()
    if row is None or row.state != TradeState.PENDING:
        return
    with tenant_scope(row.tenant_id):
        if failure:
            ledger.release_hold(hold_id=row.hold_id)
            row.state, row.failure = TradeState.FAILED, failure[:MAX_FAILURE]
            _offer_again(row)
        else:
            _pay(row)
            row.state = TradeState.COMPLETED
        row.save(update_fields=["state", "failure", "updated_at"])
    notify(f"asset:{row.asset_id}", {"trade": row.state})


def _check(actor: Actor, offer: ShareOffer, units: int, price: Money, agreed: Money | None) -> None:
    if offer.seller_id == actor.organisation_id:
        raise OwnListing
    if offer.state != ListingState.ACTIVE:
        raise ListingWithdrawn(offer.id)
    left = min(offer.units_left, asset_registry.movable_shares(offer.seller_id, offer.asset_id))
    if not 1 <= units <= left:
        raise SharesGone(left)
    if agreed is not None and agreed != price:
        raise PriceChanged(agreed, price)
    available = ledger_facts.balance(AccountRef(actor.organisation_id, AccountKind.CASH, price.currency)).available
    if isinstance(available, Money) and available < price:
        raise FundsMissing(price, available)


def _offer_again(row: ShareTrade) -> None:
    """Shares that could not be delivered are for sale again: refusing them must not use up an offer.

    Unless the seller has said since what is for sale, or has withdrawn the offer (not merely sold it out).
    """
    offer = lock_share_offer(row.offer_id)
    if offer.revision != row.offer_revision:
        return
    if offer.state == ListingState.WITHDRAWN and offer.units_left == 0:
        others = ShareOffer.objects.filter(
            asset_id=offer.asset_id, seller_id=offer.seller_id, state=ListingState.ACTIVE
        )
        if others.exists():
            return
        offer.state = ListingState.ACTIVE
    offer.units_left += row.units
    offer.save(update_fields=["units_left", "state", "updated_at"])


def _pay(row: ShareTrade) -> None:
    price, fee = Money(row.price_minor, row.currency), Money(row.fee_minor, row.currency)
    parts = [
        (AccountRef(row.seller_id, AccountKind.EARNINGS, row.currency), price - fee, "seller", "Shares sold"),
        (AccountRef(platform_organisation_id(), AccountKind.FEES, row.currency), fee, "fee", "Platform fee on shares"),
    ]
    for credit, amount, rule, reason in parts:
        if amount:
            ledger.capture_hold(
                hold_id=row.hold_id,
                credit=credit,
                amount=amount,
                idempotency_key=f"{SOURCE}:{row.id}:{rule}",
                reason=reason,
                source=SourceRef(
                    SOURCE,
                    str(row.id),
                    {"asset": str(row.asset_id), "units": str(row.units), "price": price.as_json(), "rule": rule},
                ),
            )
