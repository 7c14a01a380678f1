"""Starting, correcting, cancelling, retrying and removing imports; `import_run` does the work."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import IO, Any
from uuid import UUID

from django.db import transaction

from apps.core import outbox
from apps.core.errors import Conflict, FieldProblem, InvalidInput
from apps.core.ids import uuid7
from apps.core.live import notify
from apps.core.sealing import seal
from apps.core.storage import get_storage
from apps.labeling.errors import ImportNotFound
from apps.labeling.events import ImportQueued
from apps.labeling.import_models import Import, ImportedItem, QuarantinedRow
from apps.labeling.import_types import MAX_TITLE, MAX_UPLOAD_BYTES, MAX_URLS, ImportState, SourceKind
from apps.labeling.imports.licences import check_rights
from apps.labeling.imports.masking import DEFAULT_PHONE_REGIONS
from apps.labeling.policies import require
from apps.labeling.types import LabelingPermission
from apps.tenancy import limits
from apps.tenancy.limits import Limit
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

BUCKET_KEYS = "labeling.import"
S3_FIELDS = ("bucket", "prefix", "region", "endpoint", "access_key", "secret_key", "session_token")


def create_import(
    *,
    actor: Actor,
    licence: str,
    source: str,
    consent: bool | None,
    consent_text: str,
    licence_text: str = "",
    title: str = "",
    file: IO[bytes] | None = None,
    filename: str = "",
    urls: Sequence[str] = (),
    s3: Mapping[str, str] | None = None,
    masking: bool = True,
    phone_regions: Sequence[str] = DEFAULT_PHONE_REGIONS,
    strict: bool = False,
) -> Import:
    """Queue an import of one file, list of addresses or bucket; a worker reads it.

    Args:
        licence: an SPDX id, "own" with `licence_text`, or "by-row" where each row has a column `licence`.
        source: where the items come from, in words.
        consent: whether the people in the items agreed; `consent_text` says how, or why nobody has to.
        file: CSV, JSONL, Parquet, a zip of media, or a list of addresses where its name ends in `.urls.txt`.
        s3: bucket, and where needed prefix, region, endpoint, access_key, secret_key, session_token. Keys are kept
            sealed until the import has ended.
        masking: replace personal data by placeholders; may only be left off where consent was given.
        phone_regions: countries whose national phone numbers are looked for.
        strict: import nothing where any row is bad.

    Raises:
        InvalidInput: `unlicensed_import`, or `invalid_import` naming the fields.
        DomainError: `quota_exceeded`.
    """
    require(actor, LabelingPermission.ORDER_CREATE)
    rights = check_rights(
        licence=licence, licence_text=licence_text, source=source, consent=consent, consent_text=consent_text
    )
    regions = [region.strip().upper() for region in phone_regions if region.strip()]
    _check(title, regions, has_sources=[file is not None, bool(urls), s3 is not None], urls=urls, s3=s3)
    if not masking and not rights.consent:
        raise _invalid("masking", "Personal data can only be left in where the people in the items agreed.")
    if file is not None:
        entry = _store(actor, file, filename or "upload")
    elif urls:
        entry = _store_urls(actor, urls)
    else:
        entry = _s3_entry(s3 or {})
    with transaction.atomic():
        batch = Import.objects.create(
            tenant_id=actor.organisation_id,
            title=title.strip() or entry["name"][:MAX_TITLE],
            sources=[entry],
            secret=_sealed(actor, s3),
            licence=rights.licence,
            licence_text=rights.licence_text,
            source=rights.source,
            consent=rights.consent,
            consent_text=rights.consent_text,
            masking=masking,
            phone_regions=regions,
            strict=strict,
        )
        _note_bytes(batch, entry, 1)
        record_audit(
            actor,
            action="import.queued",
            target_type="import",
            target_id=batch.id,
            detail={"licence": rights.licence, "source": rights.source[:200], "name": entry["name"]},
        )
        queue(batch)
    return batch


def correct_import(*, actor: Actor, import_id: UUID, file: IO[bytes], filename: str) -> Import:
    """Add a corrected file, such as the downloaded quarantine list: its rows replace the quarantined ones they name.

    Raises:
        ImportNotFound
        Conflict: `import_busy`, or `import_not_ready` where there is nothing yet to be corrected.
    """
    require(actor, LabelingPermission.ORDER_CREATE)
    _own(actor, import_id)
    entry = _store(actor, file, filename or "corrections")
    with transaction.atomic():
        batch = _locked(actor, import_id)
        if batch.state != ImportState.READY:
            get_storage().delete(entry["key"])
            raise _wrong_state(batch, "ready")
        entry |= {"corrects": True, "items_before": batch.item_count}
        batch.sources = [*batch.sources, entry]
        batch.at_source, batch.at_member, batch.at_index = len(batch.sources) - 1, 0, 0
        _note_bytes(batch, entry, 1)
        record_audit(
            actor,
            action="import.corrected",
            target_type="import",
            target_id=batch.id,
            detail={"name": entry["name"]},
        )
        queue(batch)
    return batch


@transaction.atomic
def cancel_import(*, actor: Actor, import_id: UUID) -> Import:
    """Stop an import; only the upload is kept, so that it can be retried. Cancelling twice changes nothing.

    A correction that is cancelled leaves the import with the items that it had before.
    """
    require(actor, LabelingPermission.ORDER_CREATE)
    batch = _locked(actor, import_id)
    if batch.state == ImportState.CANCELLED:
        return batch
    if not ImportState(batch.state).is_open:
        raise _wrong_state(batch, "queued or running")
    stop(batch, ImportState.CANCELLED, "")
    record_audit(actor, action="import.cancelled", target_type="import", target_id=batch.id)
    return batch


@transaction.atomic
def retry_import(*, actor: Actor, import_id: UUID) -> Import:
    """Read a failed or cancelled import once more, from its start.

    Raises Conflict where it neither failed nor was cancelled.
    """
    require(actor, LabelingPermission.ORDER_CREATE)
    batch = _locked(actor, import_id)
    if ImportState(batch.state).is_open:
        return batch
    if batch.state == ImportState.READY:
        raise _wrong_state(batch, "failed or cancelled")
    QuarantinedRow.objects.filter(batch=batch).delete()
    batch.quarantined = 0
    queue(batch)
    record_audit(actor, action="import.retried", target_type="import", target_id=batch.id)
    return batch


@transaction.atomic
def remove_import(*, actor: Actor, import_id: UUID) -> None:
    """Delete an import with its items, quarantine and upload. Orders made of it keep their own copies."""
    require(actor, LabelingPermission.ORDER_CANCEL)
    batch = _locked(actor, import_id)
    if ImportState(batch.state).is_open:
        raise _wrong_state(batch, "not running; cancel it first")
    forget_sources(batch)
    record_audit(
        actor, action="import.removed", target_type="import", target_id=batch.id, detail={"title": batch.title}
    )
    batch.delete()


# -- For the worker too; the caller has locked the row.


def queue(batch: Import) -> None:
    """Have a worker go on with an import."""
    batch.state, batch.problem, batch.eta_s, batch.finished_at = ImportState.QUEUED, "", None, None
    batch.save()
    outbox.publish(ImportQueued(import_id=batch.id), tenant_id=batch.tenant_id)
    notify(topic(batch.id), {"state": batch.state})


def stop(batch: Import, state: ImportState, problem: str) -> None:
    """End an import without its items; a correction ends with those from before it."""
    entry = batch.sources[-1]
    first = entry["items_before"] if entry.get("corrects") else 0
    ImportedItem.objects.filter(batch=batch, ordinal__gte=first).delete()
    batch.item_count = first
    if entry.get("corrects"):
        batch.at_source, batch.permille = len(batch.sources), 1000
        batch.state, batch.problem = ImportState.READY, problem or "The correction was cancelled."
        forget_sources(batch)
    else:
        batch.masked_count = batch.permille = batch.at_source = batch.at_member = batch.at_index = 0
        batch.state, batch.problem = state, problem
    batch.eta_s = None
    batch.save()
    notify(topic(batch.id), {"state": batch.state})


def forget_sources(batch: Import) -> None:
    """Delete what was uploaded and the keys of a bucket; personal data is in them unmasked."""
    storage = get_storage()
    for entry in batch.sources:
        key = entry.pop("key", "")
        if key:
            _note_bytes(batch, entry, -1)
            transaction.on_commit(lambda key=key: storage.delete(key), robust=True)  # type: ignore[misc]  # a bound default
    batch.secret = ""


def topic(import_id: UUID) -> str:
    """The live topic of an import."""
    return f"import:{import_id}"


# -- Inside


def _own(actor: Actor, import_id: UUID) -> Import:
    batch = Import.objects.filter(id=import_id).first()
    if batch is None or batch.tenant_id != actor.organisation_id:
        raise ImportNotFound
    return batch


def _locked(actor: Actor, import_id: UUID) -> Import:
    batch = Import.objects.select_for_update(no_key=True).filter(id=import_id).first()
    if batch is None or batch.tenant_id != actor.organisation_id:
        raise ImportNotFound
    return batch


def _wrong_state(batch: Import, wanted: str) -> Conflict:
    return Conflict(
        "wrong_import_state", f"The import is {batch.state}; this needs one that is {wanted}.", state=batch.state
    )


def _invalid(field: str, message: str) -> InvalidInput:
    return InvalidInput("invalid_import", message, errors=[{"field": field, "message": message}])


def _check(
    title: str,
    regions: Sequence[str],
    *,
    has_sources: Sequence[bool],
    urls: Sequence[str],
    s3: Mapping[str, str] | None,
) -> None:
    problems: list[FieldProblem] = []
    if len(title.strip()) > MAX_TITLE or "\x00" in title:
        problems.append({"field": "title", "message": f"The title has at most {MAX_TITLE} characters."})
    if sum(has_sources) != 1:
        problems.append({"field": "file", "message": "Give one of a file, addresses (urls) or a bucket (s3)."})
    if len(urls) > MAX_URLS:
        problems.append({"field": "urls", "message": f"At most {MAX_URLS:,} addresses; import the rest on their own."})
    if len(regions) > 10 or any(len(region) != 2 or not region.isalpha() for region in regions):
        problems.append({"field": "phone_regions", "message": "Give up to 10 countries by two letters, such as US."})
    if s3 is not None:
        problems += _s3_problems(s3)
    if problems:
        message = " ".join(problem["message"] for problem in problems[:3])
        raise InvalidInput("invalid_import", message, errors=problems)


def _s3_problems(s3: Mapping[str, str]) -> list[FieldProblem]:
    found: list[FieldProblem] = []
    if not s3.get("bucket", "").strip():
        found.append({"field": "s3.bucket", "message": "Name the bucket."})
    if bool(s3.get("access_key")) != bool(s3.get("secret_key")):
        found.append({"field": "s3.secret_key", "message": "Give both keys, or none for a public bucket."})
    if s3.get("endpoint") and not s3["endpoint"].startswith(("https://", "http://")):
        found.append({"field": "s3.endpoint", "message": "The endpoint begins with https://."})
    unknown = set(s3) - set(S3_FIELDS)
    if unknown or any(len(value) > 2_000 or "\x00" in value for value in s3.values()):
        found.append({"field": "s3", "message": f"The parts are {', '.join(S3_FIELDS)}."})
    return found


def _store(actor: Actor, file: IO[bytes], filename: str) -> dict[str, Any]:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if not size:
        raise _invalid("file", "The file is empty.")
    if size > MAX_UPLOAD_BYTES:
        raise _invalid("file", f"The file has more than {MAX_UPLOAD_BYTES // 1024**3} GB. Split it.")
    limits.require_room(organisation_id=actor.organisation_id, limit=Limit.STORAGE_BYTES, wanted=size)
    name = "".join(part for part in filename.replace("\\", "/").rpartition("/")[2] if part.isprintable())[-200:]
    key = f"{actor.organisation_id}/imports/{uuid7()}"
    get_storage().put(key, file)
    is_list = name.lower().endswith(".urls.txt")
    kind = SourceKind.URLS if is_list else SourceKind.UPLOAD
    return {"kind": kind, "name": name or "upload", "key": key, "bytes": size, "id": str(uuid7())}


def _store_urls(actor: Actor, urls: Sequence[str]) -> dict[str, Any]:
    # One address a line of JSONL: whatever stands in it, it stays one row.
    lines = "".join(json.dumps({"url": url}) + "\n" for url in urls).encode()
    key = f"{actor.organisation_id}/imports/{uuid7()}"
    get_storage().put(key, lines)
    name = f"{len(urls):,} addresses"
    return {"kind": SourceKind.URLS, "name": name, "key": key, "bytes": len(lines), "id": str(uuid7())}


def _s3_entry(s3: Mapping[str, str]) -> dict[str, Any]:
    name = f"s3://{s3.get('bucket', '')}/{s3.get('prefix', '')}"
    return {"kind": SourceKind.S3, "name": name, "bytes": 0, "id": str(uuid7())}


def _sealed(actor: Actor, s3: Mapping[str, str] | None) -> str:
    if s3 is None:
        return ""
    place = {name: s3.get(name, "").strip() for name in S3_FIELDS}
    return seal(actor.organisation_id, BUCKET_KEYS, json.dumps(place).encode())


def _note_bytes(batch: Import, entry: Mapping[str, Any], sign: int) -> None:
    key = f"import-{'added' if sign > 0 else 'removed'}:{entry['id']}"
    limits.note_usage(
        organisation_id=batch.tenant_id, limit=Limit.STORAGE_BYTES, amount=sign * int(entry["bytes"]), key=key
    )
