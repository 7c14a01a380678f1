"""The end of an order: decide what is left, take the fee, release the rest, make the dataset version.

Every step may run again: decided answers stay decided, captures have keys, money is released once (`closed_at`), and
the dataset version is released under the order's key. A killed worker's successor takes up where it left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Count, Q, Sum

from apps.assets.types import ContributionSpec
from apps.core import clock
from apps.core.live import notify
from apps.core.outbox import publish
from apps.datasets import services as datasets
from apps.datasets.types import DatasetVersionInfo, Row
from apps.labeling.acceptance import UNUSABLE, Decision
from apps.labeling.brief import plain_text
from apps.labeling.consensus import Record
from apps.labeling.controls.choice import Choice
from apps.labeling.design import Design
from apps.labeling.events import OrderFinished, ResultsCorrected
from apps.labeling.models import Annotation, AnnotatorStats, Order, Task
from apps.labeling.outcomes import Given, OrderOutcome, Outcome, agreement, order_outcome
from apps.labeling.selectors.machine import machine_figures, run_of
from apps.labeling.selectors.orders import design_of
from apps.labeling.services.correcting import corrections
from apps.labeling.services.funding import release_reviews
from apps.labeling.services.machine_rows import forget_rows
from apps.labeling.services.provenance import labelled_by, parents_of_result
from apps.labeling.services.reserving import fee_on, keep_reserve, paid_for
from apps.labeling.services.settling import apply_decisions, decision, lock_records
from apps.labeling.services.skills import judge_attempt
from apps.labeling.types import AnnotationState, MadeBy, OrderState, Rule, TaskState
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.tenancy.selectors import platform_organisation_id
from apps.tenancy.types import Actor

BATCH = 200
#: Columns of the dataset beside those of the design.
SCHEMA_BEFORE = {"id": "the requester's id of the item, or its row in the upload"}
SCHEMA_AFTER = {
    "confidence_bps": "probability that the row's answers are right, in basis points (10,000 is certain)",
    "answers": "how many annotators answered",
    "source": "human (consensus of annotators), machine, requester (known answer) or adjudicated",
    "split": "train or test",
}
#: Columns of a dataset that was made of an import.
SCHEMA_OF_RIGHTS = {
    "licence": "the item's licence (SPDX)",
    "item_source": "where the item comes from",
    "consent": "how the people in the item agreed, or why nobody has to",
}


@dataclass(frozen=True)
class _Gathered:
    """All of an order's answers and what they lead to."""

    design: Design
    given: list[Given]
    outcome: OrderOutcome


def close_order(*, order_id: UUID) -> None:
    """Bring a closing order to its outcome. Runs outside a transaction, in the requester's scope."""
    order = Order.objects.get(id=order_id)
    if order.state != OrderState.CLOSING:
        return
    gathered = _gather(order)
    while _decide_batch(order_id, gathered):
        pass
    _settle_money(order_id)
    forget_rows(order)
    if order.skill_id is not None:
        judge_attempt(order)
    if order.outcome == OrderState.CANCELLED or order.skill_id is not None:
        _end(order_id, OrderState(order.outcome), None)
        return
    version = _release(order, gathered)
    _end(order_id, OrderState.FINISHED, version)


def _gather(order: Order) -> _Gathered:
    design = design_of(order)
    counted = Annotation.objects.filter(order=order).exclude(rule=Rule.REVIEW_REJECTED)
    rows = counted.values_list("task_id", "annotator_id", "answer")
    given = [Given(str(task_id), str(annotator_id), answer) for task_id, annotator_id, answer in rows]
    tasks = Task.objects.filter(order=order)
    gold: dict[str, Any] = {
        str(task_id): known for task_id, known in tasks.filter(gold__isnull=False).values_list("id", "gold")
    }
    # What an adjudicator decided is as good as known, also for what is learnt about annotators.
    gold |= {
        str(task_id): decided
        for task_id, decided in tasks.filter(made_by=MadeBy.ADJUDICATED).values_list("id", "result")
    }
    data = {}
    if not all(isinstance(control, Choice) for control in design.controls):
        data = {str(task_id): shown for task_id, shown in tasks.values_list("id", "data").iterator(BATCH)}
    stats = AnnotatorStats.objects.filter(order=order)
    records = {str(row.annotator_id): Record(row.gold_seen, row.gold_right) for row in stats}
    found = order_outcome(design, given, gold, records, data)
    return _Gathered(design, given, OrderOutcome(_by_machine(order) | found.items, found.methods))


def _by_machine(order: Order) -> dict[str, Outcome]:
    """The accepted machine labels; nobody was asked about these items."""
    tasks = Task.objects.filter(order=order, made_by=MadeBy.MACHINE, state=TaskState.SETTLED)
    rows = tasks.values_list("id", "result", "confidence")
    return {
        str(task_id): Outcome(result, dict.fromkeys(result, sure or 0.0)) for task_id, result, sure in rows if result
    }


@transaction.atomic
def _decide_batch(order_id: UUID, gathered: _Gathered) -> bool:
    """Decide some of the answers that are still pending; whether there were any."""
    order = Order.objects.select_for_update(no_key=True).get(id=order_id)
    pending = list(
        Annotation.objects.select_related("task")
        .filter(order=order, state=AnnotationState.PENDING)
        .order_by("id")[:BATCH]
    )
    records = lock_records(order, {answer.annotator_id for answer in pending})

    def decided(answer: Annotation) -> Decision:
        if answer.task.state == TaskState.UNUSABLE:
            return UNUSABLE
        result = gathered.outcome.items[str(answer.task_id)].result
        return decision(gathered.design, answer, answer.task, result, records, final=True)

    apply_decisions(order, [(answer, decided(answer)) for answer in pending])
    return bool(pending)


@transaction.atomic
def _settle_money(order_id: UUID) -> None:
    """Take the platform's fee on what was accepted, and give the requester back the rest that no appeal can need."""
    order = Order.objects.select_for_update(no_key=True).get(id=order_id)
    if order.closed_at is not None or order.hold_id is None:
        return
    paid = paid_for(order)
    fee = fee_on(order, paid)
    if fee:
        ledger.capture_hold(
            hold_id=order.hold_id,
            credit=AccountRef(platform_organisation_id(), AccountKind.FEES, order.currency),
            amount=fee,
            idempotency_key=f"labeling.order-fee:{order.id}",
            reason=f"Platform fee: “{order.title}”",
            source=SourceRef("labeling.order", str(order.id), {"fee_bps": order.fee_bps, "paid_minor": paid}),
        )
    release_reviews(order)
    order.closed_at = clock.now()
    order.save(update_fields=["closed_at", "review_hold_id", "updated_at"])
    keep_reserve(order)


def _release(order: Order, gathered: _Gathered) -> DatasetVersionInfo:
    actor = Actor.system(order.tenant_id)
    dataset_id = _dataset_of(actor, order.id)
    return datasets.release_dataset_version(
        actor=actor,
        dataset_id=dataset_id,
        rows=_dataset_rows(order, gathered),
        schema=_schema(gathered.design, has_rights=_has_rights(order)),
        card=_card(order, gathered),
        design=gathered.design.as_json(),
        answers=_dataset_answers(order),
        contributions=_contributions(order),
        parents=parents_of_result(order, len(gathered.outcome.items)),
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


def _has_rights(order: Order) -> bool:
    """Whether the order was made of an import, whose items each have a licence, a source and a word on consent."""
    return Task.objects.filter(order=order, imported_item_id__isnull=False).exists()


def _schema(design: Design, *, has_rights: bool) -> dict[str, str]:
    """Column -> what it holds: one column for each input and each control."""
    inputs = {one.name: one.title or f"the {one.type}" for one in design.inputs}
    controls = {one.name: f"{one.title or one.name}: {one.described}" for one in design.controls}
    return SCHEMA_BEFORE | inputs | controls | SCHEMA_AFTER | (SCHEMA_OF_RIGHTS if has_rights else {})


def _dataset_rows(order: Order, gathered: _Gathered) -> Iterator[Row]:
    counts = Counter(one.item for one in gathered.given)
    has_rights = _has_rights(order)
    for task in Task.objects.filter(order=order).exclude(state=TaskState.UNUSABLE).order_by("row").iterator(BATCH):
        outcome = gathered.outcome.items.get(str(task.id))
        if outcome is not None:
            row = _dataset_row(gathered.design, task, outcome, counts[str(task.id)])
            yield row | _rights_of(task) if has_rights else row


def _rights_of(task: Task) -> Row:
    """Licence, source and consent of an item; a check question from a file of its own has none."""
    rights = {"item_source": "source", "licence": "licence", "consent": "consent"}
    return {column: task.rights.get(name, "") for column, name in rights.items()}


def _dataset_row(design: Design, task: Task, outcome: Outcome, answers: int) -> Row:
    return {
        "id": task.external_id or str(task.row),
        **{one.name: task.data[one.name] for one in design.inputs},
        **{one.name: outcome.result.get(one.name) for one in design.controls},
        "confidence_bps": round(outcome.confidence * 10_000),
        "answers": answers,
        "source": task.made_by,
    }


def _dataset_answers(order: Order) -> Iterator[dict[str, Any]]:
    """Every answer with the row it led to; annotators under a pseudonym that is theirs in this order only."""
    rows = Annotation.objects.filter(order=order).exclude(task__state=TaskState.UNUSABLE).order_by("task__row", "id")
    columns = ("task__external_id", "task__row", "annotator_id", "answer", "state", "rule")
    for external_id, row, annotator_id, answer, state, rule in rows.values_list(*columns).iterator(BATCH):
        annotator = str(uuid5(order.id, str(annotator_id)))
        line = {"row": external_id or str(row), "annotator": annotator, "answer": answer}
        yield line | {"state": state, "rule": rule}


def _card(order: Order, gathered: _Gathered) -> dict[str, Any]:
    """How the labels were made, and how good they are."""
    stats = AnnotatorStats.objects.filter(order=order, submitted__gt=0).aggregate(
        annotators=Count("id"), seen=Sum("gold_seen"), right=Sum("gold_right")
    )
    decided = Annotation.objects.filter(order=order).aggregate(
        accepted=Count("id", filter=Q(state=AnnotationState.ACCEPTED)),
        rejected=Count("id", filter=Q(state=AnnotationState.REJECTED)),
    )
    gold = Task.objects.filter(order=order).filter(gold__isnull=False).count()
    human = Task.objects.filter(order=order, made_by=MadeBy.HUMAN).values_list("id", flat=True)
    found = [gathered.outcome.items[item].confidence for item in map(str, human) if item in gathered.outcome.items]
    seen, right = stats["seen"] or 0, stats["right"] or 0
    unusable = Task.objects.filter(order=order, state=TaskState.UNUSABLE).count()
    return {
        "task": gathered.design.described,
        "design": gathered.design.as_json(),
        "instruction": order.instruction,
        "made_by": _made_by(order),
        "quality": {
            "consensus": gathered.outcome.methods,
            "agreement": agreement(gathered.design, gathered.given),
            "redundancy": order.redundancy,
            "answers": len(gathered.given),
            "answers_accepted": decided["accepted"],
            "answers_rejected": decided["rejected"],
            "annotators": stats["annotators"],
            "check_questions": gold,
            "check_answers": seen,
            "check_answers_right": right,
            "check_accuracy": round(right / seen, 4) if seen else None,
            "mean_confidence": round(sum(found) / len(found), 4) if found else None,
            "items_adjudicated": Task.objects.filter(order=order, made_by=MadeBy.ADJUDICATED).count(),
            "items_unusable": unusable,
            "items_unlabelled": order.item_count - unusable - len(gathered.outcome.items),
        },
        **_machine_card(order),
    }


def _made_by(order: Order) -> str:
    count = Task.objects.filter(order=order, made_by=MadeBy.MACHINE, state=TaskState.SETTLED).count()
    if not count:
        return "human annotators; no label comes from a machine"
    return f"human annotators, and a machine for {count} items (column source); check questions by the requester"


def _machine_card(order: Order) -> dict[str, Any]:
    """What the machine did, how its labels were audited, and which model made them."""
    figures = machine_figures(order)
    if figures is None:
        return {}
    run = run_of(order)
    version = str(run.model_version_id) if run is not None and run.model_version_id else None
    made = [{"model_version_id": str(one), "items": items} for one, items in sorted(labelled_by(order).items())]
    said = {"model_version_id": version, "labelled_by": made, "audit_log": figures.audit_log}
    return {"machine": figures.as_json() | said}


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
        if corrections(order):  # by an appeal that was upheld while the dataset was made
            publish(ResultsCorrected(order.id))
    notify(f"order:{order.id}", {"state": order.state})
