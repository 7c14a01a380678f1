"""Pages of orders: the list, the wizard, the live page."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.access import actor_required
from apps.core.errors import DomainError, InvalidInput, NotPermitted, PaymentRequired
from apps.core.money import Money
from apps.core.pagination import cursor_page
from apps.labeling import services, task_types, uploads
from apps.labeling.brief import MAX_REDUNDANCY, instruction_html
from apps.labeling.design import example_in_words
from apps.labeling.models import Order
from apps.labeling.pages.forms import UNTIL_SURE, OrderForm, money_of
from apps.labeling.pages.machine import MachineForm
from apps.labeling.policies import table
from apps.labeling.pricing import quote
from apps.labeling.selectors import cases, exports, reviewing
from apps.labeling.selectors import orders as selectors
from apps.labeling.selectors.eligibility import usable_skills
from apps.labeling.selectors.imports import import_of, ready_imports
from apps.labeling.selectors.machine import machine_figures, settings_of
from apps.labeling.selectors.outlook import outlook
from apps.labeling.selectors.sampling import has_unused_answers, prospects
from apps.labeling.types import OPEN_ORDER_STATES, LabelingPermission, OrderState
from apps.ledger.selectors import balance
from apps.ledger.types import AccountKind, AccountRef
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor

PREVIEW_ROWS = 5


@require_GET
@actor_required
def order_list(request: HttpRequest) -> HttpResponse:
    """GET /orders/"""
    page = cursor_page(request, selectors.orders(actor_of(request)))
    rows = [(order, selectors.quote_of(order)) for order in page.results]
    return render(request, "labeling/orders.html", {"rows": rows, "page": page})


@require_http_methods(["GET", "POST"])
@actor_required
def new_order(request: HttpRequest) -> HttpResponse:
    """GET and POST /orders/new/: upload, design, price; the review is the draft's page."""
    actor = actor_of(request)
    ready, skills = ready_imports(actor), usable_skills(actor)
    if request.method == "GET":
        form = OrderForm(imports=ready, skills=skills, initial={"import_id": request.GET.get("import", "")})
        return render(request, "labeling/order_new.html", {"form": form, "rows_wrong": []})
    form = OrderForm(request.POST, request.FILES, imports=ready, skills=skills)
    rows_wrong: list[Any] = []
    context: dict[str, Any] = {}
    if form.is_valid():
        try:
            order = _drafted(actor, form)
        except InvalidInput as error:
            form.add_domain_error(error)
            rows_wrong = [problem for problem in error.errors if "row" in problem]
            context["error_count"] = error.context.get("error_count", len(rows_wrong))
        except (PaymentRequired, NotPermitted) as error:
            form.add_error(None, error.message)
        else:
            return redirect("orders:order", order.id)
    return render(request, "labeling/order_new.html", {"form": form, "rows_wrong": rows_wrong, **context}, status=422)


def _drafted(actor: Actor, form: OrderForm) -> Order:
    import_id = form.import_id_or_none()

    def draft() -> Order:
        if import_id is None:
            return services.create_order_from_file(actor=actor, **form.uploaded(), **form.brief())
        return services.create_order_from_import(actor=actor, import_id=import_id, **form.brief())

    return services.draft_with(actor=actor, settings=form.settings(), draft=draft)


class QuoteForm(forms.Form):
    """What a price depends on; the number of items, or the import that has them."""

    items = forms.IntegerField(min_value=1, max_value=uploads.MAX_ITEMS, required=False)
    import_id = forms.UUIDField(required=False)
    quality = forms.CharField(required=False)
    budget = forms.DecimalField(min_value=0, decimal_places=2, required=False)
    redundancy = forms.IntegerField(min_value=1, max_value=MAX_REDUNDANCY)
    price = forms.DecimalField(min_value=0, max_value=100, decimal_places=2)


@require_GET
@actor_required
def quote_fragment(request: HttpRequest) -> HttpResponse:
    """GET /orders/quote/?items=|import_id=&redundancy=&price=&budget=: what it costs at most."""
    form = QuoteForm(request.GET)
    context: dict[str, Any] = {}
    if form.is_valid() and form.cleaned_data["price"] > 0:
        data = form.cleaned_data
        chosen = data["import_id"]
        items = import_of(actor_of(request), chosen).item_count if chosen else data["items"]
        context["until_sure"] = data["quality"] == UNTIL_SURE
        context["quote"] = items and quote(
            items=items,
            redundancy=data["redundancy"],
            price=money_of(data["price"]),
            fee_bps=settings.FEES["label_bps"],
            budget=money_of(data["budget"]) if data["budget"] else None,
        )
    return render(request, "labeling/quote_fragment.html", context)


@require_POST
@actor_required
def preview_fragment(request: HttpRequest) -> HttpResponse:
    """POST /orders/preview/ with the file: its first rows, or what is wrong with it. Nothing is saved."""
    upload = request.FILES.get("file")
    if upload is None:
        return render(request, "labeling/preview_fragment.html", {})
    chosen = request.POST.get("task_type", task_types.PLAIN)
    columns = (task_types.BY_KEY[chosen].input,) if chosen in task_types.BY_KEY else ()
    try:
        found = uploads.read_upload(upload, upload.name or "the file", columns=columns)
    except InvalidInput as error:
        return render(request, "labeling/preview_fragment.html", {"error": error}, status=422)
    context = {
        "columns": found.columns[:6],
        "preview": [
            (n, [row[c] for c in found.columns[:6]]) for n, row in zip(found.row_numbers, found.rows[:5], strict=False)
        ],
        "count": len(found.rows),
        "classes": uploads.guess_classes(found),
    }
    return render(request, "labeling/preview_fragment.html", context)


def _context(request: HttpRequest, order_id: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    order = selectors.order(actor, order_id)
    return {
        "order": order,
        "progress": selectors.progress(order),
        "quote": selectors.quote_of(order),
        "until_sure": order.target is not None,
        "target_percent": round(order.target * 100) if order.target is not None else None,
        "budget": selectors.budget_of(order),
        "outlook": outlook(order),
        "machine": machine_figures(order),
        "formats": exports.formats_for(order),
        "counts": selectors.choice_counts(order) if order.state != OrderState.DRAFT else [],
        "is_live": order.state in (*OPEN_ORDER_STATES, OrderState.CLOSING),
        "is_open": order.state in OPEN_ORDER_STATES,
        "may_end": table.allows(actor, LabelingPermission.ORDER_CANCEL),
    }


@require_GET
@actor_required
def order_page(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """GET /orders/<id>/: review and launch a draft; watch a running order; take the result."""
    return _order_page(request, order_id)


def _order_page(
    request: HttpRequest, order_id: UUID, error: DomainError | None = None, status: int = 200
) -> HttpResponse:
    context = _context(request, order_id)
    order = context["order"]
    design = selectors.design_of(order)
    may_change = table.allows(actor_of(request), LabelingPermission.ORDER_LAUNCH)
    if order.state in (OrderState.DRAFT, OrderState.RUNNING) and may_change and not services.why_not(design):
        context["machine_form"] = MachineForm.showing(settings_of(order))
    context |= {
        "error": error,
        "instruction": instruction_html(order.instruction),
        "design": design,
        "example": example_in_words(design, order.example),
        "price": selectors.price_of(order),
        "open_cases": cases.open_cases(order),
        "disputed": reviewing.waiting(order),
    }
    if order.state == OrderState.DRAFT:
        available = balance(AccountRef(order.tenant_id, AccountKind.CASH, order.currency)).available
        missing = context["quote"].held - available if isinstance(available, Money) else Money(0)
        context |= {
            "prospects": prospects(order),
            "unused_answers": has_unused_answers(order),
            "preview": selectors.preview(order, PREVIEW_ROWS),
            "available": available,
            "missing": missing if missing.minor > 0 else None,
            "may_launch": table.allows(actor_of(request), LabelingPermission.ORDER_LAUNCH),
        }
    return render(request, "labeling/order.html", context, status=status)


@require_GET
@actor_required
def progress_fragment(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """GET /orders/<id>/progress/: the live part of the page."""
    return render(request, "labeling/order_progress.html", _context(request, order_id))


@require_POST
@actor_required
def launch(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """POST /orders/<id>/launch/"""
    try:
        services.launch_order(actor=actor_of(request), order_id=order_id)
    except PaymentRequired as error:
        return _order_page(request, order_id, error, 402)
    except InvalidInput as error:
        return _order_page(request, order_id, error, 422)
    messages.success(request, "The order is on the task board.")
    return redirect("orders:order", order_id)


@require_POST
@actor_required
def cancel(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """POST /orders/<id>/cancel/"""
    services.cancel_order(actor=actor_of(request), order_id=order_id)
    messages.success(request, "The order is cancelled. Money that is not owed for answers given is yours again.")
    return redirect("orders:order", order_id)


@require_POST
@actor_required
def finish(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """POST /orders/<id>/finish/"""
    try:
        services.finish_order(actor=actor_of(request), order_id=order_id)
    except InvalidInput as error:
        return _order_page(request, order_id, error, 422)
    messages.success(request, "The order is ending; its dataset will be here in a moment.")
    return redirect("orders:order", order_id)


@require_GET
@actor_required
def answers(request: HttpRequest, order_id: UUID) -> HttpResponseBase:
    """GET /orders/<id>/answers.jsonl"""
    batches = selectors.answers(selectors.order(actor_of(request), order_id))
    lines = ("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in batch) for batch in batches)
    response = StreamingHttpResponse(lines, content_type="application/x-ndjson")
    response["Content-Disposition"] = 'attachment; filename="answers.jsonl"'
    return response
