"""The page of an asset's shares: who holds them, what they earned, creating, sending, selling and buying them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import actor_required
from apps.accounts.selectors import linked_wallet
from apps.assets import selectors as assets
from apps.assets import services as asset_registry
from apps.assets.chain_facts import SHARES
from apps.assets.types import AssetInfo, MoveState
from apps.core.errors import DomainError
from apps.core.ids import uuid7
from apps.core.money import Money
from apps.marketplace import selectors, services
from apps.marketplace.errors import ShareOfferNotFound
from apps.marketplace.policies import MarketplacePermission, table
from apps.tenancy.actors import actor_of, maybe_actor
from apps.tenancy.selectors import organisation, organisation_by_slug
from apps.tenancy.types import PLATFORM_ID, Actor


class CreateForm(forms.Form):
    """Divide the owner's part into shares."""

    supply = forms.IntegerField(label="Number of shares", min_value=1, initial=1_000)


class SendForm(forms.Form):
    """Send shares to another organisation."""

    units = forms.IntegerField(label="Shares", min_value=1)
    receiver = forms.CharField(
        label="To",
        max_length=140,
        help_text="The receiver's short name: it stands on this page when the receiver opens it.",
    )


class OfferForm(forms.Form):
    """Offer shares for sale."""

    units = forms.IntegerField(label="Shares", min_value=1)
    price = forms.DecimalField(label="Price of one share in USD", min_value=0.01, max_digits=9, decimal_places=2)


class BuyForm(forms.Form):
    """Buy some of the shares on offer."""

    units = forms.IntegerField(min_value=1)
    unit_price_minor = forms.IntegerField(min_value=1)
    key = forms.UUIDField()


@require_GET
def shares_page(request: HttpRequest, asset_id: UUID) -> HttpResponse:
    """The shares of an asset, for whoever may see the asset."""
    actor = maybe_actor(request)
    asset = assets.visible_asset(actor, asset_id)
    return render(request, "marketplace/shares.html", _context(actor, asset))


@require_GET
def shares_fragment(request: HttpRequest, asset_id: UUID) -> HttpResponse:
    """Holders and transfers; refetched when the chain says something about the asset."""
    actor = maybe_actor(request)
    asset = assets.visible_asset(actor, asset_id)
    return render(request, "marketplace/shares_fragment.html", _context(actor, asset))


@require_POST
@actor_required
def create(request: HttpRequest, asset_id: UUID) -> HttpResponseRedirect:
    """Create the shares of an own asset."""
    form = CreateForm(request.POST)
    if not form.is_valid():
        return _refused(request, asset_id, "Give a whole number of shares.")
    return _done(
        request,
        asset_id,
        lambda actor: asset_registry.create_shares(actor=actor, asset_id=asset_id, supply=form.cleaned_data["supply"]),
        "The shares are being created on chain. This page shows when they are yours.",
    )


@require_POST
@actor_required
def send(request: HttpRequest, asset_id: UUID) -> HttpResponseRedirect:
    """Send shares from custody to another organisation, or to the own wallet."""
    actor = actor_of(request)
    to_own_wallet = "to_wallet" in request.POST
    data = request.POST.copy()
    if to_own_wallet:
        data["receiver"] = "-"
    form = SendForm(data)
    if not form.is_valid():
        return _refused(request, asset_id, "Say how many shares, and to whom.")
    receiver_id = actor.organisation_id if to_own_wallet else organisation_by_slug(form.cleaned_data["receiver"])
    if receiver_id is None:
        return _refused(request, asset_id, "There is no organisation with this short name.")
    return _done(
        request,
        asset_id,
        lambda actor: asset_registry.send_shares(
            actor=actor, asset_id=asset_id, units=form.cleaned_data["units"], to_organisation_id=receiver_id
        ),
        "The shares are on their way. The list below changes when they have arrived.",
    )


@require_POST
@actor_required
def offer(request: HttpRequest, asset_id: UUID) -> HttpResponseRedirect:
    """Offer own shares, or change the offer."""
    form = OfferForm(request.POST)
    if not form.is_valid():
        return _refused(request, asset_id, "Say how many shares, and at which price.")
    price = Money(int(form.cleaned_data["price"] * 100))
    return _done(
        request,
        asset_id,
        lambda actor: services.offer_shares(
            actor=actor, asset_id=asset_id, units=form.cleaned_data["units"], unit_price=price
        ),
        "The shares are for sale.",
    )


@require_POST
@actor_required
def withdraw(request: HttpRequest, asset_id: UUID, offer_id: UUID) -> HttpResponseRedirect:
    """Take an offer of shares back."""
    _check_offer(asset_id, offer_id)
    return _done(
        request,
        asset_id,
        lambda actor: services.withdraw_share_offer(actor=actor, offer_id=offer_id),
        "The offer is taken back.",
    )


@require_POST
@actor_required
def buy(request: HttpRequest, asset_id: UUID, offer_id: UUID) -> HttpResponseRedirect:
    """Buy shares at the price that the page showed."""
    _check_offer(asset_id, offer_id)
    form = BuyForm(request.POST)
    if not form.is_valid():
        return _refused(request, asset_id, "Say how many shares you want to buy.")
    units = form.cleaned_data["units"]
    return _done(
        request,
        asset_id,
        lambda actor: services.buy_shares(
            actor=actor,
            offer_id=offer_id,
            units=units,
            idempotency_key=str(form.cleaned_data["key"]),
            agreed_price=Money(form.cleaned_data["unit_price_minor"] * units),
        ),
        "Bought. The money is set aside and paid to the seller when the shares are yours on chain.",
    )


def _check_offer(asset_id: UUID, offer_id: UUID) -> None:
    if selectors.share_offer(offer_id).asset_id != asset_id:
        raise ShareOfferNotFound(offer_id)


def _done(request: HttpRequest, asset_id: UUID, use_case: Any, success: str) -> HttpResponseRedirect:
    """Run one use case and say on the page how it went."""
    assets.visible_asset(actor_of(request), asset_id)
    try:
        use_case(actor_of(request))
    except DomainError as error:
        details = [problem["message"] for problem in getattr(error, "errors", [])]
        return _refused(request, asset_id, " ".join(details) or error.message)
    messages.success(request, success)
    return redirect("marketplace:shares", asset_id=asset_id)


def _refused(request: HttpRequest, asset_id: UUID, message: str) -> HttpResponseRedirect:
    assets.visible_asset(actor_of(request), asset_id)
    messages.error(request, message)
    return redirect("marketplace:shares", asset_id=asset_id)


def _context(actor: Actor | None, asset: AssetInfo) -> dict[str, Any]:
    holdings = assets.share_holdings(asset.id)
    earned = selectors.earned_by_shares(asset.id)
    issue = assets.share_issue(asset.id)
    supply = sum(holding.units for holding in holdings)
    rows = [
        {
            "holding": holding,
            "percent": f"{100 * holding.units / supply:.4g} %",
            "earned": earned.get(
                (holding.organisation_id, "") if holding.organisation_id else (PLATFORM_ID, holding.address), Money(0)
            ),
            "is_own": actor is not None and holding.organisation_id == actor.organisation_id,
        }
        for holding in holdings
    ]
    context: dict[str, Any] = {
        "asset": asset,
        "asset_url": f"/assets/{asset.id}/",
        "owner": organisation(asset.owner_id),
        "issue": issue,
        "rows": rows,
        "supply": supply,
        "offers": selectors.share_offers(asset.id),
        "key": uuid7(),
        "is_signed_in": actor is not None and not actor.is_guest,
    }
    return context | (
        _own_context(actor, asset, can_create=not holdings and (issue is None or issue.state == MoveState.FAILED))
    )


def _own_context(actor: Actor | None, asset: AssetInfo, *, can_create: bool) -> dict[str, Any]:
    """What the reader's organisation has of it and may do."""
    if actor is None or actor.is_guest:
        return {}
    may_sell = table.allows(actor, MarketplacePermission.LIST)
    holder = assets.holder(asset.id)
    owns = asset.owner_id == actor.organisation_id and holder is not None
    own_token = owns and holder is not None and holder.organisation_id == actor.organisation_id
    return {
        "organisation_id": actor.organisation_id,
        "short_name": organisation(actor.organisation_id).slug,
        "may_create": may_sell and own_token and can_create,
        "movable": asset_registry.movable_shares(actor.organisation_id, asset.id) if may_sell else 0,
        "may_buy": table.allows(actor, MarketplacePermission.BUY),
        "moves": assets.custody_moves(actor, asset.id, contract=SHARES),
        "trades": selectors.share_trades(actor, asset.id),
        "linked_wallet": linked_wallet(actor.organisation_id),
        "create_form": CreateForm(),
        "send_form": SendForm(),
        "offer_form": OfferForm(auto_id="offer_%s"),
    }
