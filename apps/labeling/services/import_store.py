"""Storing one chunk of an import. The caller holds the lock on the import and the transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from apps.core.ids import uuid7
from apps.core.sealing import seal
from apps.labeling.import_models import Import, QuarantinedRow
from apps.labeling.import_types import MAX_QUARANTINED
from apps.labeling.imports.preparing import Bad, Prepared

ORIGINALS_PURPOSE = "labeling.originals"
_BATCH = 500

# One statement for a thousand rows: each column travels as one text, an array as PostgreSQL writes it, for a driver
# that looks at each value takes longer than all the rest. (COPY is not allowed on tables with row-level security.)
_INSERT = """
INSERT INTO labeling_importeditem
       (id, tenant_id, batch_id, ordinal, "row", file, external_id, data, known, licence, source, consent, originals)
SELECT u.id, %(tenant)s, %(batch)s, %(first)s + u.place - 1, u.row, u.file, u.external_id, u.data::jsonb,
       u.known::jsonb, u.licence, u.source, u.consent, u.originals
  FROM unnest(%(id)s::uuid[], %(row)s::int[], %(file)s::text[], %(external_id)s::text[], %(data)s::text[],
              %(known)s::text[], %(licence)s::text[], %(source)s::text[], %(consent)s::text[], %(originals)s::text[])
       WITH ORDINALITY
    AS u(id, "row", file, external_id, data, known, licence, source, consent, originals, place)
"""
_USED_IDS = """
SELECT external_id, file, "row" FROM labeling_importeditem
 WHERE tenant_id = %(tenant)s AND batch_id = %(batch)s AND external_id <> '' AND external_id = ANY(%(ids)s::text[])
"""
_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def store_chunk(batch: Import, chunk: Sequence[Prepared | Bad], *, corrects: bool) -> None:
    """Store the good rows, quarantine the bad ones, and count both on `batch`, which the caller saves."""
    if corrects:
        _resolve(batch, chunk)
    good, bad = _without_repeated_ids(batch, chunk)
    if good:
        _insert(batch, good)
    if bad:
        _quarantine(batch, bad)


def _resolve(batch: Import, chunk: Sequence[Prepared | Bad]) -> None:
    """Rows that come again are no longer quarantined as they were."""
    rows: dict[str, list[int]] = {}
    for one in chunk:
        rows.setdefault(one.file, []).append(one.row)
    for file, numbers in rows.items():
        deleted, _ = QuarantinedRow.objects.filter(batch=batch, file=file, row__in=numbers).delete()
        batch.quarantined -= deleted


def _without_repeated_ids(batch: Import, chunk: Sequence[Prepared | Bad]) -> tuple[list[Prepared], list[Bad]]:
    ids = [one.external_id for one in chunk if isinstance(one, Prepared) and one.external_id]
    places = _used(batch, ids) if ids else {}
    good: list[Prepared] = []
    bad: list[Bad] = []
    for one in chunk:
        if isinstance(one, Bad):
            bad.append(one)
        elif one.external_id and (place := places.setdefault(one.external_id, (one.file, one.row))) != (
            one.file,
            one.row,
        ):
            bad.append(_repeated(one, place))
        else:
            good.append(one)
    return good, bad


def _used(batch: Import, ids: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Which of these ids items have already, and where they stand."""
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"tenant": batch.tenant_id, "batch": batch.id, "ids": _array(ids)}
        cursor.execute(_USED_IDS, values)
        return {found: (file, row) for found, file, row in cursor.fetchall()}


def _repeated(one: Prepared, place: tuple[str, int]) -> Bad:
    file, row = place
    where = f"row {row}" if file == one.file else f"row {row} of “{file[:100]}”"
    reason = f"The id “{one.external_id[:60]}” is already used in {where}."
    remedy = "Give the row an id of its own, or leave it out."
    content = {"id": one.external_id, **{name: _shown(value) for name, value in one.data.items()}, **one.known}
    return Bad(one.row, one.file, "id", reason, remedy, content)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _insert(batch: Import, items: Sequence[Prepared]) -> None:
    values: dict[str, Any] = {
        "tenant": batch.tenant_id,
        "batch": batch.id,
        "first": batch.item_count,
        "id": _array(str(uuid7()) for _ in items),
        "row": _array(str(one.row) for one in items),
        "file": _array(one.file for one in items),
        "external_id": _array(one.external_id for one in items),
        "data": _array(_to_json(one.data) for one in items),
        "known": _array(_to_json(one.known) if one.known else "{}" for one in items),
        "licence": _array(one.licence for one in items),
        "source": _array(one.source for one in items),
        "consent": _array(one.consent for one in items),
        "originals": _array(_sealed(batch.tenant_id, one.originals) for one in items),
    }
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)
    batch.item_count += len(items)
    batch.masked_count += sum(1 for one in items if one.originals)
    columns = dict(batch.columns)
    for one in items:
        for name, kind in one.kinds.items():
            if columns.setdefault(name, kind) != kind:
                columns[name] = "mixed"
    batch.columns = columns


def _array(values: Iterable[str]) -> str:
    """Texts as PostgreSQL writes an array of them; NUL, which no text there holds, marks their ends meanwhile."""
    parts = list(values)
    joined = "\x00".join(parts)
    if joined.count("\x00") >= len(parts):
        raise ValueError("a text holds NUL")
    quoted = joined.replace("\\", "\\\\").replace('"', '\\"').replace("\x00", '","')
    return f'{{"{quoted}"}}'


def _sealed(tenant_id: UUID, originals: dict[str, str]) -> str:
    return seal(tenant_id, ORIGINALS_PURPOSE, json.dumps(originals).encode()) if originals else ""


def _quarantine(batch: Import, rows: Sequence[Bad]) -> None:
    room = max(0, MAX_QUARANTINED - batch.quarantined)
    QuarantinedRow.objects.bulk_create(
        (
            QuarantinedRow(
                tenant_id=batch.tenant_id,
                batch=batch,
                row=one.row,
                file=one.file,
                field=_short(one.field, 200),
                reason=_short(one.reason, 500),
                remedy=_short(one.remedy, 300),
                content=one.content,
            )
            for one in rows[:room]
        ),
        batch_size=_BATCH,
    )
    batch.quarantined += len(rows)


def _short(text: str, most: int) -> str:
    clean = text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
    return clean[:most]
