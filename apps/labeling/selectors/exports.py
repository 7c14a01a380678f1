"""An order's items with all their answers, streamed in any format."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from apps.core.errors import InvalidInput
from apps.core.storage import get_storage
from apps.core.tenant import tenant_scope
from apps.labeling.formats.catalogue import FORMATS, Format
from apps.labeling.formats.hub import ReadMedia
from apps.labeling.formats.items import Answered, Design, Item
from apps.labeling.models import Annotation, Media, Order, Task
from apps.labeling.selectors.export_lines import jsonl, pseudonym

_BATCH = 1_000


def items(row: Order) -> Iterator[Item]:
    """Every item of an order, in the order of the upload, a thousand at a time.

    It enters the requester's scope by itself, for it is read after the request that asked for it has ended.
    """
    last = -1
    names: dict[UUID, str] = {}
    columns = ("id", "row", "external_id", "data", "gold", "result", "confidence", "made_by")
    while True:
        with tenant_scope(row.tenant_id):
            tasks = list(Task.objects.filter(order=row, row__gt=last).order_by("row").values_list(*columns)[:_BATCH])
            answers = _answers(row, [task[0] for task in tasks], names)
        if not tasks:
            return
        last = tasks[-1][1]
        for task_id, number, external_id, data, gold, result, confidence, made_by in tasks:
            decided = result is not None or gold is not None
            yield Item(
                external_id or str(number),
                data,
                result,
                confidence,
                made_by if decided else "",
                tuple(answers.get(task_id, ())),
                gold,
            )


def _answers(row: Order, task_ids: list[UUID], names: dict[UUID, str]) -> dict[UUID, list[Answered]]:
    found: dict[UUID, list[Answered]] = defaultdict(list)
    given = (
        Annotation.objects.filter(order=row, task_id__in=task_ids)
        .order_by("task_id", "id")
        .values_list("task_id", "annotator_id", "answer", "elapsed_ms", "state")
    )
    for task_id, annotator_id, answer, elapsed_ms, state in given:
        if annotator_id not in names:
            names[annotator_id] = pseudonym(row.id, annotator_id)
        found[task_id].append(Answered(names[annotator_id], answer, elapsed_ms, state))
    return found


def export_format(row: Order, name: str) -> Format:
    """A format by its name. Raises InvalidInput where there is none, or where the order has nothing for it."""
    found = FORMATS.get(name)
    if found is None:
        raise InvalidInput(
            "unknown_format", f"There is no format “{name[:40]}”; there are {', '.join(sorted(FORMATS))}."
        )
    if fault := found.fault(Design.from_json(row.design)):
        raise InvalidInput("format_not_possible", fault)
    return found


def formats_for(row: Order) -> list[Format]:
    """The formats that an order can be taken out in."""
    design = Design.from_json(row.design)
    return [one for one in FORMATS.values() if not one.fault(design)]


def export(row: Order, wanted: Format, *, with_media: bool = False) -> Iterator[bytes]:
    """An order in a format, in pieces. With media, files go into Parquet; else their names do."""
    if wanted.name == "jsonl":
        return jsonl(row)
    design = Design.from_json(row.design)
    card: dict[str, Any] = {"name": row.title, "text": row.instruction}
    return wanted.write(design, items(row), card, _media_reader(row.tenant_id) if with_media else None)


def _media_reader(tenant_id: UUID) -> ReadMedia:
    def read(value: Any) -> bytes | None:
        with tenant_scope(tenant_id):
            key = Media.objects.filter(id=value.get("media")).values_list("storage_key", flat=True).first()
        if key is None:
            return None
        with get_storage().open(key) as file:
            return file.read()

    return read
