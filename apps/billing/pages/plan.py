"""The plan's page: compare, what is used, invoices, cards."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import actor_required
from apps.billing import policies, selectors, services
from apps.billing.plans import PLANS
from apps.billing.policies import BillingPermission
from apps.billing.types import LIMIT_LABELS, PLAN_PATH, PlanKey, readable
from apps.core.errors import DependencyFailed
from apps.core.pagination import cursor_page
from apps.tenancy.actors import actor_of
from apps.tenancy.limits import Limit
from apps.tenancy.types import Actor


@require_GET
@actor_required
@never_cache
def plan(request: HttpRequest) -> HttpResponse:
    """Which plan the organisation has, what it uses, what the others give."""
    actor = actor_of(request)
    if request.GET.get("returned"):
        _ask(actor)
    current = selectors.current_subscription(actor)
    key = selectors.plan_key(actor.organisation_id)
    columns = [
        (
            one,
            [(LIMIT_LABELS[limit], readable(limit, one.limits[limit])) for limit in Limit],
            one.key == key,
            one.rank > PLANS[key].rank,
        )
        for one in PLANS.values()
    ]
    context = {
        "plan": PLANS[key],
        "subscription": current,
        "columns": columns,
        "usage": selectors.usage(actor),
        "page": cursor_page(request, selectors.invoices(actor)),
        "cards": selectors.cards(actor),
        "may_manage": policies.table.allows(actor, BillingPermission.MANAGE_PLAN),
    }
    return render(request, "billing/plan.html", context)


@require_POST
@actor_required
def choose(request: HttpRequest) -> HttpResponse:
    """Take a plan: on the payment page for the first, at once for another one."""
    actor, wanted = actor_of(request), _plan(request)
    if selectors.current_subscription(actor) is None:
        back = settings.PUBLIC_URL + PLAN_PATH
        address = services.subscribe(actor=actor, plan=wanted, success_url=f"{back}?returned=1", cancel_url=back)
        return redirect(address)
    services.change_plan(actor=actor, plan=wanted)
    messages.success(request, f"The organisation is on the {PLANS[wanted].name} plan now.")
    return redirect("billing:plan")


@require_POST
@actor_required
def order(request: HttpRequest) -> HttpResponse:
    """Take the enterprise plan by invoice."""
    services.subscribe_by_invoice(actor=actor_of(request), plan=_plan(request))
    messages.success(request, "The invoice is below. The plan starts as soon as it is paid.")
    return redirect("billing:plan")


@require_POST
@actor_required
def cancel(request: HttpRequest) -> HttpResponse:
    """Let the plan end with its period."""
    services.cancel_plan(actor=actor_of(request))
    messages.success(request, "The plan ends with the paid period. Nothing of yours is deleted.")
    return redirect("billing:plan")


@require_POST
@actor_required
def resume(request: HttpRequest) -> HttpResponse:
    """Take the cancellation back."""
    services.resume_plan(actor=actor_of(request))
    messages.success(request, "The plan goes on.")
    return redirect("billing:plan")


@require_POST
@actor_required
def add_card(request: HttpRequest) -> HttpResponse:
    """Go to the page on which a card is kept."""
    back = settings.PUBLIC_URL + PLAN_PATH
    address = services.add_card(actor=actor_of(request), success_url=f"{back}?returned=1", cancel_url=back)
    return redirect(address)


@require_POST
@actor_required
def make_default(request: HttpRequest, card_id: UUID) -> HttpResponse:
    """Charge renewals to this card."""
    services.make_default(actor=actor_of(request), card_id=card_id)
    messages.success(request, "Renewals are charged to this card from now on.")
    return redirect("billing:plan")


@require_POST
@actor_required
def remove_card(request: HttpRequest, card_id: UUID) -> HttpResponse:
    """Forget a card."""
    services.remove_card(actor=actor_of(request), card_id=card_id)
    messages.success(request, "The card was removed.")
    return redirect("billing:plan")


def _plan(request: HttpRequest) -> PlanKey:
    try:
        return PlanKey(request.POST.get("plan", ""))
    except ValueError as error:
        raise Http404 from error


def _ask(actor: Actor) -> None:
    """The payer came back, perhaps before the webhook: ask what has become of it."""
    try:
        services.refresh(actor=actor)
    except DependencyFailed:
        return  # the page shows what is known; the webhook brings the rest
