"""Pages of the marketplace: search, buy, own licences, own sales, offer an asset."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from rest_framework.request import Request

from apps.accounts.access import actor_required
from apps.assets import selectors as assets
from apps.assets.errors import AssetNotFound
from apps.assets.types import AccessRight, AssetKind
from apps.core.errors import InvalidInput
from apps.core.ids import uuid7
from apps.core.money import Money
from apps.core.pagination import CursorPage
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef
from apps.marketplace import selectors, services
from apps.marketplace.errors import FundsMissing, InvalidListing, LicenceNotRevocable, RecordNotRetryable
from apps.marketplace.policies import MarketplacePermission, table
from apps.marketplace.selectors.listings import listing_info
from apps.marketplace.selectors.trades import licence_info, sale_info
from apps.marketplace.terms import TEMPLATES
from apps.marketplace.types import LicenceState
from apps.tenancy.actors import actor_of, maybe_actor
from apps.tenancy.types import Actor

PERIODS = [("30", "30 days"), ("365", "One year"), ("", "For ever")]


class ListingForm(forms.Form):
    """Offer an own asset."""

    terms = forms.ChoiceField(
        label="Licence", choices=[(code, terms.title) for code, terms in TEMPLATES.items()], widget=forms.RadioSelect
    )
    price = forms.DecimalField(label="Price in USD", min_value=0, max_digits=9, decimal_places=2)
    period_days = forms.ChoiceField(label="A licence holds for", choices=PERIODS, required=False)
    royalty_percent = forms.DecimalField(
        label="Royalty on what buyers build, in percent",
        min_value=0,
        max_value=99,
        max_digits=4,
        decimal_places=2,
        required=False,
        help_text="Only with the licence to build on it.",
    )
    on_chain = forms.BooleanField(
        label="Sell it from the contract, too",
        required=False,
        help_text="Anyone with a wallet can then buy it with tokens. That price goes into the royalty pool on chain, "
        "not to your balance here.",
    )

    def offer(self) -> dict[str, Any]:
        """The arguments of `services.list_asset`."""
        data = self.cleaned_data
        return {
            "price": Money(int(data["price"] * 100)),
            "terms": data["terms"],
            "period_days": int(data["period_days"]) if data["period_days"] else None,
            "royalty_bps": int((data["royalty_percent"] or 0) * 100),
            "on_chain": data["on_chain"],
        }


def _page_of(request: HttpRequest, rows: Any) -> tuple[list[Any], CursorPage]:
    """One cursor page of rows, and the paginator that knows its neighbours."""
    paginator = CursorPage()
    return list(paginator.paginate_queryset(rows, Request(request)) or []), paginator


@require_GET
def marketplace(request: HttpRequest) -> HttpResponse:
    """Search what is offered."""
    filters = selectors.listing_filters(request.GET.dict())
    rows, paginator = _page_of(request, selectors.public_listings(**filters))
    context = {
        "offers": [{"listing": info, "terms": TEMPLATES[info.terms]} for info in map(listing_info, rows)],
        "paginator": paginator,
        "text": filters["text"],
        "kind": filters.get("kind", ""),
        "kinds": list(AssetKind),
        "is_filtered": any(request.GET.get(name) for name in ("q", "kind", "right", "max_price_minor")),
        "is_signed_in": (actor := maybe_actor(request)) is not None and not actor.is_guest,
    }
    return render(request, "marketplace/marketplace.html", context)


@require_http_methods(["GET", "POST"])
@actor_required
def buy(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """Confirm a purchase, with the exact split of its price in view."""
    actor = actor_of(request)
    if request.method == "GET":
        return _confirm_page(request, actor, listing_id, str(uuid7()))
    key = request.POST.get("key") or str(uuid7())
    try:
        agreed = Money(int(request.POST.get("agreed_minor", "")))
    except ValueError:
        return _confirm_page(request, actor, listing_id, key, problem="Please confirm the price again.", status=422)
    try:
        services.buy_licence(actor=actor, listing_id=listing_id, idempotency_key=key, agreed_price=agreed)
    except FundsMissing as error:
        return _confirm_page(request, actor, listing_id, key, problem=error.message, status=402)
    messages.success(request, "The licence is yours. Everyone who helped to make this was paid just now.")
    return redirect("assets:asset", asset_id=selectors.listing(listing_id).asset_id)


def _confirm_page(
    request: HttpRequest, actor: Actor, listing_id: UUID, key: str, *, problem: str = "", status: int = 200
) -> HttpResponse:
    listing = selectors.listing(listing_id)
    split = selectors.price_split(listing_id)
    available = ledger.balance(AccountRef(actor.organisation_id, AccountKind.CASH, listing.price.currency)).available
    missing = listing.price.minor - available.minor if isinstance(available, Money) else 0
    context = {
        "listing": listing,
        "terms": TEMPLATES[listing.terms],
        "split": split,
        "groups": selectors.split_groups(split),
        "available": available,
        "missing": Money(missing, listing.price.currency) if missing > 0 else None,
        "is_own": listing.seller_id == actor.organisation_id,
        "held": selectors.active_licence(actor.organisation_id, listing.asset_id, listing.right),
        "key": key,
        "problem": problem,
    }
    return render(request, "marketplace/buy.html", context, status=status)


@require_GET
@actor_required
def licences(request: HttpRequest) -> HttpResponse:
    """What the organisation has bought."""
    return render(request, "marketplace/licences.html", _licences_context(request))


@require_GET
@actor_required
def licences_fragment(request: HttpRequest) -> HttpResponse:
    """The same list alone; refetched while records come in from the chain."""
    return render(request, "marketplace/licences_fragment.html", _licences_context(request))


def _licences_context(request: HttpRequest) -> dict[str, Any]:
    actor = actor_of(request)
    rows, paginator = _page_of(request, selectors.licences(actor))
    found = [{"licence": licence_info(row), "seller": row.seller, "terms": TEMPLATES[row.terms]} for row in rows]
    query = f"?{request.GET.urlencode()}" if request.GET else ""
    return {
        "licences": found,
        "paginator": paginator,
        "organisation_id": actor.organisation_id,
        "fragment_url": reverse("marketplace:licences-fragment") + query,
    }


@require_GET
@actor_required
def sales(request: HttpRequest) -> HttpResponse:
    """What the organisation has sold, and who was paid."""
    actor = actor_of(request)
    rows, paginator = _page_of(request, selectors.sales(actor))
    found = []
    for row in rows:
        info = sale_info(row)
        licence = selectors.licence(actor, info.licence_id)
        found.append(
            {
                "sale": info,
                "name": row.listing.name,
                "buyer": row.buyer,
                "lines": selectors.sale_line_rows(info),
                "licence": licence,
                "may_revoke": TEMPLATES[licence.terms].revocable
                and licence.state == LicenceState.ACTIVE
                and table.allows(actor, MarketplacePermission.LIST),
                "may_retry": table.allows(actor, MarketplacePermission.LIST)
                and selectors.may_retry_revocation(licence),
            }
        )
    return render(request, "marketplace/sales.html", {"sales": found, "paginator": paginator})


@require_POST
@actor_required
def revoke(request: HttpRequest, licence_id: UUID) -> HttpResponseRedirect:
    """End a licence that was sold, where its terms allow that."""
    actor = actor_of(request)
    selectors.licence(actor, licence_id)
    try:
        services.revoke_licence(actor=actor, licence_id=licence_id, reason=request.POST.get("reason", ""))
    except (InvalidInput, LicenceNotRevocable) as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The licence has ended. The buyer sees why.")
    return redirect("marketplace:sales")


@require_POST
@actor_required
def retry_revocation(request: HttpRequest, licence_id: UUID) -> HttpResponseRedirect:
    """Ask the chain once more to end a licence that was sold."""
    try:
        services.retry_revocation(actor=actor_of(request), licence_id=licence_id)
    except RecordNotRetryable as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The chain is asked once more to end the licence.")
    return redirect("marketplace:sales")


@require_POST
@actor_required
def retry_record(request: HttpRequest, licence_id: UUID) -> HttpResponseRedirect:
    """Ask again for a licence's record on chain."""
    services.retry_licence_record(actor=actor_of(request), licence_id=licence_id)
    messages.success(request, "Asked for again.")
    return redirect("marketplace:licences")


@require_http_methods(["GET", "POST"])
@actor_required
def offer(request: HttpRequest, asset_id: UUID) -> HttpResponse:
    """Offer an own asset, or change its offer."""
    actor = actor_of(request)
    asset = assets.asset(asset_id)
    if asset.owner_id != actor.organisation_id:
        raise AssetNotFound(asset_id)
    chain_problem = selectors.chain_sale_problem(asset_id, actor.organisation_id)
    form = ListingForm(request.POST or None, initial=_initial_offer(asset_id))
    if chain_problem and not form.is_bound:
        form.fields["on_chain"].disabled = True
        form.fields["on_chain"].initial = False
        form.initial["on_chain"] = False
        form.fields["on_chain"].help_text = f"Not possible for now. {chain_problem}"
    if request.method == "POST" and form.is_valid():
        try:
            services.list_asset(actor=actor, asset_id=asset_id, **form.offer())
        except InvalidListing as error:
            for problem in error.errors:
                field = {"royalty_bps": "royalty_percent"}.get(problem["field"], problem["field"])
                form.add_error(field if field in form.fields else None, problem["message"])
        else:
            messages.success(request, f"{asset.name} is on the marketplace.")
            return redirect("assets:asset", asset_id=asset_id)
    context = {"asset": asset, "form": form, "templates": TEMPLATES.values()}
    return render(request, "marketplace/offer.html", context, status=422 if form.is_bound else 200)


def _initial_offer(asset_id: UUID) -> dict[str, Any]:
    for listing in selectors.active_listings(asset_id):
        if listing.right == AccessRight.USE:
            price = f"{listing.price.minor // 100}.{listing.price.minor % 100:02d}"
            return {
                "terms": listing.terms,
                "price": price,
                "period_days": str(listing.period_days or ""),
                "on_chain": listing.on_chain,
            }
    return {"terms": next(iter(TEMPLATES)), "period_days": "365"}


@require_POST
@actor_required
def unlist(request: HttpRequest, listing_id: UUID) -> HttpResponseRedirect:
    """Take an offer back."""
    info = services.unlist(actor=actor_of(request), listing_id=listing_id)
    messages.success(request, "The offer is taken back. Licences that were sold stay valid.")
    return redirect("assets:asset", asset_id=info.asset_id)
