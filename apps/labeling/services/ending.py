"""Orders that end by themselves: at their deadline, or where their budget is used up."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.core import clock
from apps.core.tenant import all_tenants, tenant_scope
from apps.labeling.models import Annotation, Assignment, Order
from apps.labeling.selectors.machine import is_chosen_by_machine
from apps.labeling.selectors.orders import quote_of
from apps.labeling.services.offering import offer_slots
from apps.labeling.services.orders import begin_closing
from apps.labeling.slots import in_use, lock_work
from apps.labeling.types import LEASE_SECONDS, OPEN_ORDER_STATES, AssignmentState, OrderState

#: So long after the deadline a task that was lent before it can be answered.
GRACE = timedelta(seconds=2 * LEASE_SECONDS)


def end_due_orders() -> int:
    """End orders whose deadline has passed, and those whose budget pays for no more (on a schedule).

    Nothing is lent after the deadline; tasks in hand can still be answered for `GRACE`. Safe to repeat.

    Returns:
        How many orders were ended.
    """
    with all_tenants(reason="deadlines and budgets of every organisation's orders end"):
        late = Order.objects.filter(state__in=OPEN_ORDER_STATES, deadline__lte=clock.now())
        # A plan ends an order with a target, but for one whose machine still has items to ask about.
        limited = Order.objects.filter(state=OrderState.RUNNING, budget_minor__isnull=False).filter(
            Q(target__isnull=True) | ~Q(machine={})
        )
        due = [
            *((order_id, tenant_id, _end_late) for order_id, tenant_id in _keys(late)),
            *((order_id, tenant_id, _end_spent) for order_id, tenant_id in _keys(limited) if _looks_spent(order_id)),
        ]
    ended = 0
    for order_id, tenant_id, end in due:
        with tenant_scope(tenant_id), transaction.atomic():
            ended += end(order_id)
    return ended


def _keys(orders: QuerySet[Order]) -> list[tuple[UUID, UUID]]:
    return list(orders.values_list("id", "tenant_id"))


def _looks_spent(order_id: UUID) -> bool:
    """Whether nothing is in hand or offered, or less than the money pays for: seen without a lock."""
    used = in_use(order_id)
    return not (used.offered or used.lent) or used.labels < quote_of(Order.objects.get(id=order_id)).affordable


def _end_late(order_id: UUID) -> bool:
    order = Order.objects.select_for_update().get(id=order_id)
    now = clock.now()
    if order.state not in OPEN_ORDER_STATES or order.deadline is None or order.deadline > now:
        return False
    if order.deadline + GRACE > now and _in_hand(order):
        return False
    _end(order)
    return True


def _end_spent(order_id: UUID) -> bool:
    """End an order whose budget is used up; where slots came free that nothing offers, offer them first."""
    order = Order.objects.select_for_update().get(id=order_id)
    found = quote_of(order)
    if order.state != OrderState.RUNNING or not found.is_limited:
        return False
    used = in_use(order.id)
    if used.labels < found.affordable and order.target is None:
        lock_work(order.id)
        offer_slots(order)
        used = in_use(order.id)
    if used.offered or used.lent:
        return False
    if used.labels < found.affordable and (order.target is not None or is_chosen_by_machine(order)):
        return False  # its plan or its machine offers what is wanted
    _end(order)
    return True


def _in_hand(order: Order) -> bool:
    held = Assignment.objects.filter(order=order, state=AssignmentState.LEASED, expires_at__gt=clock.now())
    return held.exists()


def _end(order: Order) -> None:
    """With a dataset of what is labelled; where nothing is, the order is cancelled and all its money given back."""
    labelled = Annotation.objects.filter(order=order).exists()
    begin_closing(order, OrderState.FINISHED if labelled else OrderState.CANCELLED)
