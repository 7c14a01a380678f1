"""The page on which a wallet is linked: with a browser wallet in two clicks, or by signing a shown text elsewhere."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from apps.accounts import selectors, services
from apps.accounts.access import actor_required
from apps.accounts.forms import AddressForm, SignatureForm
from apps.accounts.policies import AccountsPermission, table
from apps.core.errors import Conflict, InvalidInput
from apps.tenancy.actors import actor_of

HISTORY_SHOWN = 10


@require_GET
@actor_required
@never_cache
def wallet(request: HttpRequest) -> HttpResponseBase:
    """Where the organisation is paid, and how to change that."""
    return _page(request)


@require_POST
@actor_required
def challenge(request: HttpRequest) -> HttpResponseBase:
    """Show the text to sign."""
    form = AddressForm(request.POST)
    if not form.is_valid():
        return _page(request, address_form=form)
    try:
        issued = services.issue_challenge(actor=actor_of(request), address=form.cleaned_data["address"])
    except InvalidInput as error:
        form.add_error("address", error.message)
        return _page(request, address_form=form)
    return _page(request, signature_form=SignatureForm(initial={"message": issued.message}), text=issued.message)


@require_POST
@actor_required
def verify(request: HttpRequest) -> HttpResponseBase:
    """Link the wallet that has signed."""
    form = SignatureForm(request.POST)
    text = request.POST.get("message", "").replace("\r\n", "\n")
    if not form.is_valid():
        return _page(request, signature_form=form, text=text)
    try:
        address = services.link_wallet(actor=actor_of(request), **form.cleaned_data)
    except (InvalidInput, Conflict) as error:
        form.add_error("signature", error.message)
        return _page(request, signature_form=form, text=text)
    if selectors.wallet(actor_of(request).organisation_id).address == address:
        messages.success(request, f"{address} is linked. Withdrawals go there from now on.")
    else:
        messages.success(request, f"The change to {address} waits; this page shows until when.")
    return redirect("accounts:wallet")


@require_POST
@actor_required
def cancel_change(request: HttpRequest) -> HttpResponseBase:
    """Keep the wallet that is in force."""
    services.cancel_wallet_change(actor=actor_of(request))
    messages.success(request, "The change is cancelled. Nothing else has changed.")
    return redirect("accounts:wallet")


def _page(
    request: HttpRequest,
    *,
    address_form: AddressForm | None = None,
    signature_form: SignatureForm | None = None,
    text: str = "",
) -> HttpResponse:
    actor = actor_of(request)
    context: dict[str, Any] = {
        "wallet": selectors.wallet(actor.organisation_id),
        "may_change": table.allows(actor, AccountsPermission.SET_WALLET),
        "address_form": address_form or AddressForm(),
        "signature_form": signature_form,
        "text": text,
        "history": selectors.wallet_history(actor)[:HISTORY_SHOWN],
    }
    refused = (address_form is not None and address_form.is_bound) or (
        signature_form is not None and signature_form.is_bound
    )
    return render(request, "accounts/wallet.html", context, status=422 if refused else 200)
