"""Pages of billing: balance, top-up, statement."""

from __future__ import annotations

import csv
import io
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import actor_required
from apps.billing import policies, selectors, services
from apps.billing.errors import CardNotFound, PaymentDeclined
from apps.billing.forms import TopUpForm, suggested
from apps.billing.policies import BillingPermission
from apps.billing.types import CANCEL_PATH, CURRENCY, PRESETS, RETURN_PATH, TopUpInfo, TopUpState
from apps.core.errors import DependencyFailed
from apps.core.pagination import cursor_page
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, StatementLine, units_of
from apps.tenancy.actors import actor_of
from apps.tenancy.selectors import organisation_names
from apps.tenancy.types import Actor

RECENT_TOP_UPS = 5
#: A cell that starts like this would be run as a formula by spreadsheet programs.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
CSV_LINES = 50_000


@require_GET
@actor_required
@never_cache
def overview(request: HttpRequest) -> HttpResponse:
    """The balance, the form, what was paid in and what it was spent on."""
    form = TopUpForm(initial={"amount": suggested(request.GET.get("amount_minor"))})
    return _overview_page(request, form)


@require_POST
@actor_required
def start(request: HttpRequest) -> HttpResponse:
    """Open a payment page and go there."""
    form = TopUpForm({"amount": request.POST.get("preset") or request.POST.get("amount", "")})
    if not form.is_valid():
        return _overview_page(request, form, status=422)
    card = request.POST.get("card", "")
    if card:
        return _charge_card(request, form, card)
    opened = services.start_top_up(
        actor=actor_of(request),
        amount=form.money(),
        success_url=settings.PUBLIC_URL + RETURN_PATH,
        cancel_url=settings.PUBLIC_URL + CANCEL_PATH,
    )
    return redirect(opened.checkout_url)


def _charge_card(request: HttpRequest, form: TopUpForm, raw_card: str) -> HttpResponse:
    actor = actor_of(request)
    try:
        made = services.top_up_with_card(actor=actor, amount=form.money(), card_id=UUID(raw_card))
    except ValueError as error:
        raise CardNotFound from error
    except PaymentDeclined as refusal:
        form.add_error(None, refusal.message)
        return _overview_page(request, form, status=402)
    messages.success(request, f"{made.amount} was charged to the card and added to the balance.")
    return redirect("billing:overview")


@require_POST
@actor_required
def refund(request: HttpRequest, top_up_id: UUID) -> HttpResponse:
    """Send back what is left of a top-up."""
    made = services.refund_top_up(actor=actor_of(request), top_up_id=top_up_id)
    messages.success(request, f"{made.amount} is on its way back to the card. Banks take five to ten days to show it.")
    return redirect("billing:overview")


@require_GET
@actor_required
@never_cache
def top_up_status(request: HttpRequest, top_up_id: UUID) -> HttpResponse:
    """The fragment that a page shows after the payer came back; asks the processor where the webhook is late."""
    return render(request, "billing/status.html", {"top_up": _current(actor_of(request), top_up_id)})


@require_GET
@actor_required
def statement_csv(request: HttpRequest) -> HttpResponse:
    """Every movement of the prepaid balance, newest first."""
    actor = actor_of(request)
    policies.require(actor, BillingPermission.VIEW)
    lines = ledger.statement(actor, kind=AccountKind.CASH, currency=CURRENCY, limit=CSV_LINES)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["id", "time_utc", "amount_minor", "currency", "what_for", "counterparty", "source", "source_id"])
    for line, counterparty in _with_names(lines):
        units = units_of(line.amount) * (1 if line.incoming else -1)
        texts = (line.reason, counterparty, line.source.type, line.source.id)
        writer.writerow([line.id, line.created_at.isoformat(), units, CURRENCY, *(_inert(text) for text in texts)])
    response = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="statement.csv"'
    return response


def _overview_page(request: HttpRequest, form: TopUpForm, status: int = 200) -> HttpResponse:
    actor = actor_of(request)
    page = cursor_page(request, ledger.transfers(actor, kind=AccountKind.CASH, currency=CURRENCY))
    lines = [ledger.statement_line(row, actor.organisation_id) for row in page.results]
    newest = selectors.top_ups(actor).order_by("-id")[:RECENT_TOP_UPS]
    context = {
        "balance": selectors.balance(actor),
        "form": form,
        "presets": [(preset, preset.minor // 100) for preset in PRESETS],
        "returned": _returned(request, actor),
        "top_ups": [selectors.top_up_info(row) for row in newest],
        "owed": selectors.money_owed(actor.organisation_id),
        "disputes": list(selectors.disputes(actor)[:RECENT_TOP_UPS]),
        "cards": selectors.cards(actor),
        "rows": _with_names(lines),
        "page": page,
        "may_top_up": policies.table.allows(actor, BillingPermission.TOP_UP),
        "may_refund": policies.table.allows(actor, BillingPermission.REFUND),
    }
    return render(request, "billing/overview.html", context, status=status)


def _with_names(lines: list[StatementLine]) -> list[tuple[StatementLine, str]]:
    names = organisation_names({line.counterparty_id for line in lines if line.counterparty_id})
    return [(line, line.counterparty_among(names)) for line in lines]


def _returned(request: HttpRequest, actor: Actor) -> TopUpInfo | None:
    """The top-up that the payer comes back from, if the address names one."""
    try:
        top_up_id = UUID(request.GET.get("top_up", ""))
    except ValueError:
        return None
    return _current(actor, top_up_id)


def _current(actor: Actor, top_up_id: UUID) -> TopUpInfo:
    known = selectors.top_up(actor, top_up_id)
    if known.state != TopUpState.OPEN:
        return known
    try:
        return services.settle_top_up(actor=actor, top_up_id=top_up_id)
    except DependencyFailed:
        return known  # the page says that it waits; the webhook or the schedule settles it


def _inert(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
