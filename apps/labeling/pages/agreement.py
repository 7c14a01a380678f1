"""The page on how far the annotators of an order agree."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from apps.accounts.access import actor_required
from apps.labeling.selectors import orders
from apps.labeling.selectors.agreement import order_agreement
from apps.labeling.selectors.orders import design_of
from apps.tenancy.actors import actor_of


@require_GET
@actor_required
def agreement_page(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """GET /orders/<order>/agreement/"""
    order = orders.order(actor_of(request), order_id)
    figures = order_agreement(order)
    titles = {control.name: control.title or control.name for control in design_of(order).controls}
    context = {
        "order": order,
        "questions": [(titles[name], found) for name, found in figures.items() if found],
        "order_url": reverse("orders:order", args=[order.id]),
    }
    return render(request, "labeling/order_agreement.html", context)
