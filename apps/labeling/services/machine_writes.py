"""What a step of an order's machine changes. The caller has locked the order and is in a transaction.

Nothing here touches money: an item that the machine closes was never given out, so nobody is owed anything for it, and
what was held for its labels is released when the order ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from uuid import UUID

from django.db.models import Count, F, Max, Q

from apps.core.live import notify
from apps.labeling.machine_types import MachineState, Reason
from apps.labeling.models import AnnotatorStats, Assignment, MachineItem, Order, Task
from apps.labeling.selectors.orders import quote_of
from apps.labeling.services.machine_facts import Facts
from apps.labeling.services.machine_step import Asked, Plan
from apps.labeling.services.offering import offer_slots
from apps.labeling.services.orders import begin_closing
from apps.labeling.slots import fit_slots, in_use, lock_work
from apps.labeling.types import AssignmentState, MadeBy, OrderState, TaskState

BATCH = 2_000
#: Check questions are given out in step with the other items, but never fewer than so many.
LEAST_CHECKS = 5
MOST_PREFERRED = 20


def close_slots(order: Order) -> None:
    """From now on only items that are asked for are given out: take back the slots that nobody has begun with."""
    begun = Assignment.objects.filter(order=order).values("task_id")
    given = MachineItem.objects.filter(order=order).exclude(reason="").values("task_id")
    tasks = Task.objects.filter(order=order, state=TaskState.OPEN, labels_done=0, open_slots__gt=0)
    tasks.exclude(id__in=begun).exclude(id__in=given).update(open_slots=0)


def open_everything(order: Order) -> None:
    """Give all items that are not done to people, as without a machine."""
    found = quote_of(order)
    if found.is_limited and order.state != OrderState.DRAFT:
        lock_work(order.id)
        fit_slots(
            order.id,
            redundancy=order.redundancy,
            affordable=found.affordable,
            checks_only=order.target is not None,
        )
        return
    _lock_tasks(order, None)
    slots = 0 if order.target is not None else order.redundancy
    untouched = Task.objects.filter(order=order, state=TaskState.OPEN, labels_done=0, open_slots=0)
    untouched = untouched.exclude(id__in=Assignment.objects.filter(order=order).values("task_id"))
    untouched.filter(gold__isnull=True).update(open_slots=slots)
    untouched.filter(gold__isnull=False).update(open_slots=order.redundancy)
    _mend(order)


def write_asked(order: Order, facts: Facts, asked: Sequence[Asked]) -> None:
    """Give items out, and check questions in step with them; no more than the order's budget pays for."""
    is_limited = quote_of(order).is_limited
    if is_limited:
        lock_work(order.id)
    close_slots(order)
    asked = asked[: _affordable(order)]
    first = (MachineItem.objects.filter(order=order).aggregate(last=Max("asked"))["last"] or 0) + 1
    rows = [
        MachineItem(
            tenant_id=order.tenant_id,
            order=order,
            task_id=facts.tasks[one.place],
            reason=one.reason,
            asked=first + number,
            label=facts.classes[one.label] if one.label is not None else "",
            confidence=one.confidence,
        )
        for number, one in enumerate(asked)
    ]
    _upsert(rows, ["reason", "asked", "label", "confidence"])
    _open(order, [row.task_id for row in rows])
    _open_checks(order, facts, first + len(rows))
    if is_limited:
        offer_slots(order)
    if order.target is None:
        _mend(order)
        _prefer(order)


def write_plan(order: Order, facts: Facts, plan: Plan) -> None:
    """Everything that a step decided."""
    if plan.offer:
        number = plan.audits[-1]["number"]
        rows = [
            MachineItem(
                tenant_id=order.tenant_id,
                order=order,
                task_id=facts.tasks[one.place],
                label=facts.classes[one.label],
                confidence=one.confidence,
                audit=number,
                place=one.at,
            )
            for one in plan.offer
        ]
        _upsert(rows, ["label", "confidence", "audit", "place"])
    write_asked(order, facts, plan.ask)
    _accept(order, facts, plan.accept)
    if plan.state == MachineState.STOPPED:
        _reopen(order, facts, plan.reopen)
        open_everything(order)


def close_if_done(order: Order, facts: Facts) -> None:
    """End an order that has nothing more to ask; check questions that nobody needed keep their known answers."""
    open_items = Task.objects.filter(order=order, gold__isnull=True, state__in=(TaskState.OPEN, TaskState.COMPLETE))
    done = not open_items.exists() if order.target is None else not len(facts.free) and not facts.waiting
    if done and order.state == OrderState.RUNNING:
        begin_closing(order, OrderState.FINISHED)


def _accept(order: Order, facts: Facts, places: Sequence[int]) -> None:
    if not places:
        return
    ids = [facts.tasks[place] for place in places]
    _lock_tasks(order, ids)
    begun = set(Assignment.objects.filter(order=order, task_id__in=ids).values_list("task_id", flat=True))
    place_of = dict(zip(ids, places, strict=True))
    tasks = [
        task
        for task in Task.objects.filter(id__in=ids, state=TaskState.OPEN, labels_done=0, open_slots=0)
        if task.id not in begun
    ]
    for task in tasks:
        label, confidence = facts.offered[place_of[task.id]]
        task.result = {facts.control: facts.classes[label]}
        task.confidence, task.made_by = confidence, MadeBy.MACHINE
        task.state, task.decided = TaskState.SETTLED, True
    Task.objects.bulk_update(tasks, ["result", "confidence", "made_by", "state", "decided"], batch_size=BATCH)
    order.items_done += len(tasks)
    order.save(update_fields=["items_done", "updated_at"])
    notify(f"order:{order.id}", {"items_done": order.items_done})


def _reopen(order: Order, facts: Facts, places: Sequence[int]) -> None:
    """Take accepted labels back: the items are people's."""
    ids = [facts.tasks[place] for place in places]
    reopened = Task.objects.filter(id__in=ids, made_by=MadeBy.MACHINE).update(
        state=TaskState.OPEN, decided=False, result=None, confidence=None, made_by=MadeBy.HUMAN, open_slots=0
    )
    order.items_done -= reopened
    order.save(update_fields=["items_done", "updated_at"])
    notify(f"order:{order.id}", {"items_done": order.items_done})


def _affordable(order: Order) -> int:
    """Items that the order's budget still pays for, the last one perhaps with fewer answers; a target's plan looks
    after that itself."""
    found = quote_of(order)
    if not found.is_limited or order.target is not None:
        return order.item_count
    return -(-max(0, found.affordable - in_use(order.id).labels) // order.redundancy)


def _open(order: Order, ids: Sequence[UUID]) -> None:
    """Slots for items that nobody had; in an order with a target the plan of labels opens them."""
    if order.target is None and ids:
        Task.objects.filter(id__in=ids, state=TaskState.OPEN, labels_done=0, open_slots=0).exclude(
            id__in=Assignment.objects.filter(order=order).values("task_id")
        ).update(open_slots=order.redundancy)


def _open_checks(order: Order, facts: Facts, asked: int) -> None:
    """As large a share of the check questions as of the other items."""
    others = max(1, len(facts.tasks) - len(facts.gold))
    count = min(len(facts.gold), max(LEAST_CHECKS, math.ceil(len(facts.gold) * min(1, asked / others))))
    ids = [facts.tasks[place] for place in sorted(facts.gold)[:count]]
    had = set(MachineItem.objects.filter(order=order, reason=Reason.CHECK).values_list("task_id", flat=True))
    new = [task_id for task_id in ids if task_id not in had]
    rows = [MachineItem(tenant_id=order.tenant_id, order=order, task_id=one, reason=Reason.CHECK) for one in new]
    _upsert(rows, ["reason"])
    Task.objects.filter(id__in=new, state=TaskState.OPEN, labels_done=0, open_slots=0).exclude(
        id__in=Assignment.objects.filter(order=order).values("task_id")
    ).update(open_slots=order.redundancy)


def _prefer(order: Order) -> None:
    """Have the items that teach most lent first; they lie anywhere in the queue."""
    wanted = Task.objects.filter(order=order, open_slots__gt=0, machine_items__asked__isnull=False)
    ids = [str(one) for one in wanted.order_by("machine_items__asked").values_list("id", flat=True)[:MOST_PREFERRED]]
    if ids:
        AnnotatorStats.objects.filter(order=order).exclude(preferred=ids).update(preferred=ids)


def _mend(order: Order) -> None:
    """Every item that people have begun with gets all its labels: slots that were lost on the way are given back."""
    if order.target is not None or quote_of(order).is_limited:
        return
    short = (
        Task.objects.filter(order=order, state=TaskState.OPEN)
        .filter(Q(labels_done__gt=0) | Q(assignments__isnull=False))
        .annotate(held=Count("assignments", filter=Q(assignments__state=AssignmentState.LEASED), distinct=True))
        .filter(open_slots__lt=order.redundancy - F("labels_done") - F("held"))
        .values_list("id", flat=True)
    )
    for task_id in list(short):
        task = Task.objects.select_for_update(no_key=True).get(id=task_id)
        held = Assignment.objects.filter(task=task, state=AssignmentState.LEASED).count()
        missing = order.redundancy - task.labels_done - held - task.open_slots
        if missing > 0 and task.state == TaskState.OPEN:
            Task.objects.filter(id=task_id).update(open_slots=F("open_slots") + missing)


def _upsert(rows: Sequence[MachineItem], fields: Sequence[str]) -> None:
    MachineItem.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["tenant", "task"],
        update_fields=list(fields),
    )


def _lock_tasks(order: Order, ids: Sequence[UUID] | None) -> None:
    tasks = Task.objects.filter(order=order, state=TaskState.OPEN)
    tasks = tasks if ids is None else tasks.filter(id__in=ids)
    list(tasks.select_for_update(no_key=True).order_by("id").values_list("id", flat=True))
