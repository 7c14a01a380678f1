"""Pages that change an order: pause, go on, ask for more, move the deadline, change the target."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.access import actor_required
from apps.core.errors import Conflict, DomainError, InvalidInput, PaymentRequired
from apps.labeling import services
from apps.labeling.adaptive import can_have_target
from apps.labeling.models import Order
from apps.labeling.pages.forms import DateTimeWidget, money_of
from apps.labeling.selectors import orders as selectors
from apps.labeling.types import OPEN_ORDER_STATES, Extension, OrderState
from apps.tenancy.actors import actor_of


class ExtensionForm(forms.Form):
    """More answers for each item, or a higher budget."""

    redundancy = forms.IntegerField(label="Answers for each item", required=False)
    budget = forms.DecimalField(label="Budget, in dollars", required=False, decimal_places=2, max_digits=12)

    def __init__(self, order: Order, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["redundancy"].help_text = f"Now {order.redundancy}. Items that were done get the missing ones."
        held = selectors.quote_of(order)
        if order.budget_minor is None or not held.is_limited:
            del self.fields["budget"]
        else:
            self.fields["budget"].help_text = f"Now {held.held}, which pays for {held.affordable} of {held.labels}."

    def wanted(self) -> dict[str, Any]:
        """The arguments for the services; none where nothing was typed."""
        budget = self.cleaned_data.get("budget")
        found = {"redundancy": self.cleaned_data["redundancy"], "budget": money_of(budget) if budget else None}
        return {name: value for name, value in found.items() if value is not None}

    def add_domain_error(self, error: DomainError) -> None:
        """Show a refusal beside the field it names."""
        for problem in error.errors or [{"message": error.message}]:
            field = str(problem.get("field", ""))
            self.add_error(field if field in self.fields else None, str(problem["message"]))


class DeadlineForm(forms.Form):
    """When the order ends by itself."""

    deadline = forms.DateTimeField(
        label="Deadline (UTC)",
        required=False,
        widget=DateTimeWidget(),
        help_text="The order ends then with what is labelled. Empty: when all is done.",
    )


class TargetForm(forms.Form):
    """How sure each result must be."""

    target_percent = forms.IntegerField(
        label="How sure each result must be, in percent",
        required=False,
        min_value=50,
        max_value=99,
        help_text="Empty: the same number of answers for every item, also for those that were done with fewer.",
    )

    def target(self) -> float | None:
        """As the services take it."""
        percent = self.cleaned_data["target_percent"]
        return percent / 100 if percent else None


@require_http_methods(["GET", "POST"])
@actor_required
def extend(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """GET /orders/<id>/extend/?redundancy=&budget=: what more would cost; POST asks for it.

    Of a draft it shows target and deadline only.
    """
    actor = actor_of(request)
    order = selectors.order(actor, order_id)
    if order.state not in (OrderState.DRAFT, *OPEN_ORDER_STATES):
        messages.info(request, "This order takes no more answers.")
        return redirect("orders:order", order_id)
    form = ExtensionForm(order, request.POST if request.method == "POST" else request.GET or None)
    context = _context(order, form=form)
    if not form.is_bound or not form.is_valid() or not form.wanted():
        return render(request, "labeling/order_extend.html", context)
    try:
        if request.method == "POST":
            services.extend_order(actor=actor, order_id=order_id, **form.wanted())
            messages.success(request, "More answers are asked for.")
            return redirect("orders:order", order_id)
        context["extension"] = _extension(order, form)
    except InvalidInput as error:
        form.add_domain_error(error)
    except PaymentRequired as error:
        context |= {"error": error, "extension": _extension(order, form)}
        return render(request, "labeling/order_extend.html", context, status=402)
    return render(request, "labeling/order_extend.html", context, status=422 if form.errors else 200)


def _extension(order: Order, form: ExtensionForm) -> Extension:
    return services.extension_of(order, **form.wanted())


def _context(order: Order, **forms: Any) -> dict[str, Any]:
    """What the page of changes shows."""
    percent = round(order.target * 100) if order.target is not None else None
    shown: dict[str, Any] = {
        "order": order,
        "is_open": order.state in OPEN_ORDER_STATES,
        "deadline_form": DeadlineForm(initial={"deadline": order.deadline}),
        "form": ExtensionForm(order),
    }
    if can_have_target(selectors.design_of(order)):
        shown["target_form"] = TargetForm(initial={"target_percent": percent})
    return shown | forms


@require_POST
@actor_required
def target(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """POST /orders/<id>/target/"""
    actor = actor_of(request)
    order = selectors.order(actor, order_id)
    form = TargetForm(request.POST)
    if form.is_valid():
        try:
            services.set_target(actor=actor, order_id=order_id, target=form.target())
        except InvalidInput as error:
            form.add_error("target_percent", error.message)
        else:
            fixed = "Every item gets the same number of answers."
            messages.success(request, fixed if form.target() is None else "The target is set.")
            return redirect("orders:order", order_id)
    return render(request, "labeling/order_extend.html", _context(order, target_form=form), status=422)


@require_POST
@actor_required
def deadline(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """POST /orders/<id>/deadline/"""
    actor = actor_of(request)
    order = selectors.order(actor, order_id)
    form = DeadlineForm(request.POST)
    if form.is_valid():
        try:
            services.set_deadline(actor=actor, order_id=order_id, deadline=form.cleaned_data["deadline"])
        except InvalidInput as error:
            form.add_error("deadline", error.message)
        else:
            messages.success(request, "The deadline is set." if form.cleaned_data["deadline"] else "No deadline.")
            return redirect("orders:order", order_id)
    return render(request, "labeling/order_extend.html", _context(order, deadline_form=form), status=422)


@require_POST
@actor_required
def pause(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """POST /orders/<id>/pause/"""
    return _changed(request, order_id, OrderState.PAUSED)


@require_POST
@actor_required
def resume(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """POST /orders/<id>/resume/"""
    return _changed(request, order_id, OrderState.RUNNING)


def _changed(request: HttpRequest, order_id: UUID, state: OrderState) -> HttpResponse:
    change = services.pause_order if state == OrderState.PAUSED else services.resume_order
    try:
        change(actor=actor_of(request), order_id=order_id)
    except Conflict as error:
        messages.warning(request, error.message)
    else:
        paused = "The order is paused. Tasks in annotators' hands are still answered and paid."
        messages.success(request, paused if state == OrderState.PAUSED else "The order goes on.")
    return redirect("orders:order", order_id)
