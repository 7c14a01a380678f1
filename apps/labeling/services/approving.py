"""Answers that waited too long: accepted and paid by the date that their annotator was told."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.core import clock
from apps.core.tenant import all_tenants, tenant_scope
from apps.labeling.acceptance import Decision
from apps.labeling.models import Annotation, Order
from apps.labeling.services.settling import apply_decisions, lock_records
from apps.labeling.types import AnnotationState, Rule

#: Answers that one run looks at; the next run takes the rest.
ANSWERS_AT_ONCE = 2_000


def approve_overdue() -> int:
    """Accept and pay every pending answer whose date has come (on a schedule). Safe to repeat. Returns how many."""
    with all_tenants(reason="answers wait in the orders of every organisation"):
        due = Annotation.objects.filter(state=AnnotationState.PENDING, auto_approve_at__lte=clock.now())
        orders = set(due.order_by("auto_approve_at").values_list("tenant_id", "order_id")[:ANSWERS_AT_ONCE])
    return sum(_approve(tenant_id, order_id) for tenant_id, order_id in sorted(orders))


def _approve(tenant_id: UUID, order_id: UUID) -> int:
    with tenant_scope(tenant_id), transaction.atomic():
        order = Order.objects.select_for_update(no_key=True).get(id=order_id)
        if order.closed_at is not None:
            return 0  # its answers are decided
        due = list(
            Annotation.objects.select_for_update()
            .filter(order=order, state=AnnotationState.PENDING, auto_approve_at__lte=clock.now())
            .order_by("id")[:ANSWERS_AT_ONCE]
        )
        lock_records(order, {answer.annotator_id for answer in due})
        reason = f"It was not decided within {order.auto_approve_days} days, so it is accepted."
        decision = Decision(AnnotationState.ACCEPTED, Rule.AUTO_APPROVED, reason)
        apply_decisions(order, [(answer, decision) for answer in due])
        return len(due)
