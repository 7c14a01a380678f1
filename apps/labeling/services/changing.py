"""Changing an order that runs: pause, go on, ask for more, move the deadline."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Least

from apps.core.live import notify
from apps.core.money import Money
from apps.labeling.adaptive import check_target
from apps.labeling.brief import MAX_REDUNDANCY
from apps.labeling.errors import WrongOrderState
from apps.labeling.models import Assignment, Order, Task
from apps.labeling.selectors.machine import is_chosen_by_machine
from apps.labeling.selectors.orders import design_of, quote_of, quote_with
from apps.labeling.services.board import pause_listing, relist_order
from apps.labeling.services.funding import hold_more
from apps.labeling.services.offering import offer_slots, wake_machine
from apps.labeling.services.orders import lock_order
from apps.labeling.slots import lock_work
from apps.labeling.terms import check_deadline, refused
from apps.labeling.types import (
    OPEN_ORDER_STATES,
    AssignmentState,
    Extension,
    LabelingPermission,
    MadeBy,
    OrderState,
    TaskState,
)
from apps.tenancy import limits
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor


@transaction.atomic
def pause_order(*, actor: Actor, order_id: UUID) -> Order:
    """Lend no more tasks until the order goes on. Tasks in hand are answered and paid as ever; the money stays held.

    Pausing twice changes nothing. Raises WrongOrderState where the order is not running.
    """
    order = lock_order(actor, order_id, LabelingPermission.ORDER_CANCEL)
    if order.state == OrderState.PAUSED:
        return order
    _require(order, OrderState.RUNNING)
    order.state = OrderState.PAUSED
    order.save(update_fields=["state", "updated_at"])
    pause_listing(order.id, paused=True)
    record_audit(actor, action="order.paused", target_type="order", target_id=order.id)
    _tell(order)
    return order


@transaction.atomic
def resume_order(*, actor: Actor, order_id: UUID) -> Order:
    """Have a paused order go on. Doing so twice changes nothing. Raises WrongOrderState."""
    order = lock_order(actor, order_id, LabelingPermission.ORDER_CANCEL)
    if order.state == OrderState.RUNNING:
        return order
    _require(order, OrderState.PAUSED)
    order.state = OrderState.RUNNING
    order.save(update_fields=["state", "updated_at"])
    pause_listing(order.id, paused=False)
    record_audit(actor, action="order.resumed", target_type="order", target_id=order.id)
    _tell(order)
    return order


def extension_of(order: Order, *, redundancy: int | None = None, budget: Money | None = None) -> Extension:
    """What it would cost to ask for more; nothing is changed.

    Args:
        redundancy: answers for each item, more than now.
        budget: the new budget, for an order that has one. Left out: it stays, and more answers share it.

    Raises:
        WrongOrderState: the order does not take answers.
        InvalidInput: it is not more than now.
    """
    _require(order, *OPEN_ORDER_STATES)
    wanted = order.redundancy if redundancy is None else redundancy
    if redundancy is not None and not order.redundancy < redundancy <= MAX_REDUNDANCY:
        raise refused("redundancy", f"Ask for {order.redundancy + 1} to {MAX_REDUNDANCY} answers for each item.")
    now = quote_of(order)
    if budget is not None and (order.budget_minor is None or not now.is_limited):
        raise refused("budget", f"All answers are paid for: {now.held} is held. Ask for more answers instead.")
    if budget is not None and (budget.currency != order.currency or budget <= now.held):
        raise refused("budget", f"{now.held} is held. Set a budget above.")
    if redundancy is None and budget is None:
        raise refused("redundancy", "Ask for more answers for each item, or for a higher budget.")
    limit = order.budget_minor if budget is None else budget.minor
    then = quote_with(order, redundancy=wanted, budget_minor=limit)
    return Extension(wanted, then.affordable - now.affordable, now.held, then.held)


@transaction.atomic
def extend_order(*, actor: Actor, order_id: UUID, redundancy: int | None = None, budget: Money | None = None) -> Order:
    """Ask for more answers for each item, or spend more, at exactly the price of `extension_of`.

    Items that had all their answers are opened again; what was decided about answers stays. With a machine, items that
    it has not asked for stay with it.

    Raises:
        OrderUnfunded: the balance does not cover what is added; nothing was changed.
        WrongOrderState, InvalidInput: as `extension_of`.
    """
    order = lock_order(actor, order_id, LabelingPermission.ORDER_LAUNCH)
    found = extension_of(order, redundancy=redundancy, budget=budget)
    limits.require_good_standing(organisation_id=order.tenant_id)
    if found.added:
        hold_more(order, found.added)
    lock_work(order.id)
    if found.redundancy > order.redundancy:
        order.redundancy = found.redundancy
        _reopen(order, Q())
    if budget is not None:
        order.budget_minor = budget.minor
    order.planned_answers = -1
    order.save()
    offer_slots(order)
    wake_machine(order)
    relist_order(order, quote_of(order).affordable)
    detail = {"redundancy": order.redundancy, "added": found.added.as_json()}
    record_audit(actor, action="order.extended", target_type="order", target_id=order.id, detail=detail)
    notify(f"order:{order.id}", {"redundancy": order.redundancy})
    return order


def _reopen(order: Order, which: Q) -> None:
    """Let items that were done take more answers; what a machine, an adjudicator or the annotators decided stays."""
    full = Task.objects.filter(order=order, state__in=(TaskState.COMPLETE, TaskState.SETTLED))
    full.filter(which, labels_done__lt=order.redundancy, made_by__in=(MadeBy.HUMAN, MadeBy.REQUESTER)).update(
        state=TaskState.OPEN, decided=False, result=None, confidence=None
    )
    order.items_done = Task.objects.filter(order=order, decided=True).count()


@transaction.atomic
def set_target(*, actor: Actor, order_id: UUID, target: float | None) -> Order:
    """How probable each result must be before no other answer is asked for; in a draft, or while the order is open.

    With a target an item gets at most `redundancy` answers, and a plan, made a few seconds later, says which are
    wanted. A higher target opens items again that were done below it; under a lower one the open ones rest or are done.
    None: `redundancy` answers for every item, also those that were done with fewer, but for what a machine or an
    adjudicator decided. What was decided about answers stays, and so does the money held, which pays for `redundancy`
    answers everywhere. Check questions judge every annotator all the same. The same target again changes nothing.

    Raises:
        WrongOrderState: the order has ended.
        InvalidInput: the target is out of range, or the design has no single choice to decide by.
    """
    order = lock_order(actor, order_id, LabelingPermission.ORDER_LAUNCH)
    _require(order, OrderState.DRAFT, *OPEN_ORDER_STATES)
    if target is not None:
        check_target(target, design_of(order))
    former = order.target
    if target == former:
        return order
    order.target = target
    if order.state == OrderState.DRAFT:
        slots = 0 if target is not None or is_chosen_by_machine(order) else order.redundancy
        Task.objects.filter(order=order, gold__isnull=True).update(open_slots=slots)
    else:
        _retarget(order, former)
    order.planned_answers = -1
    order.save(update_fields=["target", "items_done", "planned_answers", "updated_at"])
    detail = {"target": target, "before": former}
    record_audit(actor, action="order.target_set", target_type="order", target_id=order.id, detail=detail)
    notify(f"order:{order.id}", {"target": target})
    return order


def _retarget(order: Order, former: float | None) -> None:
    """Open and close items of an order that was launched, for its new target."""
    lock_work(order.id)
    if order.target is None:
        _reopen(order, Q())
        offer_slots(order)
    elif former is None:
        # One at a time until the plan is made: nobody at work waits for it, and nothing is bought that it may not want.
        Task.objects.filter(order=order, gold__isnull=True).update(open_slots=Least("open_slots", 1))
    elif order.target > former:
        _reopen(order, Q(gold__isnull=True, confidence__lt=order.target))
    wake_machine(order)


@transaction.atomic
def set_deadline(*, actor: Actor, order_id: UUID, deadline: datetime | None) -> Order:
    """Set, move or take away the moment at which an order ends by itself.

    Raises WrongOrderState where it has ended; InvalidInput where the deadline is not in the next year.
    """
    order = lock_order(actor, order_id, LabelingPermission.ORDER_LAUNCH)
    _require(order, OrderState.DRAFT, *OPEN_ORDER_STATES)
    if deadline is not None:
        check_deadline(deadline)
    order.deadline = deadline
    order.save(update_fields=["deadline", "updated_at"])
    detail = {"deadline": deadline.isoformat() if deadline else None}
    record_audit(actor, action="order.deadline_set", target_type="order", target_id=order.id, detail=detail)
    notify(f"order:{order.id}")
    return order


def _require(order: Order, *wanted: OrderState) -> None:
    if order.state not in wanted:
        raise WrongOrderState(order.state, *wanted)


def _tell(order: Order) -> None:
    """Tell the requester's page, and the annotators who hold tasks."""
    notify(f"order:{order.id}", {"state": order.state})
    held = Assignment.objects.filter(order=order, state=AssignmentState.LEASED)
    for annotator_id in held.values_list("annotator_id", flat=True).distinct():
        notify(f"work:{annotator_id}", {"order_id": str(order.id), "state": order.state})
