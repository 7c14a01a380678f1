"""The earnings page: what was earned and why, what is on its way, and how it gets to a wallet."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from apps.accounts import services as accounts
from apps.accounts.access import actor_or_guest, actor_required
from apps.accounts.selectors import wallet
from apps.core.errors import Conflict, InvalidInput
from apps.core.pagination import cursor_page
from apps.payouts import selectors, services, tree
from apps.payouts import tax as tax_reports
from apps.payouts.errors import NotClaimable
from apps.payouts.export import csv_lines
from apps.payouts.forms import WalletForm, WithdrawForm, as_decimal
from apps.payouts.policies import table
from apps.payouts.sources import source_url
from apps.payouts.timeline import timeline
from apps.payouts.types import ON_ITS_WAY, ClaimProof, EarningsSummary, PayoutsPermission, WithdrawalState
from apps.tenancy.actors import actor_of, maybe_actor
from apps.tenancy.types import Actor

RECENT_WITHDRAWALS = 10
UNPUBLISHED = (WithdrawalState.APPROVAL, WithdrawalState.WAITING, WithdrawalState.PUBLISHING)


@require_GET
@actor_or_guest
@never_cache
def overview(request: HttpRequest) -> HttpResponseBase:
    """The page; a visitor who has not worked yet signs in first."""
    return _page(request) if maybe_actor(request) is not None else actor_required(_page)(request)


@require_GET
@actor_or_guest
@never_cache
def live(request: HttpRequest) -> HttpResponseBase:
    """The part of the page that changes by itself."""
    return render(request, "payouts/live.html", _live_context(actor_of(request)))


@require_POST
@actor_required
def withdraw(request: HttpRequest) -> HttpResponseBase:
    """Withdraw an amount."""
    form = WithdrawForm(request.POST, minimum=selectors.minimum_withdrawal())
    if not form.is_valid():
        return _page(request, withdraw_form=form)
    try:
        made = services.request_withdrawal(actor=actor_of(request), amount=form.money())
    except (InvalidInput, Conflict) as error:
        form.add_error("amount", error.message)
        return _page(request, withdraw_form=form)
    messages.success(request, f"{made.amount} is on its way to {made.address}.")
    return redirect("payouts:withdrawal", made.id)


@require_POST
@actor_required
def set_wallet(request: HttpRequest) -> HttpResponseBase:
    """Set where withdrawals go."""
    form = WalletForm(request.POST)
    if not form.is_valid():
        return _page(request, wallet_form=form)
    try:
        address = accounts.set_wallet(actor=actor_of(request), address=form.cleaned_data["address"])
    except (InvalidInput, Conflict) as error:
        form.add_error("address", error.message)
        return _page(request, wallet_form=form)
    pending = wallet(actor_of(request).organisation_id).pending_address
    waits = "The change waits; the wallet's page shows until when."
    messages.success(request, waits if pending else f"Withdrawals go to {address} from now on.")
    return redirect("payouts:overview")


@require_GET
@actor_required
@never_cache
def withdrawal(request: HttpRequest, withdrawal_id: UUID) -> HttpResponseBase:
    """One withdrawal: how far it is, and its proof."""
    return render(request, "payouts/withdrawal.html", _withdrawal_context(actor_of(request), withdrawal_id))


@require_GET
@actor_required
@never_cache
def withdrawal_live(request: HttpRequest, withdrawal_id: UUID) -> HttpResponseBase:
    """The part of a withdrawal's page that changes by itself."""
    return render(request, "payouts/withdrawal_live.html", _withdrawal_context(actor_of(request), withdrawal_id))


@require_POST
@actor_required
def claim(request: HttpRequest, withdrawal_id: UUID) -> HttpResponseBase:
    """Claim again, after the automatic claim failed."""
    services.claim_again(actor=actor_of(request), withdrawal_id=withdrawal_id)
    messages.success(request, "The claim is on its way.")
    return redirect("payouts:withdrawal", withdrawal_id)


@require_GET
@actor_required
@never_cache
def proof(request: HttpRequest, withdrawal_id: UUID) -> HttpResponseBase:
    """The proof as a file, to claim without the platform."""
    found = tree.claim_proof(actor_of(request), withdrawal_id)
    response = HttpResponse(json.dumps(found.as_json(), indent=2), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="proof-{withdrawal_id}.json"'
    return response


@require_GET
@actor_or_guest
@never_cache
def export(request: HttpRequest) -> HttpResponseBase:
    """Everything earned and withdrawn, as CSV."""
    lines = list(selectors.earned_lines(actor_of(request)))
    response = StreamingHttpResponse(csv_lines(lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="earnings.csv"'
    return response


@require_POST
@actor_required
def cancel(request: HttpRequest, withdrawal_id: UUID) -> HttpResponseBase:
    """Call a withdrawal off."""
    try:
        made = services.cancel_withdrawal(actor=actor_of(request), withdrawal_id=withdrawal_id)
    except Conflict as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"The withdrawal is cancelled; {made.amount} is back in your earnings.")
    return redirect("payouts:withdrawal", withdrawal_id)


@require_GET
@actor_required
@never_cache
def tax(request: HttpRequest) -> HttpResponseBase:
    """Each year's totals, with the file for tax."""
    return render(request, "payouts/tax.html", {"years": tax_reports.years(actor_of(request))})


@require_GET
@actor_required
@never_cache
def tax_file(request: HttpRequest, year: int) -> HttpResponseBase:
    """A calendar year's income and withdrawals, as CSV."""
    report = tax_reports.report(actor_of(request), year)
    response = StreamingHttpResponse(tax_reports.csv_lines(report), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="earnings-{report.year}.csv"'
    return response


def _page(
    request: HttpRequest, *, withdraw_form: WithdrawForm | None = None, wallet_form: WalletForm | None = None
) -> HttpResponse:
    actor = actor_of(request)
    context = _live_context(actor)
    summary: EarningsSummary = context["summary"]
    page = cursor_page(request, selectors.earned(actor))
    found = wallet(actor.organisation_id)
    lines = [selectors.earned_line(row, actor) for row in page.results]
    refused = withdraw_form is not None or wallet_form is not None
    context |= {
        "withdraw_form": withdraw_form
        or WithdrawForm(minimum=summary.minimum, initial={"amount": as_decimal(summary.available)}),
        "wallet_form": wallet_form or WalletForm(initial={"address": summary.wallet}),
        "can_withdraw": summary.wallet is not None
        and summary.frozen is None
        and found.pending_until is None
        and summary.available >= summary.minimum,
        "wallet": found,
        "may_withdraw": table.allows(actor, PayoutsPermission.WITHDRAW),
        "is_guest": actor.is_guest,
        "lines": [(line, source_url(line.source)) for line in lines],
        "page": page,
    }
    return render(request, "payouts/overview.html", context, status=422 if refused else 200)


def _live_context(actor: Actor) -> dict[str, Any]:
    rows = selectors.withdrawals(actor)[:RECENT_WITHDRAWALS]
    return {
        "actor": actor,
        "summary": selectors.earnings_summary(actor),
        "withdrawals": [selectors.withdrawal_info(row) for row in rows],
    }


def _withdrawal_context(actor: Actor, withdrawal_id: UUID) -> dict[str, Any]:
    info = selectors.withdrawal(actor, withdrawal_id)
    epoch = selectors.epoch(info.epoch_id) if info.epoch_id else None
    frozen = selectors.freeze_of(actor.organisation_id)
    decided = selectors.decisions(actor, withdrawal_id)
    return {
        "actor": actor,
        "withdrawal": info,
        "page_title": f"Withdrawal of {info.amount}",
        "epoch": epoch,
        "steps": timeline(info, epoch, decided, frozen=f"Stopped: {frozen.reason}" if frozen else ""),
        "may_withdraw": table.allows(actor, PayoutsPermission.WITHDRAW),
        "unpublished": UNPUBLISHED,
        "proof": _proof_or_none(actor, withdrawal_id),
        "is_settled": info.state not in ON_ITS_WAY,
    }


def _proof_or_none(actor: Actor, withdrawal_id: UUID) -> ClaimProof | None:
    try:
        return tree.claim_proof(actor, withdrawal_id)
    except NotClaimable:
        return None
