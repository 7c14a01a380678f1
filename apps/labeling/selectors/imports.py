"""Reads of imports, their items and media, for their organisation."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.core.storage import get_storage
from apps.core.tenant import tenant_scope
from apps.labeling.errors import ImportNotFound
from apps.labeling.import_models import Import, ImportedItem, Media, QuarantinedRow
from apps.labeling.import_types import ImportState
from apps.labeling.policies import require
from apps.labeling.types import LabelingPermission
from apps.tenancy.types import Actor

MEDIA_URL_SECONDS = 3_600
CSV_BATCH = 500
CONTROL_COLUMNS = ("_file", "_row", "_field", "_reason", "_what_to_do")


def imports(actor: Actor) -> QuerySet[Import]:
    """The organisation's imports, newest first, lazily (for pages of them)."""
    require(actor, LabelingPermission.ORDER_VIEW)
    return Import.objects.order_by("-id")


def import_of(actor: Actor, import_id: UUID) -> Import:
    """An import of the actor's organisation. Raises ImportNotFound."""
    row = Import.objects.filter(id=import_id).first()
    if row is None or row.tenant_id != actor.organisation_id:
        raise ImportNotFound
    require(actor, LabelingPermission.ORDER_VIEW, row)
    return row


def ready_imports(actor: Actor) -> list[Import]:
    """The imports that an order can be made of, newest first."""
    return list(imports(actor).filter(state=ImportState.READY)[:50])


def quarantine(batch: Import) -> QuerySet[QuarantinedRow]:
    """The rows that were left out, in their order."""
    return QuarantinedRow.objects.filter(batch=batch).order_by("id")


def items(batch: Import) -> QuerySet[ImportedItem]:
    """The items of a finished import in their order; of others none, for nothing is certain yet."""
    found = ImportedItem.objects.filter(batch=batch).select_related("batch").order_by("id")
    return found if batch.state == ImportState.READY else found.none()


def quarantine_csv(batch: Import) -> Iterator[str]:
    """The quarantine as a CSV file that can be corrected and imported again.

    It enters the tenant's scope by itself, for it is read after the request that asked for it has ended.
    """
    with tenant_scope(batch.tenant_id):
        names = dict.fromkeys(
            name
            for content in QuarantinedRow.objects.filter(batch=batch).values_list("content", flat=True)[:1_000]
            for name in content
        )
    columns = [*CONTROL_COLUMNS, *names]
    yield _line(columns)
    last: UUID | None = None
    while True:
        with tenant_scope(batch.tenant_id):
            rows = quarantine(batch)
            found = list((rows if last is None else rows.filter(id__gt=last))[:CSV_BATCH])
        if not found:
            return
        last = found[-1].id
        yield "".join(_line(_cells(one, names)) for one in found)


def _cells(one: QuarantinedRow, names: Iterable[str]) -> list[Any]:
    return [one.file, one.row, one.field, one.reason, one.remedy, *(one.content.get(name, "") for name in names)]


def _line(values: list[Any]) -> str:
    target = io.StringIO()
    csv.writer(target).writerow(values)
    return target.getvalue()


def media_of(actor: Actor, media_id: UUID) -> Media:
    """A media file of the actor's organisation. Raises ImportNotFound."""
    row = Media.objects.filter(id=media_id).first()
    if row is None or row.tenant_id != actor.organisation_id:
        raise ImportNotFound
    require(actor, LabelingPermission.ORDER_VIEW, row)
    return row


def media_url(tenant_id: UUID, key: str, content_type: str, seconds: int = MEDIA_URL_SECONDS) -> str:
    """An address that shows a media file until it expires."""
    if not key.startswith(f"{tenant_id}/media/"):
        raise ValueError("not a media file of this organisation")
    return get_storage().signed_url(key, seconds, content_type=content_type)


def with_urls(
    tenant_id: UUID, tasks: Sequence[dict[str, Any]], seconds: int = MEDIA_URL_SECONDS
) -> list[dict[str, Any]]:
    """The data of tasks with a signed `url` in each media value. The caller is in the requester's scope."""
    wanted = {value["media"] for data in tasks for value in data.values() if _is_media(value)}
    if not wanted:
        return list(tasks)
    found = Media.objects.filter(tenant_id=tenant_id, id__in=wanted).values_list("id", "storage_key", "content_type")
    urls = {str(media_id): media_url(tenant_id, key, kind, seconds) for media_id, key, kind in found}

    def shown(value: Any) -> Any:
        return value | {"url": urls[value["media"]]} if _is_media(value) and value["media"] in urls else value

    return [{name: shown(value) for name, value in data.items()} for data in tasks]


def _is_media(value: Any) -> bool:
    return isinstance(value, dict) and "media" in value


def as_json(batch: Import) -> dict[str, Any]:
    """How far an import is, for the API and live pages."""
    return {
        "id": str(batch.id),
        "title": batch.title,
        "state": batch.state,
        "phase": phase_of(batch),
        "problem": batch.problem,
        "percent": batch.permille / 10,
        "items": batch.item_count,
        "quarantined": batch.quarantined,
        "masked_items": batch.masked_count,
        "rows_per_s": batch.rows_per_s,
        "eta_s": batch.eta_s,
        "columns": batch.columns,
        "sources": [{"kind": one["kind"], "name": one["name"], "bytes": one["bytes"]} for one in batch.sources],
        "licence": batch.licence,
        "licence_text": batch.licence_text,
        "source": batch.source,
        "consent": batch.consent,
        "consent_text": batch.consent_text,
        "masking": batch.masking,
        "strict": batch.strict,
        "created_at": batch.created_at,
        "started_at": batch.started_at,
        "finished_at": batch.finished_at,
    }


def phase_of(batch: Import) -> str:
    """What is being done at the moment, in words."""
    if batch.state != ImportState.RUNNING:
        return {ImportState.QUEUED: "waiting for a worker"}.get(ImportState(batch.state), batch.state)
    if batch.at_source >= len(batch.sources):
        return "finishing"
    entry = batch.sources[batch.at_source]
    doing = "reading corrections from" if entry.get("corrects") else "reading, checking and cleaning"
    return f"{doing} {entry['name']}"


def item_json(item: ImportedItem) -> dict[str, Any]:
    """An item, for the API."""
    return {
        "id": str(item.id),
        "row": item.row,
        "file": item.file,
        "external_id": item.external_id,
        "data": item.data,
        "known": item.known,
        "licence": item.licence,
        "source": item.source,
        "consent": item.consent or item.batch.consent_text,
        "has_personal_data": bool(item.originals),
    }


def shown(value: Any) -> str:
    """An item's value in a few words."""
    if isinstance(value, str):
        return value[:200]
    if isinstance(value, dict):
        return f"{value.get('content_type', 'file')}, {value.get('bytes', 0):,} bytes"
    return json.dumps(value, ensure_ascii=False)[:200]
