"""Page of the free sample: the requester answers items of a draft as annotators will."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.access import actor_required
from apps.core.errors import InvalidInput
from apps.labeling import services
from apps.labeling.brief import instruction_html
from apps.labeling.design import Design
from apps.labeling.selectors import orders as selectors
from apps.labeling.selectors.sampling import prospects, sample_tasks, shown_task
from apps.labeling.types import OrderState
from apps.tenancy.actors import actor_of


class SampleForm(forms.Form):
    """An answer; `given` is its JSON where the page's editors are at work, else the fields `answer.<control>`."""

    task = forms.UUIDField()
    elapsed_ms = forms.IntegerField(required=False)
    given = forms.CharField(required=False, max_length=1_000_000)


@require_http_methods(["GET", "POST"])
@never_cache
@actor_required
def sample(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """GET and POST /orders/<id>/sample/: the next item of the sample, until all are answered."""
    actor = actor_of(request)
    order = selectors.order(actor, order_id)
    design = selectors.design_of(order)
    problem = ""
    if request.method == "POST":
        form = SampleForm(request.POST)
        if not form.is_valid():
            raise InvalidInput("task_missing", "The form has no item. Open the page again.")
        try:
            services.answer_sample(
                actor=actor,
                order_id=order_id,
                task_id=form.cleaned_data["task"],
                answer=_given(request, form, design),
                elapsed_ms=form.cleaned_data["elapsed_ms"] or 0,
            )
        except InvalidInput as error:
            problem = error.message
        else:
            return redirect("orders:sample", order_id)
    waiting = sample_tasks(order) if order.state == OrderState.DRAFT else []
    if not waiting:
        return redirect("orders:order", order_id)
    task = shown_task(waiting[0])
    context: dict[str, Any] = {
        "order": order,
        "design": design,
        "task": task,
        "shown": [(one, task["data"][one.name]) for one in design.inputs],
        "instruction": instruction_html(order.instruction),
        "prospects": prospects(order),
        "place": len(order.sample) + 1,
        "problem": problem,
        "form": {"task": task, "design": order.design},
    }
    return render(request, "labeling/order_sample.html", context, status=422 if problem else 200)


def _given(request: HttpRequest, form: SampleForm, design: Design) -> dict[str, Any]:
    if form.cleaned_data["given"]:
        try:
            found = json.loads(form.cleaned_data["given"])
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {}
    return {
        control.name: control.from_form(request.POST.getlist(f"answer.{control.name}")) for control in design.controls
    }


@require_POST
@actor_required
def use_as_checks(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """POST /orders/<id>/sample/checks/"""
    services.use_sample_as_checks(actor=actor_of(request), order_id=order_id)
    messages.success(request, "Your answers are hidden check questions now.")
    return redirect("orders:order", order_id)
