"""The page of the platform's staff: what waits for a decision, who is frozen, rounds, and whether the chain agrees."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import actor_required
from apps.core.errors import Conflict, InvalidInput, NotFound
from apps.payouts import oversight, selectors, services
from apps.payouts.errors import NotIndependent
from apps.payouts.reconciliation import reconcile
from apps.tenancy.actors import actor_of
from apps.tenancy.policies import require_staff

ROUNDS_SHOWN = 10


class ReasonForm(forms.Form):
    """What the payee reads."""

    reason = forms.CharField(label="Reason, as the payee reads it", max_length=500)


class FreezeForm(ReasonForm):
    """Whose withdrawals are stopped."""

    organisation_id = forms.UUIDField(label="Organisation's id")


@require_GET
@actor_required
@never_cache
def overview(request: HttpRequest) -> HttpResponseBase:
    """The page."""
    return _page(request, FreezeForm())


@require_POST
@actor_required
def approve(request: HttpRequest, withdrawal_id: UUID) -> HttpResponseBase:
    """Approve a withdrawal."""
    try:
        made = services.approve_withdrawal(actor=actor_of(request), withdrawal_id=withdrawal_id)
    except (Conflict, NotIndependent) as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"You approved {made.amount}: {made.state.label.lower()}.")
    return redirect("payouts-staff:overview")


@require_POST
@actor_required
def reject(request: HttpRequest, withdrawal_id: UUID) -> HttpResponseBase:
    """Reject a withdrawal."""
    try:
        made = services.reject_withdrawal(
            actor=actor_of(request), withdrawal_id=withdrawal_id, reason=request.POST.get("reason", "")
        )
    except (Conflict, InvalidInput) as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"You rejected {made.amount}; the money is the payee's earnings again.")
    return redirect("payouts-staff:overview")


@require_POST
@actor_required
def freeze(request: HttpRequest) -> HttpResponseBase:
    """Stop an organisation's withdrawals."""
    form = FreezeForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    try:
        services.freeze_payouts(actor=actor_of(request), **form.cleaned_data)
    except (Conflict, InvalidInput, NotFound) as error:
        form.add_error("organisation_id", error.message)
        return _page(request, form)
    messages.success(request, "The account is frozen. Its holder sees the reason.")
    return redirect("payouts-staff:overview")


@require_POST
@actor_required
def unfreeze(request: HttpRequest, organisation_id: UUID) -> HttpResponseBase:
    """Let an organisation withdraw again."""
    services.unfreeze_payouts(actor=actor_of(request), organisation_id=organisation_id)
    messages.success(request, "The account can withdraw again.")
    return redirect("payouts-staff:overview")


@require_POST
@actor_required
def publish(request: HttpRequest) -> HttpResponseBase:
    """Publish a payout round now."""
    try:
        made = services.publish_epoch(actor=actor_of(request))
    except Conflict as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"Round {made.number} is on its way." if made else "Nothing waits for a round.")
    return redirect("payouts-staff:overview")


@require_POST
@actor_required
def adopt(request: HttpRequest) -> HttpResponseBase:
    """Go on from the root in force."""
    try:
        services.adopt_root(actor=actor_of(request))
    except Conflict as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The platform goes on from the root in force.")
    return redirect("payouts-staff:overview")


@require_POST
@actor_required
def announce(request: HttpRequest) -> HttpResponseBase:
    """Announce that a payee's unclaimed money is taken back."""
    return _recovery(request, services.announce_recovery, "The announcement is on its way to the chain.")


@require_POST
@actor_required
def recover(request: HttpRequest) -> HttpResponseBase:
    """Take a payee's unclaimed money back to its earnings."""
    return _recovery(request, services.recover_unclaimed, "The recovery is on its way to the chain.")


def _recovery(request: HttpRequest, service: Callable[..., object], done: str) -> HttpResponseBase:
    try:
        service(actor=actor_of(request), payee=request.POST.get("payee", ""))
    except Conflict as error:
        messages.error(request, error.message)
    else:
        messages.success(request, done)
    return redirect("payouts-staff:overview")


def _page(request: HttpRequest, form: FreezeForm) -> HttpResponse:
    actor = actor_of(request)
    require_staff(actor)
    context = {
        "queue": oversight.approval_queue(actor),
        "totals": oversight.totals_by_state(actor).items(),
        "freezes": oversight.freezes(actor),
        "unclaimed": oversight.unclaimed(actor),
        "epochs": [selectors.epoch_info(row) for row in selectors.epochs()[:ROUNDS_SHOWN]],
        "reconciliation": reconcile(),
        "freeze_form": form,
    }
    return render(request, "payouts/staff.html", context, status=422 if form.is_bound else 200)
