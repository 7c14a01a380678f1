"""Deciding answers by the written rule (`apps.labeling.acceptance`), paying accepted ones from the order's hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import F

from apps.core import clock
from apps.core.live import notify
from apps.labeling.acceptance import UNUSABLE, Decision, Standing, decide, standing
from apps.labeling.consensus import Consensus, Record, weighted_vote
from apps.labeling.models import Annotation, AnnotatorStats, Order, Task
from apps.labeling.selectors.orders import classes_of, price_of
from apps.labeling.services.orders import begin_closing
from apps.labeling.types import AnnotationState, OrderState, Rule, TaskState
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef

MAX_REASON = 400


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
        consensus = item_consensus(order, task, answers, records)
        task.label, task.confidence, task.state = consensus.label, consensus.confidence, TaskState.SETTLED
        decisions = [
            (answer, _decision(answer, task, consensus.label, records, final=False))
            for answer in answers
            if answer.state == AnnotationState.PENDING
        ]
    task.decided = True
    task.save(update_fields=["decided", "label", "confidence", "state"])
    apply_decisions(order, decisions)
    _settle_waiting(order, records)
    order.items_done += 1
    order.save(update_fields=["items_done", "updated_at"])
    if order.items_done == order.item_count and order.state == OrderState.RUNNING:
        begin_closing(order, OrderState.FINISHED)
    notify(f"order:{order.id}", {"items_done": order.items_done})


def lock_records(order: Order, annotator_ids: Iterable[UUID]) -> dict[UUID, Record]:
    """Lock annotators' rows in an order, and read what check questions say about each."""
    rows = AnnotatorStats.objects.select_for_update(no_key=True).filter(
        order=order, annotator_id__in=set(annotator_ids)
    )
    return {row.annotator_id: Record(row.gold_seen, row.gold_right) for row in rows.order_by("annotator_id")}


def item_consensus(
    order: Order, task: Task, answers: Sequence[Annotation], records: Mapping[UUID, Record]
) -> Consensus:
    """The known answer of a check question, else the vote of its answers, weighted by their annotators' records."""
    if task.gold_label:
        return Consensus(task.gold_label, 1.0)
    labels = [(answer.label, records.get(answer.annotator_id, Record())) for answer in answers]
    return weighted_vote(labels, [one.name for one in classes_of(order)])


def _decision(
    answer: Annotation, task: Task, consensus: str, records: Mapping[UUID, Record], *, final: bool
) -> Decision:
    return decide(
        label=answer.label,
        gold_label=task.gold_label,
        consensus=consensus,
        record=records.get(answer.annotator_id, Record()),
        final=final,
    )


def _settle_waiting(order: Order, records: Mapping[UUID, Record]) -> None:
    """Answers that waited for their annotator's standing, where it is known now."""
    known = [annotator_id for annotator_id, record in records.items() if standing(record) is not Standing.UNKNOWN]
    waiting = Annotation.objects.select_related("task").filter(
        order=order, annotator_id__in=known, state=AnnotationState.PENDING, rule=Rule.AWAITING_STANDING
    )
    apply_decisions(
        order, [(answer, _decision(answer, answer.task, answer.task.label, records, final=False)) for answer in waiting]
    )


def apply_decisions(order: Order, decisions: Sequence[tuple[Annotation, Decision]]) -> None:
    """Write decisions down and pay the accepted answers. The caller has locked order and annotators."""
    now = clock.now()
    for answer, decision in decisions:
        answer.state, answer.rule = decision.state, decision.rule
        answer.reason = decision.reason[:MAX_REASON]
        if decision.state != AnnotationState.PENDING:
            answer.decided_at = now
        if decision.state == AnnotationState.ACCEPTED:
            answer.amount_minor = _pay(order, answer)
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


def _pay(order: Order, answer: Annotation) -> int:
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
            {"order_id": str(order.id), "rule": answer.rule, "label": answer.label},
        ),
    )
    return order.price_minor
