"""Use cases: add a source, sync it now or on a schedule, remove it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from django.db import transaction

from apps.core import clock, live, outbox, vault
from apps.core.errors import Conflict, InvalidInput, NotFound
from apps.core.ids import uuid7
from apps.core.sealing import seal
from apps.core.tenant import all_tenants, tenant_scope
from apps.knowledge.events import SourceQueued
from apps.knowledge.models import Document, Source
from apps.knowledge.selectors.bases import get_base
from apps.knowledge.selectors.sources import get_source, source_info
from apps.knowledge.services.documents import Upload, discard_records, file_name, remove_document, tell_removed, topic
from apps.knowledge.types import (
    MAX_RECORDS_BYTES,
    KnowledgePermission,
    SourceInfo,
    SourceKind,
    SourceState,
    SyncSchedule,
)
from apps.tenancy import limits
from apps.tenancy.limits import Limit
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

KEYS_PURPOSE = "source-keys"
MAX_ADDRESSES = 1_000
MAX_SOURCES = 100
_DUE_AT_ONCE = 100


def add_records(*, actor: Actor, knowledge_base_id: UUID, file: Upload) -> SourceInfo:
    """Store a file of records (JSON lines, or CSV with a column `text`) and queue it: each row becomes a document.

    `_id` or `id`, `title`, `text` and `metadata` of a row are the document's; other columns are metadata too.

    Raises:
        NotFound: the knowledge base is not the actor's.
        InvalidInput: the file is empty or too large.
        DomainError: `quota_exceeded`: the organisation's plan has no room for it.
    """
    with transaction.atomic():
        base = get_base(actor, knowledge_base_id, KnowledgePermission.UPLOAD)
    if not 0 < file.size <= MAX_RECORDS_BYTES:
        message = f"The file has {file.size:,} bytes; a file of records has 1 to {MAX_RECORDS_BYTES:,}."
        raise InvalidInput("invalid_file", message, errors=[{"field": "file", "message": message}])
    limits.require_room(organisation_id=actor.organisation_id, limit=Limit.STORAGE_BYTES, wanted=file.size)
    source_id = uuid7()
    key = f"{actor.organisation_id}/knowledge/{base.id}/records/{source_id}"
    stored = vault.put(actor.organisation_id, key, file.content)
    with transaction.atomic():
        row = Source.objects.create(
            id=source_id,
            tenant_id=actor.organisation_id,
            knowledge_base=base,
            kind=SourceKind.RECORDS,
            name=file_name(file.name),
            storage_key=stored.key,
            size_bytes=stored.size,
        )
        vault.keep(actor.organisation_id, key)
        _note_bytes(row, row.size_bytes, "added")
        _added(actor, row)
    return source_info(row)


def add_pages(
    *,
    actor: Actor,
    knowledge_base_id: UUID,
    addresses: Sequence[str],
    kind: SourceKind = SourceKind.PAGES,
    schedule: SyncSchedule = SyncSchedule.NEVER,
) -> SourceInfo:
    """Take web pages, or (kind `sitemap`) the pages that a sitemap lists, now and on a schedule.

    Raises:
        NotFound: the knowledge base is not the actor's.
        InvalidInput: no address, too many, or one that is no http(s) address.
    """
    cleaned = list(dict.fromkeys(address.strip() for address in addresses if address.strip()))
    most = 1 if kind is SourceKind.SITEMAP else MAX_ADDRESSES
    if not 0 < len(cleaned) <= most:
        raise _invalid("addresses", f"Give 1 to {most:,} addresses, one a line.")
    for address in cleaned:
        if not _is_web_address(address):
            raise _invalid("addresses", f"“{address[:200]}” is no http:// or https:// address.")
    name = cleaned[0] if len(cleaned) == 1 else f"{urlsplit(cleaned[0]).hostname} and others ({len(cleaned)} pages)"
    return _add(actor, knowledge_base_id, Source(kind=kind, name=name[:255], addresses=cleaned, schedule=schedule))


def add_bucket(
    *,
    actor: Actor,
    knowledge_base_id: UUID,
    bucket: str,
    prefix: str = "",
    region: str = "us-east-1",
    endpoint: str = "",
    access_key: str = "",
    secret_key: str = "",
    schedule: SyncSchedule = SyncSchedule.NEVER,
) -> SourceInfo:
    """Take every object under a prefix of an S3 bucket; without keys the bucket must be public. Keys are kept sealed.

    Raises:
        NotFound: the knowledge base is not the actor's.
        InvalidInput: no bucket, or an endpoint that is no http(s) address.
    """
    if not bucket.strip():
        raise _invalid("bucket", "Name the bucket.")
    if endpoint and not _is_web_address(endpoint):
        raise _invalid("endpoint", "The endpoint is no http:// or https:// address.")
    address = f"s3://{bucket.strip()}/{prefix}"
    keys = json.dumps([access_key, secret_key]).encode()
    row = Source(
        kind=SourceKind.BUCKET,
        name=address[:255],
        addresses=[address],
        settings={"bucket": bucket.strip(), "prefix": prefix, "region": region or "us-east-1", "endpoint": endpoint},
        secret=seal(actor.organisation_id, KEYS_PURPOSE, keys) if access_key else "",
        schedule=schedule,
    )
    return _add(actor, knowledge_base_id, row)


def sync_now(*, actor: Actor, source_id: UUID) -> SourceInfo:
    """Look at a source again, also at what failed before.

    Raises:
        NotFound: it is not the actor's.
        Conflict: a sync is on its way.
    """
    with transaction.atomic():
        row = _locked(actor, source_id, KnowledgePermission.UPLOAD)
        if row.state in (SourceState.QUEUED, SourceState.SYNCING):
            raise Conflict("source_busy", f"{row.name} is being read already.")
        queue_source(row)
    return source_info(row)


def set_schedule(*, actor: Actor, source_id: UUID, schedule: SyncSchedule) -> SourceInfo:
    """Say how often a source is looked at.

    Raises:
        NotFound: it is not the actor's.
        InvalidInput: a file of records has no schedule.
    """
    with transaction.atomic():
        row = _locked(actor, source_id, KnowledgePermission.UPLOAD)
        if row.kind == SourceKind.RECORDS:
            raise _invalid("schedule", "A file of records is read once. Upload a new one instead.")
        row.schedule, row.next_sync_at = schedule, None
        if schedule.seconds:
            row.next_sync_at = clock.now() + timedelta(seconds=schedule.seconds)
        row.save(update_fields=["schedule", "next_sync_at", "updated_at"])
        live.notify(topic(row.knowledge_base_id))
    return source_info(row)


def remove_source(*, actor: Actor, source_id: UUID) -> None:
    """Delete a source with all documents that came from it.

    Raises:
        NotFound: it is not the actor's.
    """
    with transaction.atomic():
        row = _locked(actor, source_id, KnowledgePermission.REMOVE)
        key, base_id = row.storage_key, row.knowledge_base_id
        mine = Document.objects.filter(source=row)
        for document_id in mine.exclude(storage_key="").values_list("id", flat=True):
            remove_document(actor=actor, document_id=document_id)
        tell_removed(base_id, mine.filter(storage_key="").values_list("id", flat=True))
        discard_records(mine.filter(storage_key=""))
        detail = {"name": row.name, "kind": row.kind}
        record_audit(actor, action="source.removed", target_type="source", target_id=row.id, detail=detail)
        if key:
            _note_bytes(row, -row.size_bytes, "removed")
            vault.delete(row.tenant_id, key)
        row.delete()
        live.notify(topic(base_id))


def queue_due_sources() -> int:
    """Queue the sources whose time has come; beat calls it. Returns how many."""
    due = {"next_sync_at__lte": clock.now(), "state__in": [SourceState.SYNCED, SourceState.FAILED]}
    with all_tenants(reason="the schedule serves every organisation"), transaction.atomic():
        rows = list(Source.objects.select_for_update(skip_locked=True).filter(**due).order_by("id")[:_DUE_AT_ONCE])
        for row in rows:
            with tenant_scope(row.tenant_id):
                queue_source(row)
    return len(rows)


def queue_source(row: Source) -> None:
    """Start the next run of a locked source."""
    row.state, row.cause, row.run = SourceState.QUEUED, "", row.run + 1
    row.total = row.done = 0
    seconds = SyncSchedule(row.schedule).seconds
    row.next_sync_at = clock.now() + timedelta(seconds=seconds) if seconds else None
    row.save(update_fields=["state", "cause", "run", "total", "done", "next_sync_at", "updated_at"])
    outbox.publish(SourceQueued(source_id=row.id, run=row.run), tenant_id=row.tenant_id)
    live.notify(topic(row.knowledge_base_id))


def _add(actor: Actor, knowledge_base_id: UUID, row: Source) -> SourceInfo:
    with transaction.atomic():
        base = get_base(actor, knowledge_base_id, KnowledgePermission.UPLOAD)
        if Source.objects.filter(knowledge_base=base).count() >= MAX_SOURCES:
            raise Conflict("too_many_sources", f"{base.name} has {MAX_SOURCES} sources already. Remove one first.")
        row.tenant_id, row.knowledge_base = actor.organisation_id, base
        row.save(force_insert=True)
        _added(actor, row)
    return source_info(row)


def _added(actor: Actor, row: Source) -> None:
    detail = {"name": row.name, "kind": row.kind}
    record_audit(actor, action="source.added", target_type="source", target_id=row.id, detail=detail)
    queue_source(row)


def _locked(actor: Actor, source_id: UUID, permission: KnowledgePermission) -> Source:
    get_source(actor, source_id, permission)
    row = Source.objects.select_for_update().filter(id=source_id).first()
    if row is None:  # removed by another request since it was found
        raise NotFound("source_not_found", "There is no such source.")
    return row


def _note_bytes(row: Source, amount: int, what: str) -> None:
    key = f"source-{what}:{row.id}"
    limits.note_usage(organisation_id=row.tenant_id, limit=Limit.STORAGE_BYTES, amount=amount, key=key)


def _is_web_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and len(address) <= 2000 and address.isprintable()


def _invalid(field: str, message: str) -> InvalidInput:
    return InvalidInput("invalid_source", message, errors=[{"field": field, "message": message}])
