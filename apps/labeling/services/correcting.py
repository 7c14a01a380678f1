"""Results that upheld appeals change, and the dataset version that follows, so that data and pay agree."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import F

from apps.assets import selectors as assets
from apps.assets.types import ContributionSpec
from apps.core.live import notify
from apps.core.outbox import publish
from apps.datasets import selectors as datasets
from apps.datasets import services as releases
from apps.datasets.types import DatasetVersionInfo, Row
from apps.labeling.appeal_models import Appeal, AppealReview
from apps.labeling.appeal_types import AppealState, Verdict
from apps.labeling.events import ResultsCorrected
from apps.labeling.models import Annotation, AnnotatorStats, Order, Task
from apps.labeling.selectors.orders import design_of
from apps.labeling.types import MadeBy, OrderState, TaskState
from apps.tenancy.types import Actor


def correct_result(order: Order, appeal: Appeal, answer: Annotation) -> bool:
    """Make an upheld answer the item's result, where most reviewers found it right and what it was held against wrong.

    The caller has locked order and appeal. Returns whether the result is another now.
    """
    reviews = AppealReview.objects.filter(appeal=appeal).exclude(verdict="").values_list("verdict", "is_swapped")
    alone = sum(verdict == (Verdict.SECOND if swapped else Verdict.FIRST) for verdict, swapped in reviews)
    if alone * 2 <= len(reviews) or order.skill_id is not None:
        return False
    changed = (
        Task.objects.filter(id=answer.task_id)
        .exclude(state=TaskState.UNUSABLE)
        .update(result=answer.answer, confidence=1.0, made_by=MadeBy.ADJUDICATED)
    )
    if changed and order.dataset_version_id is not None:
        publish(ResultsCorrected(order.id))
    return bool(changed)


def corrections(order: Order) -> dict[str, Annotation]:
    """The answers that became their item's result by an appeal, by the id of the item's row in the dataset."""
    upheld = Appeal.objects.filter(
        order=order,
        state=AppealState.UPHELD,
        annotation__task__made_by=MadeBy.ADJUDICATED,
        annotation__task__result=F("annotation__answer"),
    )
    rows = Annotation.objects.select_related("task").filter(appeal__in=upheld)
    return {one.task.external_id or str(one.task.row): one for one in rows}


def correct_dataset(*, order_id: UUID) -> DatasetVersionInfo | None:
    """Release a version of an order's dataset with the results that appeals changed; None where it has them all.

    All else of the newest version stays as it is: rows, what it was built on, what was removed from it. Runs outside a
    transaction, in the requester's scope; safe to repeat.
    """
    order = Order.objects.get(id=order_id)
    if order.state != OrderState.FINISHED or order.dataset_id is None:
        return None
    actor = Actor.system(order.tenant_id)
    newest = datasets.versions(datasets.own_dataset(actor, order.dataset_id))[0]
    right = corrections(order)
    changed = {
        str(row["id"]): right[str(row["id"])]
        for row in datasets.iter_rows(newest.id)
        if str(row["id"]) in right and _corrected(order, row, right[str(row["id"])]) != row
    }
    if not changed:
        return None
    said = {"version": newest.number, "reason": "upheld appeals", "rows": sorted(changed)[:100], "count": len(changed)}
    kept = {key: value for key, value in newest.card.items() if key != "statistics"}
    key = hashlib.sha256(f"{newest.id} {sorted(changed)}".encode()).hexdigest()
    version = releases.release_dataset_version(
        actor=actor,
        dataset_id=newest.dataset_id,
        rows=_rows(order, newest, changed),
        schema=newest.schema,
        card=kept | {"supersedes": said},
        design=newest.design,
        answers=_answers(order, newest, right),
        contributions=[
            ContributionSpec(annotator_id, "annotator", accepted)
            for annotator_id, accepted in AnnotatorStats.objects.filter(order=order, accepted__gt=0)
            .order_by("annotator_id")
            .values_list("annotator_id", "accepted")
        ],
        parents=assets.allowed_parents(order.tenant_id, assets.parents_of(newest.id)),
        idempotency_key=f"labeling.correction:{newest.id}:{key[:16]}",
    )
    _note(order.id, version)
    return version


@transaction.atomic
def _note(order_id: UUID, version: DatasetVersionInfo) -> None:
    Order.objects.filter(id=order_id).update(dataset_version_id=version.id)
    notify(f"order:{order_id}", {"dataset_version": str(version.id)})


def _corrected(order: Order, row: Row, answer: Annotation) -> Row:
    values = {one.name: answer.answer.get(one.name) for one in design_of(order).controls if one.name in row}
    return row | values | {"confidence_bps": 10_000, "source": MadeBy.ADJUDICATED.value}


def _rows(order: Order, newest: DatasetVersionInfo, changed: Mapping[str, Annotation]) -> Iterator[Row]:
    for row in datasets.iter_rows(newest.id):
        answer = changed.get(str(row["id"]))
        yield row if answer is None else _corrected(order, row, answer)


def _answers(order: Order, newest: DatasetVersionInfo, right: Mapping[str, Annotation]) -> Iterator[dict[str, Any]]:
    """The single answers, those that were appealed with what became of them."""
    for line in datasets.iter_answers(newest):
        answer = right.get(str(line.get("row", "")))
        if answer is not None and line.get("annotator") == str(uuid5(order.id, str(answer.annotator_id))):
            line = line | {"state": answer.state, "rule": answer.rule}
        yield line
