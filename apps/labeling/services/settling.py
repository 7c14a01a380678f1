"""Deciding answers by the written rule (`apps.labeling.acceptance`), paying accepted ones from the order's hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import F

from apps.core import clock
from apps.core.live import notify
from apps.labeling.acceptance import UNUSABLE, Decision, Standing, decide, standing
from apps.labeling.consensus import Record
from apps.labeling.design import Design
from apps.labeling.models import Annotation, AnnotatorStats, Order, Task
from apps.labeling.outcomes import Given, Outcome, item_outcome, known_outcome
from apps.labeling.selectors.orders import design_of, price_of
from apps.labeling.services.orders import begin_closing
from apps.labeling.types import OPEN_ORDER_STATES, AnnotationState, Answer, OrderState, Rule, TaskState
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef

MAX_REASON = 400
#: Characters of a result that a reason shows.
MAX_EXPECTED = 120


@transaction.atomic
def settle_item(*, task_id: UUID) -> None:
    """Decide the answers of an item that has all its labels. Does nothing where an answer was taken back meanwhile,
    or where it was done before."""
    order_id = Task.objects.values_list("order_id", flat=True).get(id=task_id)
    order = Order.objects.select_for_update(no_key=True).get(id=order_id)
    task = Task.objects.select_for_update(no_key=True).get(id=task_id)
    if order.closed_at is not None or task.decided or task.state not in (TaskState.COMPLETE, TaskState.UNUSABLE):
        return
    answers = list(Annotation.objects.filter(task=task).order_by("annotator_id"))
    records = lock_records(order, {answer.annotator_id for answer in answers})
    if task.state == TaskState.UNUSABLE:
        decisions = [(answer, UNUSABLE) for answer in answers if answer.state == AnnotationState.PENDING]
    else:
        design = design_of(order)
        outcome = outcome_of_task(design, task, answers, records)
        task.result, task.confidence, task.state = outcome.result, outcome.confidence, TaskState.SETTLED
        decisions = [
            (answer, decision(design, answer, task, outcome.result, records, final=False))
            for answer in answers
            if answer.state == AnnotationState.PENDING
        ]
    task.decided = True
    task.save(update_fields=["decided", "result", "confidence", "state"])
    apply_decisions(order, decisions)
    _settle_waiting(order, records)
    order.items_done += 1
    order.save(update_fields=["items_done", "updated_at"])
    if order.items_done == order.item_count and order.state in OPEN_ORDER_STATES:
        begin_closing(order, OrderState.FINISHED)
    notify(f"order:{order.id}", {"items_done": order.items_done})


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
        if decision.state == AnnotationState.ACCEPTED:
            answer.amount_minor = pay_label(order, answer)
    Annotation.objects.bulk_update(
        [answer for answer, _ in decisions], ["state", "rule", "reason", "amount_minor", "decided_at"]
    )
    for answer, decision in decisions:
        if decision.state == AnnotationState.PENDING:
            continue
        accepted = decision.state == AnnotationState.ACCEPTED
        AnnotatorStats.objects.filter(order=order, annotator_id=answer.annotator_id).update(
            accepted=F("accepted") + int(accepted),
            rejected=F("rejected") + int(not accepted),
            earned_minor=F("earned_minor") + answer.amount_minor,
        )
        notify(f"work:{answer.annotator_id}", {"annotation_id": str(answer.id), "state": decision.state.value})


def pay_label(order: Order, answer: Annotation) -> int:
    """Capture the price of one label to its annotator; once, however often this runs. Returns minor units."""
    if order.hold_id is None:
        raise RuntimeError("a running order has a hold")
    ledger.capture_hold(
        hold_id=order.hold_id,
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
    return order.price_minor
