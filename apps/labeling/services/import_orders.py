"""Use case: draft an order of what an import brought."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from apps.core.errors import Conflict, InvalidInput
from apps.datasets.tables import Table, check_columns
from apps.labeling.brief import read_design
from apps.labeling.import_models import Import, ImportedItem
from apps.labeling.import_types import ImportState
from apps.labeling.models import Order
from apps.labeling.policies import require
from apps.labeling.selectors.imports import import_of
from apps.labeling.services.orders import Origin, create_order
from apps.labeling.types import LabelingPermission
from apps.labeling.uploads import MAX_ITEMS
from apps.tenancy.types import Actor

_FIELDS = ("id", "ordinal", "external_id", "data", "known", "licence", "source", "consent", "file")
_BATCH = 5_000


def create_order_from_import(
    *,
    actor: Actor,
    import_id: UUID,
    design: Mapping[str, Any] | None = None,
    known: Mapping[str, Mapping[str, Any]] | None = None,
    **brief: Any,
) -> Order:
    """`create_order` from a ready import: an item's place in it, counted from 1, is its row.

    Args:
        known: known answers by the item's file (its whole name or the last part) or id, such as those of a COCO file.

    Each task keeps its item's licence, source and word on consent.

    Raises:
        ImportNotFound
        Conflict: `wrong_import_state`: it is not ready.
        InvalidInput: as `create_order`; `unknown_items`: `known` names what the import has not;
            `too_many_items`: it has more than an order takes.
    """
    require(actor, LabelingPermission.ORDER_CREATE)
    batch = import_of(actor, import_id)
    if batch.state != ImportState.READY:
        message = f"The import is {batch.state}. An order takes one that is ready."
        raise Conflict("wrong_import_state", message, state=batch.state)
    if batch.item_count > MAX_ITEMS:
        message = f"An order has at most {MAX_ITEMS:,} items; the import has {batch.item_count:,}. Import it in parts."
        raise InvalidInput("too_many_items", message, errors=[{"field": "import_id", "message": message}])
    table, origins = _table(batch, known or {})
    wanted = ("text",) if design is None else [one.name for one in read_design(design).inputs]
    check_columns(table.columns, batch.title, wanted)
    return create_order(actor=actor, table=table, filename=batch.title, design=design, origins=origins, **brief)


def _table(batch: Import, answers: Mapping[str, Mapping[str, Any]]) -> tuple[Table, dict[int, Origin]]:
    """The items as a table, and where each row comes from."""
    missing = dict.fromkeys(answers)
    rows: list[dict[str, str]] = []
    numbers: list[int] = []
    origins: dict[int, Origin] = {}
    columns: dict[str, None] = dict.fromkeys(("id", *batch.columns))
    items = ImportedItem.objects.filter(batch=batch).order_by("ordinal").values_list(*_FIELDS)
    for item_id, ordinal, external_id, data, known, licence, source, consent, file in items.iterator(_BATCH):
        name = next((one for one in (file, external_id, file.rpartition("/")[2]) if one and one in answers), None)
        if name is not None:
            missing.pop(name, None)
            known = {**known, **{control: _cell(value) for control, value in answers[name].items()}}
        columns.update(dict.fromkeys(known))
        rows.append({"id": external_id, **{name: _cell(value) for name, value in data.items()}, **known})
        numbers.append(ordinal + 1)
        rights = {"licence": licence, "source": source, "consent": consent or batch.consent_text}
        origins[ordinal + 1] = Origin(item_id, rights)
    if missing:
        raise _unknown(batch, list(missing))
    whole = [{name: row.get(name, "") for name in columns} for row in rows]
    return Table(tuple(columns), whole, numbers), origins


def _unknown(batch: Import, names: list[str]) -> InvalidInput:
    message = f"The import “{batch.title}” has no item {', '.join(f'“{name[:80]}”' for name in names[:3])}"
    message += f" and {len(names) - 3:,} more of the file." if len(names) > 3 else " of the file."
    return InvalidInput("unknown_items", message, errors=[{"field": "file", "message": message}])


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
