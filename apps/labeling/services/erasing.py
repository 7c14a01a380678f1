"""A person's data leaves the orders that a dataset was made of, when it leaves the dataset."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.labeling.models import Annotation, ImportedItem, Task

ERASED = "(removed)"


def erase_rows(dataset_id: UUID, row_ids: frozenset[str]) -> int:
    """Blank the tasks that became these rows, what was answered to them, and the imported items that they were.

    What was paid for the answers stays, with who was paid and when. Runs in the requester's scope and transaction.

    Returns:
        How many tasks there were.
    """
    named = Q(external_id__in=row_ids)
    numbers = [int(one) for one in row_ids if one.isdecimal() and len(one) < 10]
    if numbers:
        named |= Q(external_id="", row__in=numbers)
    tasks = list(Task.objects.select_related("order").filter(named, order__dataset_id=dataset_id).order_by("id"))
    for task in tasks:
        task.data = {one["name"]: _blank(one["type"]) for one in task.order.design["inputs"]}
        task.external_id, task.gold, task.result = "", None, None
    Task.objects.bulk_update(tasks, ["data", "external_id", "gold", "result"])
    Annotation.objects.filter(task__in=tasks).update(answer={}, task_text=ERASED, answer_text=ERASED)
    ImportedItem.objects.filter(id__in=[one.imported_item_id for one in tasks if one.imported_item_id]).delete()
    return len(tasks)


def _blank(kind: str) -> Any:
    if kind == "text":
        return ERASED
    return [] if kind in ("candidates", "dialogue") else {}
