"""Pages of review cases: what was seen, the annotator's word, the decision."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import actor_required
from apps.core.errors import Conflict, InvalidInput
from apps.core.pagination import cursor_page
from apps.labeling import services
from apps.labeling.case_types import MAX_REASON, MAX_REPLY, MIN_REASON, MIN_REPLY
from apps.labeling.pages.live import live_page
from apps.labeling.pages.work import annotator_of_visitor
from apps.labeling.policies import table
from apps.labeling.selectors import cases as selectors
from apps.labeling.selectors import orders
from apps.labeling.types import LabelingPermission
from apps.tenancy.actors import actor_of


@require_GET
@never_cache
@actor_required
def order_cases(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """GET /orders/<order>/cases/: what was seen in the answers, with the figures, and what annotators say to it."""
    actor = actor_of(request)
    order = orders.order(actor, order_id)
    page = cursor_page(request, selectors.order_cases(order))
    numbers = selectors.annotator_numbers(order)
    context = {
        "order": order,
        "rows": [(selectors.case_info(row, numbers), selectors.case_facts(order, row)) for row in page.results],
        "page": page,
        "may_decide": table.allows(actor, LabelingPermission.ORDER_REVIEW),
        "least": MIN_REASON,
        "most": MAX_REASON,
    }
    return live_page(request, "order_cases", "order_cases_live", context)


@require_POST
@actor_required
def decide(request: HttpRequest, order_id: UUID, case_id: UUID) -> HttpResponse:
    """POST /orders/<order>/cases/<case>/decide/ with `decision` and `reason`."""
    actor = actor_of(request)
    orders.order(actor, order_id)
    try:
        services.decide_case(
            actor=actor,
            case_id=case_id,
            decision=request.POST.get("decision", ""),
            reason=request.POST.get("reason", ""),
        )
    except (Conflict, InvalidInput) as error:
        messages.warning(request, error.message)
    else:
        messages.success(request, "Decided. The annotator reads your reason.")
    return redirect("orders:cases", order_id)


@require_GET
@never_cache
@actor_required
def my_cases(request: HttpRequest) -> HttpResponse:
    """GET /work/cases/: what was seen in the annotator's answers."""
    with annotator_of_visitor(request) as actor:
        rows = selectors.my_cases(actor) if actor is not None else []
    return live_page(request, "my_cases", "my_cases_live", {"rows": rows, "annotator": actor})


@require_GET
@never_cache
@actor_required
def my_case(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """GET /work/cases/<case>/"""
    return _my_case(request, case_id)


def _my_case(request: HttpRequest, case_id: UUID, error: InvalidInput | None = None, reply: str = "") -> HttpResponse:
    with annotator_of_visitor(request) as actor:
        if actor is None:
            return redirect("work:board")
        found = selectors.my_case(actor, case_id)
    context: dict[str, Any] = {"case": found, "annotator": actor, "error": error, "reply": reply or found.reply}
    context |= {"least": MIN_REPLY, "most": MAX_REPLY}
    return live_page(request, "my_case", "my_case_live", context, status=422 if error else 200)


@require_POST
@actor_required
def reply(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """POST /work/cases/<case>/reply/ with `reply`."""
    text = request.POST.get("reply", "")
    with annotator_of_visitor(request) as actor:
        if actor is None:
            return redirect("work:board")
        selectors.my_case(actor, case_id)
        try:
            services.reply_to_case(actor=actor, case_id=case_id, reply=text)
        except InvalidInput as error:
            return _my_case(request, case_id, error, text)
        except Conflict as error:
            messages.warning(request, error.message)
        else:
            messages.success(request, "Your answer is with those who decide.")
    return redirect("work:case", case_id)


@require_GET
@never_cache
@actor_required
def staff_cases(request: HttpRequest) -> HttpResponse:
    """GET /staff/cases/: undecided cases of all orders."""
    return render(request, "labeling/staff_cases.html", {"rows": selectors.all_open_cases(actor_of(request))})
