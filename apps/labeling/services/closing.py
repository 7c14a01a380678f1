"""The end of an order: decide what is left, take the fee, release the rest, make the dataset version.

Every step may run again: decided answers stay decided, captures have keys, money is released once (`closed_at`), and
the dataset version is released under the order's key. A killed worker's successor takes up where it left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q, Sum

from apps.assets.types import ContributionSpec
from apps.core import clock
from apps.core.live import notify
from apps.core.money import Money
from apps.core.outbox import publish
from apps.datasets import services as datasets
from apps.datasets.types import DatasetVersionInfo, Row
from apps.labeling.acceptance import UNUSABLE, decide
from apps.labeling.consensus import Answer, Consensus, Record, Result, aggregate, krippendorff_alpha
from apps.labeling.design import plain_text
from apps.labeling.events import OrderFinished
from apps.labeling.models import Annotation, AnnotatorStats, Order, Task
from apps.labeling.selectors.orders import classes_of
from apps.labeling.services.settling import apply_decisions, lock_records
from apps.labeling.types import AnnotationState, OrderState, TaskState
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.tenancy.selectors import platform_organisation_id
from apps.tenancy.types import Actor

BATCH = 200
DATASET_SCHEMA = {
    "id": "the requester's id of the item, or its row in the upload",
    "text": "the text",
    "label": "consensus of the answers; for check questions the known answer",
    "confidence_bps": "probability that the label is right, in basis points (10,000 is certain)",
    "answers": "how many annotators answered",
    "source": "consensus, or requester (known answer)",
    "split": "train or test",
}


@dataclass(frozen=True)
class _Gathered:
    """All of an order's answers and what they lead to."""

    answers: list[Answer]
    result: Result


def close_order(*, order_id: UUID) -> None:
    """Bring a closing order to its outcome. Runs outside a transaction, in the requester's scope."""
    order = Order.objects.get(id=order_id)
    if order.state != OrderState.CLOSING:
        return
    gathered = _gather(order)
    while _decide_batch(order_id, gathered.result):
        pass
    _settle_money(order_id)
    if order.outcome == OrderState.CANCELLED:
        _end(order_id, OrderState.CANCELLED, None)
        return
    version = _release(order, gathered)
    _end(order_id, OrderState.FINISHED, version)


def _gather(order: Order) -> _Gathered:
    rows = Annotation.objects.filter(order=order).values_list("task_id", "annotator_id", "label")
    answers = [Answer(str(task_id), str(annotator_id), label) for task_id, annotator_id, label in rows]
    known = {
        str(task_id): label
        for task_id, label in Task.objects.filter(order=order).exclude(gold_label="").values_list("id", "gold_label")
    }
    return _Gathered(answers, aggregate(answers, [one.name for one in classes_of(order)], known))


@transaction.atomic
def _decide_batch(order_id: UUID, result: Result) -> bool:
    """Decide some of the answers that are still pending; whether there were any."""
    order = Order.objects.select_for_update(no_key=True).get(id=order_id)
    pending = list(
        Annotation.objects.select_related("task")
        .filter(order=order, state=AnnotationState.PENDING)
        .order_by("id")[:BATCH]
    )
    records = lock_records(order, {answer.annotator_id for answer in pending})
    decisions = [
        (
            answer,
            UNUSABLE
            if answer.task.state == TaskState.UNUSABLE
            else decide(
                label=answer.label,
                gold_label=answer.task.gold_label,
                consensus=result.items[str(answer.task_id)].label,
                record=records.get(answer.annotator_id, Record()),
                final=True,
            ),
        )
        for answer in pending
    ]
    apply_decisions(order, decisions)
    return bool(pending)


@transaction.atomic
def _settle_money(order_id: UUID) -> None:
    """Take the platform's fee on what was accepted, and give the requester back all the rest."""
    order = Order.objects.select_for_update(no_key=True).get(id=order_id)
    if order.closed_at is not None or order.hold_id is None:
        return
    paid = Annotation.objects.filter(order=order).aggregate(total=Sum("amount_minor"))["total"] or 0
    fee = Money(paid, order.currency).fraction_bps(order.fee_bps)
    if fee:
        ledger.capture_hold(
            hold_id=order.hold_id,
            credit=AccountRef(platform_organisation_id(), AccountKind.FEES, order.currency),
            amount=fee,
            idempotency_key=f"labeling.order-fee:{order.id}",
            reason=f"Platform fee: “{order.title}”",
            source=SourceRef("labeling.order", str(order.id), {"fee_bps": order.fee_bps, "paid_minor": paid}),
        )
    ledger.release_hold(hold_id=order.hold_id)
    order.closed_at = clock.now()
    order.save(update_fields=["closed_at", "updated_at"])


def _release(order: Order, gathered: _Gathered) -> DatasetVersionInfo:
    actor = Actor.system(order.tenant_id)
    dataset_id = _dataset_of(actor, order.id)
    return datasets.release_dataset_version(
        actor=actor,
        dataset_id=dataset_id,
        rows=_dataset_rows(order, gathered),
        schema=DATASET_SCHEMA,
        card=_card(order, gathered),
        contributions=_contributions(order),
        idempotency_key=f"labeling.order:{order.id}",
    )


@transaction.atomic
def _dataset_of(actor: Actor, order_id: UUID) -> UUID:
    """The dataset that the order's result is a version of; made with the first attempt."""
    order = Order.objects.select_for_update(no_key=True).get(id=order_id)
    if order.dataset_id is None:
        dataset = datasets.create_dataset(actor=actor, name=order.title, summary=plain_text(order.instruction)[:2000])
        order.dataset_id = dataset.id
        order.save(update_fields=["dataset_id", "updated_at"])
    return order.dataset_id


def _dataset_rows(order: Order, gathered: _Gathered) -> list[Row]:
    counts: dict[str, int] = {}
    for answer in gathered.answers:
        counts[answer.item] = counts.get(answer.item, 0) + 1
    rows: list[Row] = []
    for task in Task.objects.filter(order=order).exclude(state=TaskState.UNUSABLE).order_by("row").iterator(BATCH):
        consensus = gathered.result.items.get(str(task.id))
        if consensus is not None:
            rows.append(_dataset_row(task, consensus, counts.get(str(task.id), 0)))
    return rows


def _dataset_row(task: Task, consensus: Consensus, answers: int) -> Row:
    return {
        "id": task.external_id or str(task.row),
        "text": task.text,
        "label": consensus.label,
        "confidence_bps": round(consensus.confidence * 10_000),
        "answers": answers,
        "source": "requester" if task.gold_label else "consensus",
    }


def _card(order: Order, gathered: _Gathered) -> dict[str, Any]:
    """How the labels were made, and how good they are."""
    stats = AnnotatorStats.objects.filter(order=order, submitted__gt=0).aggregate(
        annotators=Count("id"), seen=Sum("gold_seen"), right=Sum("gold_right")
    )
    decided = Annotation.objects.filter(order=order).aggregate(
        accepted=Count("id", filter=Q(state=AnnotationState.ACCEPTED)),
        rejected=Count("id", filter=Q(state=AnnotationState.REJECTED)),
    )
    gold = set(Task.objects.filter(order=order).exclude(gold_label="").values_list("id", flat=True))
    answered = {answer.item for answer in gathered.answers}
    found = [c.confidence for item, c in gathered.result.items.items() if UUID(item) not in gold]
    alpha = krippendorff_alpha(gathered.answers)
    seen, right = stats["seen"] or 0, stats["right"] or 0
    unusable = Task.objects.filter(order=order, state=TaskState.UNUSABLE).count()
    return {
        "task": "text classification, one choice",
        "instruction": order.instruction,
        "classes": [one.name for one in classes_of(order)],
        "made_by": "human annotators; no label comes from a machine",
        "quality": {
            "consensus": gathered.result.method.value,
            "redundancy": order.redundancy,
            "answers": len(gathered.answers),
            "answers_accepted": decided["accepted"],
            "answers_rejected": decided["rejected"],
            "annotators": stats["annotators"],
            "check_questions": len(gold),
            "check_answers": seen,
            "check_answers_right": right,
            "check_accuracy": round(right / seen, 4) if seen else None,
            "krippendorff_alpha": round(alpha, 4) if alpha is not None else None,
            "mean_confidence": round(sum(found) / len(found), 4) if found else None,
            "items_unusable": unusable,
            "items_unlabelled": order.item_count - unusable - len(answered | {str(task_id) for task_id in gold}),
        },
    }


def _contributions(order: Order) -> list[ContributionSpec]:
    """Annotators, weighted by their accepted answers."""
    rows = AnnotatorStats.objects.filter(order=order, accepted__gt=0).order_by("annotator_id")
    return [ContributionSpec(row.annotator_id, "annotator", row.accepted) for row in rows]


@transaction.atomic
def _end(order_id: UUID, outcome: OrderState, version: DatasetVersionInfo | None) -> None:
    order = Order.objects.select_for_update(no_key=True).get(id=order_id)
    if order.state != OrderState.CLOSING:
        return
    order.state = outcome
    order.dataset_version_id = version.id if version is not None else None
    order.save(update_fields=["state", "dataset_version_id", "updated_at"])
    if version is not None:
        publish(OrderFinished(order.id, version.id))
    notify(f"order:{order.id}", {"state": order.state})
