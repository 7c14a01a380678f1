"""Deciding answers by the written rule (`apps.labeling.acceptance`), paying accepted ones from the order's hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import F

from apps.core import clock
from apps.core.live import notify
from apps.labeling import locks
from apps.labeling.acceptance import DISPUTED, UNUSABLE, Decision, Standing, decide, standing
from apps.labeling.consensus import Record
from apps.labeling.design import Design
from apps.labeling.models import Annotation, AnnotatorStats, Order, Task
from apps.labeling.outcomes import Given, Outcome, disagreement, item_outcome, known_outcome
from apps.labeling.selectors.orders import design_of, price_of
from apps.labeling.services.orders import begin_closing
from apps.labeling.slots import lock_work
from apps.labeling.types import OPEN_ORDER_STATES, AnnotationState, Answer, OrderState, Rule, TaskState
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef

MAX_REASON = 400
#: Characters of a result that a reason shows.
MAX_EXPECTED = 120


def settle_item(*, task_id: UUID) -> None:
    """`settle_items` for one."""
    settle_items(task_ids=[task_id])


@transaction.atomic
def settle_items(*, task_ids: Collection[UUID]) -> None:
    """Decide the answers of items of one order that have all their labels.

    Leaves out items from which an answer was taken back meanwhile, and those that were decided before.
    """
    orders = set(Task.objects.filter(id__in=task_ids).values_list("order_id", flat=True))
    for order_id in sorted(orders):  # one, but for events of older versions
        _settle_in_order(order_id, task_ids)


def _settle_in_order(order_id: UUID, task_ids: Collection[UUID]) -> None:
    order = Order.objects.select_for_update(no_key=True).get(id=order_id)
    if order.items_done + len(task_ids) >= order.item_count:
        # The order may end here, which takes back leases: they are locked before tasks and annotators' rows.
        lock_work(order.id)
    found = Task.objects.select_for_update(no_key=True).filter(id__in=task_ids, order=order).order_by("id")
    due = (TaskState.COMPLETE, TaskState.UNUSABLE)
    tasks = [task for task in found if not task.decided and task.state in due]
    if order.closed_at is not None or not tasks:
        return
    given: dict[UUID, list[Annotation]] = {task.id: [] for task in tasks}
    for answer in Annotation.objects.filter(task__in=tasks).order_by("annotator_id"):
        given[answer.task_id].append(answer)
    records = lock_records(order, {answer.annotator_id for answers in given.values() for answer in answers})
    design = design_of(order)
    decisions: list[tuple[Annotation, Decision]] = []
    for task in tasks:
        decisions += _decided(order, design, task, given[task.id], records)
    locks.write_outcomes(
        {"id": task.id, "state": task.state, "result": task.result, "confidence": task.confidence}
        for task in tasks
        if task.decided
    )
    disputed = [task for task in tasks if task.disagreement]
    if disputed:
        Task.objects.bulk_update(disputed, ["disagreement"])
    apply_decisions(order, decisions)
    _settle_waiting(order, records)
    count_done(order, sum(task.decided for task in tasks))


def count_done(order: Order, items: int = 1) -> None:
    """So many more items are done; the order ends with the last one. The caller has locked the order."""
    order.items_done += items
    order.save(update_fields=["items_done", "updated_at"])
    if order.items_done == order.item_count and order.state in OPEN_ORDER_STATES:
        begin_closing(order, OrderState.FINISHED)
    notify(f"order:{order.id}", {"items_done": order.items_done})


def _decided(
    order: Order, design: Design, task: Task, answers: Sequence[Annotation], records: Mapping[UUID, Record]
) -> list[tuple[Annotation, Decision]]:
    """Set an item's outcome, unless an adjudicator is to; what becomes of its answers."""
    task.decided = True
    pending = [answer for answer in answers if answer.state == AnnotationState.PENDING]
    if task.state == TaskState.UNUSABLE:
        return [(answer, UNUSABLE) for answer in pending]
    counted = [answer for answer in answers if answer.rule != Rule.REVIEW_REJECTED] or answers
    task.disagreement = disagreement(design, [answer.answer for answer in counted])
    if order.adjudication and task.gold is None and task.disagreement > 0:
        task.decided = False
        return [(answer, DISPUTED) for answer in pending]
    outcome = outcome_of_task(design, task, counted, records)
    if task.result:
        # An order with a target completes an item with the label that all of the order's answers lead to.
        planned = {} if task.confidence is None else dict.fromkeys(task.result, task.confidence)
        outcome = Outcome({**outcome.result, **task.result}, {**outcome.confidences, **planned})
    result = outcome.result
    task.result, task.confidence, task.state = result, outcome.confidence, TaskState.SETTLED
    return [(answer, decision(design, answer, task, result, records, final=False)) for answer in pending]


def lock_records(order: Order, annotator_ids: Iterable[UUID]) -> dict[UUID, Record]:
    """Lock annotators' rows in an order, and read what check questions say about each."""
    rows = AnnotatorStats.objects.select_for_update(no_key=True).filter(
        order=order, annotator_id__in=set(annotator_ids)
    )
    return {row.annotator_id: Record(row.gold_seen, row.gold_right) for row in rows.order_by("annotator_id")}


def outcome_of_task(
    design: Design, task: Task, answers: Sequence[Annotation], records: Mapping[UUID, Record]
) -> Outcome:
    """The known answer of a check question, else what its answers lead to, weighed by their annotators' records."""
    if task.gold is not None:
        return known_outcome(design, task.gold)
    given = [Given(str(task.id), str(answer.annotator_id), answer.answer) for answer in answers]
    known = {str(annotator_id): record for annotator_id, record in records.items()}
    return item_outcome(design, given, known, task.data)


def decision(
    design: Design, answer: Annotation, task: Task, result: Answer, records: Mapping[UUID, Record], *, final: bool
) -> Decision:
    """What becomes of an answer to a task with this result."""
    return decide(
        answer=answer.answer_text,
        expected=design.shown_answer(result)[:MAX_EXPECTED],
        is_same=design.same(answer.answer, result),
        is_gold=task.gold is not None,
        record=records.get(answer.annotator_id, Record()),
        final=final,
    )


def _settle_waiting(order: Order, records: Mapping[UUID, Record]) -> None:
    """Answers that waited for their annotator's standing, where it is known now."""
    known = [annotator_id for annotator_id, record in records.items() if standing(record) is not Standing.UNKNOWN]
    waiting = Annotation.objects.select_related("task").filter(
        order=order, annotator_id__in=known, state=AnnotationState.PENDING, rule=Rule.AWAITING_STANDING
    )
    design = design_of(order)
    decisions = [
        (answer, decision(design, answer, answer.task, answer.task.result or {}, records, final=False))
        for answer in waiting
    ]
    apply_decisions(order, decisions)


def apply_decisions(order: Order, decisions: Sequence[tuple[Annotation, Decision]]) -> None:
    """Write decisions down and pay the accepted answers. The caller has locked order and annotators."""
    now = clock.now()
    for answer, decision in decisions:
        answer.state, answer.rule = decision.state, decision.rule
        answer.reason = decision.reason[:MAX_REASON]
        if decision.state != AnnotationState.PENDING:
            answer.decided_at = now
    pay_labels(order, [answer for answer, one in decisions if one.state == AnnotationState.ACCEPTED])
    columns = ("id", "state", "rule", "reason", "amount_minor", "decided_at")
    locks.write_decisions({column: getattr(answer, column) for column in columns} for answer, _ in decisions)
    decided: dict[UUID, list[Annotation]] = defaultdict(list)
    for answer, decision in decisions:
        if decision.state != AnnotationState.PENDING:
            decided[answer.annotator_id].append(answer)
    for annotator_id, answers in sorted(decided.items()):
        accepted = sum(answer.state == AnnotationState.ACCEPTED for answer in answers)
        AnnotatorStats.objects.filter(order=order, annotator_id=annotator_id).update(
            accepted=F("accepted") + accepted,
            rejected=F("rejected") + len(answers) - accepted,
            earned_minor=F("earned_minor") + sum(answer.amount_minor for answer in answers),
        )
        notify(f"work:{annotator_id}", {"decided": len(answers)})  # pages fetch what became of them


def pay_label(order: Order, answer: Annotation) -> int:
    """Capture the price of one label to its annotator; once, however often this runs. Returns minor units."""
    pay_labels(order, [answer])
    return answer.amount_minor


def pay_labels(order: Order, answers: Sequence[Annotation]) -> None:
    """`pay_label` for many, in one round trip; notes in each answer what was paid."""
    if not answers:
        return
    if order.hold_id is None:
        raise RuntimeError("a running order has a hold")
    parts = [
        ledger.HoldPart(
            credit=AccountRef(answer.annotator_id, AccountKind.EARNINGS, order.currency),
            amount=price_of(order),
            idempotency_key=f"labeling.annotation:{answer.id}",
            reason=f"Label accepted: “{order.title}”",
            source=SourceRef(
                "labeling.annotation",
                str(answer.id),
                {"order_id": str(order.id), "rule": answer.rule, "label": answer.answer_text},
            ),
        )
        for answer in answers
    ]
    ledger.capture_hold_for_many(hold_id=order.hold_id, parts=parts)
    for answer in answers:
        answer.amount_minor = order.price_minor
