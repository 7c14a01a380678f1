"""A person's data leaves the orders that a dataset was made of, when it leaves the dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.labeling.appeal_models import Appeal
from apps.labeling.models import Annotation, AnswerReview, ImportedItem, MachineItem, Order, Task
from apps.labeling.services.media_removal import erase_media, media_in

ERASED = "(removed)"


def erase_rows(dataset_id: UUID, row_ids: frozenset[str]) -> int:
    """Blank the tasks that became these rows and what was answered to them; delete the imported items that they were,
    and their media files where nothing else of the organisation shows them.

    What was paid for the answers stays, with who was paid and when. Runs in the requester's scope and transaction.

    Returns:
        How many tasks there were.
    """
    named = Q(external_id__in=row_ids)
    numbers = [int(one) for one in row_ids if one.isdecimal() and len(one) < 10]
    if numbers:
        named |= Q(external_id="", row__in=numbers)
    tasks = list(Task.objects.select_related("order").filter(named, order__dataset_id=dataset_id).order_by("id"))
    imported = ImportedItem.objects.filter(id__in=[one.imported_item_id for one in tasks if one.imported_item_id])
    media = media_in(one.data for one in tasks) | media_in(imported.values_list("data", flat=True))
    for task in tasks:
        task.data = {one["name"]: _blank(one["type"]) for one in task.order.design["inputs"]}
        task.external_id, task.gold, task.result = "", None, None
    Task.objects.bulk_update(tasks, ["data", "external_id", "gold", "result"])
    Annotation.objects.filter(task__in=tasks).update(answer={}, task_text=ERASED, answer_text=ERASED)
    Appeal.objects.filter(annotation__task__in=tasks).update(text=ERASED, expected={}, expected_text=ERASED)
    AnswerReview.objects.filter(task__in=tasks, answer__isnull=False).update(answer={})
    MachineItem.objects.filter(task__in=tasks).update(label="")
    _forget_samples(tasks)
    imported.delete()
    erase_media(media)
    return len(tasks)


def _forget_samples(tasks: Sequence[Task]) -> None:
    """Take the requester's own answers to these items out of their orders."""
    gone = {str(task.id) for task in tasks}
    for order in {task.order_id: task.order for task in tasks}.values():
        kept = [one for one in order.sample if one["task"] not in gone]
        if len(kept) < len(order.sample):
            Order.objects.filter(id=order.id).update(sample=kept)


def _blank(kind: str) -> Any:
    if kind == "text":
        return ERASED
    return [] if kind in ("candidates", "dialogue") else {}
