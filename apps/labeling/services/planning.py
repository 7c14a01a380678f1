"""Orders with a target: which items get another label, and from whom (`apps.labeling.quality.routing`).

Submitting an answer stays as cheap as in other orders: it only counts. A plan is made in the background a few seconds
after there are new answers; it opens slots of the items that want a label, closes those of the others, completes items
that are sure, writes down which tasks suit which annotator, and ends the order when nothing more is wanted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, OuterRef

from apps.core.outbox import publish
from apps.core.tenant import all_tenants, tenant_scope
from apps.labeling.adaptive import decisive_choice
from apps.labeling.events import ItemCompleted
from apps.labeling.models import Annotation, AnnotatorStats, Assignment, Order, Task
from apps.labeling.selectors.machine import asked_items, machine_votes
from apps.labeling.selectors.orders import design_of, quote_of
from apps.labeling.services.orders import begin_closing
from apps.labeling.slots import in_use
from apps.labeling.types import Answer, AssignmentState, OrderState, TaskState, WantedLabel

#: Tasks that are kept for an annotator, and for how many of those who tell most about it a task is kept.
MOST_PREFERRED, KEPT_FOR = 20, 3
#: An order with so many answers waits for one more of them until the next plan.
ANSWERS_FOR_EACH_NEW = 200
#: Stands for an annotator who is not in the order yet.
NEWCOMER = ""
#: Stands for the machine among those who answered; it is never asked.
MACHINE = "machine"


@transaction.atomic
def plan_labels(*, order_id: UUID, present: Mapping[UUID, Sequence[UUID]] | None = None) -> list[WantedLabel]:
    """Decide which labels of a running order with a target are wanted now, and open their slots.

    Ends the order where none is wanted, or its budget pays for none, and nobody holds a task.

    Args:
        present: who can be asked about each task; None: all of the order's annotators, and others who may come.

    Returns:
        What is wanted, each with the annotators to ask, those who would tell most first. Empty where the order is done.
    """
    order = Order.objects.select_for_update(no_key=True).get(id=order_id)
    if order.state != OrderState.RUNNING or order.target is None:
        return []
    tasks = list(
        Task.objects.select_for_update(no_key=True)
        .filter(order=order, gold__isnull=True)
        .order_by("id")
        .values_list("id", "position", "state")
    )
    # Items that are done stay in the order of work: which come first must not move as they are done.
    items = [str(task_id) for task_id, _, _ in sorted(tasks, key=lambda task: task[1])]
    open_items = {str(task_id) for task_id, _, state in tasks if state == TaskState.OPEN}
    if (asked := asked_items(order)) is not None:
        items = [str(task_id) for task_id in asked]
        open_items &= set(items)
    answers = _answers(order)
    wanted, settled = _plan(order, order.target, answers, items, _askable(order, open_items, present))
    held = set(
        Assignment.objects.filter(order=order, state=AssignmentState.LEASED, task__gold__isnull=True).values_list(
            "task_id", flat=True
        )
    )
    wanted = _within_budget(order, wanted, held)
    _open_slots(order, [one.task_id for one in wanted], held)
    _complete(order, {task_id: result for task_id, result in settled.items() if task_id not in held})
    order.planned_answers = len(answers)
    order.save(update_fields=["planned_answers", "updated_at"])
    # An order with a machine ends when its machine has nothing more to ask.
    if not wanted and not held and asked is None:
        begin_closing(order, OrderState.FINISHED)
    else:
        # Not before an end, which takes back leases: those are locked before annotators' rows.
        _write_preferences(order, wanted)
    return wanted


def plan_due_orders() -> int:
    """Plan every running order with a target that has enough new answers. Returns how many there were.

    A plan reads all answers of its order. So that the cost of an answer does not grow with the order, the next waits
    for a new answer to every `ANSWERS_FOR_EACH_NEW` old ones, unless there is nothing left to give out.
    """
    with all_tenants(reason="orders of every organisation are planned"):
        slots = Task.objects.filter(order=OuterRef("pk"), gold__isnull=True, open_slots__gt=0)
        orders = Order.objects.filter(state=OrderState.RUNNING, target__isnull=False)
        rows = orders.annotate(answers=Count("annotations"), has_slots=Exists(slots)).values_list(
            "id", "tenant_id", "planned_answers", "answers", "has_slots"
        )
        due = [row[:2] for row in rows if is_due(*row[2:4], has_slots=row[4])]
    for order_id, tenant_id in due:
        with tenant_scope(tenant_id):
            plan_labels(order_id=order_id)
    return len(due)


def is_due(planned: int, answers: int, *, has_slots: bool) -> bool:
    """Whether an order with so many answers, whose last plan knew so many, gets a new plan."""
    if planned < 0 or not has_slots:
        return planned != answers
    # Fewer than before where answers were taken back.
    return abs(answers - planned) > planned // ANSWERS_FOR_EACH_NEW


def _answers(order: Order) -> list[tuple[str, str, str]]:
    name = decisive_choice(design_of(order)).name
    rows = Annotation.objects.filter(order=order).values_list("task_id", "annotator_id", f"answer__{name}")
    return [(str(task_id), str(annotator_id), label) for task_id, annotator_id, label in rows]


def _plan(
    order: Order,
    target: float,
    answers: Sequence[tuple[str, str, str]],
    items: Sequence[str],
    askable: Mapping[str, Sequence[str]],
) -> tuple[list[WantedLabel], dict[UUID, tuple[Answer, float]]]:
    # Imported here: numpy and the model are for those who plan, not for every web process at its start.
    from apps.labeling.quality.crowd import crowd_of
    from apps.labeling.quality.routing import Terms, plan

    control = decisive_choice(design_of(order))
    checks = dict(
        Task.objects.filter(order=order, gold__isnull=False)
        .order_by("position")
        .values_list("id", f"gold__{control.name}")
    )
    # Named by place: ids of one moment sort at random, and ties are to be broken the same way each time.
    names = {item: f"{place:09d}" for place, item in enumerate([*items, *map(str, checks)])}
    # The machine's prediction counts as one more annotator's answer, whose worth the model learns like all others'.
    votes = [(item, MACHINE, label) for item, label in machine_votes(order)]
    named = crowd_of(
        [(names[item], worker, label) for item, worker, label in [*answers, *votes] if item in names],
        control.names,
        {names[str(task_id)]: label for task_id, label in checks.items()},
    )
    found = plan(
        named,
        [names[item] for item in items],
        {names[item]: workers for item, workers in askable.items()},
        Terms(target, order.redundancy),
    )
    wanted = [
        WantedLabel(UUID(items[int(one.item)]), tuple(UUID(worker) for worker in one.workers if worker != NEWCOMER))
        for one in found.wanted
    ]
    if votes:
        # What is settled decides which answers are paid, and that is for people's answers alone: at the order's end.
        return wanted, {}
    return wanted, {
        UUID(items[int(item)]): ({control.name: label}, sure) for item, (label, sure) in found.settled.items()
    }


def _askable(
    order: Order, open_items: Collection[str], present: Mapping[UUID, Sequence[UUID]] | None
) -> dict[str, list[str]]:
    """Whom to ask about each open item."""
    if present is None:
        return _everybody(order, open_items)
    return {
        str(task_id): [str(one) for one in annotators]
        for task_id, annotators in present.items()
        if str(task_id) in open_items
    }


def _everybody(order: Order, open_items: Collection[str]) -> dict[str, list[str]]:
    """All annotators of the order and a newcomer, but for those who had the item."""
    annotators = [str(one) for one in AnnotatorStats.objects.filter(order=order).values_list("annotator_id", flat=True)]
    had: dict[str, set[str]] = defaultdict(set)
    for task_id, annotator_id in Assignment.objects.filter(order=order).values_list("task_id", "annotator_id"):
        had[str(task_id)].add(str(annotator_id))
    return {
        item: [NEWCOMER, *(one for one in annotators if one not in had[item])]
        if item in had
        else [NEWCOMER, *annotators]
        for item in open_items
    }


def _open_slots(order: Order, wanted: Sequence[UUID], held: set[UUID]) -> None:
    """One slot for each wanted item that nobody holds, none for all others. The caller has locked the tasks."""
    tasks = Task.objects.filter(order=order, gold__isnull=True, state=TaskState.OPEN)
    asked = set(wanted) - held
    tasks.filter(open_slots__gt=0).exclude(id__in=asked).update(open_slots=0)
    tasks.filter(open_slots=0, id__in=asked).update(open_slots=1)


def _within_budget(order: Order, wanted: Sequence[WantedLabel], held: set[UUID]) -> list[WantedLabel]:
    """The wanted labels that the order's budget still pays for, those that are in hand among them.

    The caller has locked the tasks, so that the slots of other items stay as they are.
    """
    found = quote_of(order)
    if not found.is_limited:
        return list(wanted)
    used = in_use(order.id)
    if used.checks_offered and found.affordable - used.given - used.lent - used.checks_offered <= 0:
        # What is left of the money goes to the items.
        Task.objects.filter(order=order, gold__isnull=False, open_slots__gt=0).update(open_slots=0)
        used = in_use(order.id)
    room = found.affordable - used.given - used.lent - used.checks_offered
    more = [one for one in wanted if one.task_id not in held][: max(0, room)]
    return [one for one in wanted if one.task_id in held] + more


def _complete(order: Order, settled: Mapping[UUID, tuple[Answer, float]]) -> None:
    """Close items that are sure enough; their answers are decided and paid next. The caller has locked the tasks."""
    tasks = Task.objects.filter(order=order, gold__isnull=True, state=TaskState.OPEN)
    # An answer that was taken back opens its item again: what was found with it does not hold any more.
    tasks.filter(result__isnull=False).exclude(id__in=settled).update(result=None, confidence=None)
    closing = list(tasks.filter(id__in=settled))
    for task in closing:
        task.state, task.open_slots = TaskState.COMPLETE, 0
        task.result, task.confidence = settled[task.id]
    Task.objects.bulk_update(closing, ["state", "open_slots", "result", "confidence"], batch_size=500)
    for task in closing:
        publish(ItemCompleted(task.id))


def _write_preferences(order: Order, wanted: Sequence[WantedLabel]) -> None:
    preferred: dict[UUID, list[str]] = defaultdict(list)
    for one in wanted:
        for annotator_id in one.annotators[:KEPT_FOR]:
            if len(preferred[annotator_id]) < MOST_PREFERRED:
                preferred[annotator_id].append(str(one.task_id))
    stats = list(AnnotatorStats.objects.select_for_update(no_key=True).filter(order=order).order_by("annotator_id"))
    changed = [row for row in stats if row.preferred != preferred.get(row.annotator_id, [])]
    for row in changed:
        row.preferred = preferred.get(row.annotator_id, [])
    AnnotatorStats.objects.bulk_update(changed, ["preferred"], batch_size=200)
