"""Use cases: add, retry and remove documents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from apps.core import live, outbox, vault
from apps.core.errors import Conflict, FieldProblem, InvalidInput, NotFound
from apps.core.ids import uuid7
from apps.core.sealing import seal
from apps.knowledge.errors import FileTooLarge
from apps.knowledge.events import DocumentQueued, DocumentsRemoved
from apps.knowledge.models import Document, KnowledgeBase
from apps.knowledge.selectors.bases import document_info, get_base, get_document
from apps.knowledge.services.indexing import remove_chunks
from apps.knowledge.types import (
    MAX_DOCUMENT_BYTES,
    MAX_DOCUMENTS_PER_UPLOAD,
    AddedDocument,
    DocumentInfo,
    DocumentState,
    KnowledgePermission,
)
from apps.tenancy import limits
from apps.tenancy.limits import Limit
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

PASSWORD_PURPOSE = "document-password"  # noqa: S105  # what it is sealed for, no password
_READ_BYTES = 1 << 20
_MEGABYTE = 1024 * 1024
_TOLD_AT_ONCE = 100


@dataclass(frozen=True)
class Upload:
    """A file as it came in: the name the user gave it, its size in bytes and its content."""

    name: str
    size: int
    content: IO[bytes]


def uploads(files: Sequence[UploadedFile[Any]]) -> list[Upload]:
    """Django's uploaded files as `add_documents` takes them."""
    return [Upload(name=file.name or "document", size=file.size or 0, content=file) for file in files]


def topic(knowledge_base_id: UUID) -> str:
    """The live topic of a knowledge base."""
    return f"knowledge-base:{knowledge_base_id}"


def add_documents(*, actor: Actor, knowledge_base_id: UUID, files: Sequence[Upload]) -> list[AddedDocument]:
    """Store files and queue them for reading. All are checked before the first is stored.

    The same bytes are kept once a knowledge base: adding them again returns the document that is there, and reads it
    once more if it had failed. Whether a file is readable is found while it is read; the document then says so.

    Raises:
        NotFound: the knowledge base is not the actor's.
        FileTooLarge: a file is above 20 MB.
        InvalidInput: there are no files, or too many at once.
        DomainError: `quota_exceeded`: the organisation's plan has no room for them.
    """
    with transaction.atomic():
        base = get_base(actor, knowledge_base_id, KnowledgePermission.UPLOAD)
    _check(files)
    wanted = sum(file.size for file in files)
    limits.require_room(organisation_id=actor.organisation_id, limit=Limit.STORAGE_BYTES, wanted=wanted)
    return [_add(actor, base, file) for file in files]


def retry_document(*, actor: Actor, document_id: UUID, password: str = "") -> DocumentInfo:
    """Read a document once more from its stored bytes.

    Args:
        password: opens the file where it is protected; kept sealed until the file was read, then forgotten.

    Raises:
        NotFound: it is not the actor's.
        Conflict: it is ready already.
    """
    with transaction.atomic():
        row = _locked(actor, document_id, KnowledgePermission.UPLOAD)
        if row.state == DocumentState.READY:
            raise Conflict("document_ready", f"{row.name} is ready; there is nothing to retry.")
        row.secret = seal(row.tenant_id, PASSWORD_PURPOSE, password.encode()) if password else ""
        queue_document(row)
    return document_info(row)


def remove_document(*, actor: Actor, document_id: UUID) -> None:
    """Delete a document with its passages, embeddings and stored bytes.

    Raises:
        NotFound: it is not the actor's.
    """
    with transaction.atomic():
        row = _locked(actor, document_id, KnowledgePermission.REMOVE)
        record_audit(
            actor,
            action="document.removed",
            target_type="document",
            target_id=row.id,
            detail={"name": row.name, "sha256": row.sha256},
        )
        live.notify(topic(row.knowledge_base_id))
        tell_removed(row.knowledge_base_id, [row.id])
        discard(row)


def tell_removed(knowledge_base_id: UUID, document_ids: Iterable[UUID]) -> None:
    """Publish that documents are deleted, in the transaction that does so; not where a newer version replaces one."""
    ids = [str(document_id) for document_id in document_ids]
    for first in range(0, len(ids), _TOLD_AT_ONCE):
        outbox.publish(DocumentsRemoved(knowledge_base_id, ids[first : first + _TOLD_AT_ONCE]))


def discard(row: Document) -> None:
    """Delete a document with its passages and its stored bytes, in the caller's transaction."""
    key = row.storage_key
    if key:
        note_bytes(row, -row.size_bytes, "removed")
        vault.delete(row.tenant_id, key)
    remove_chunks(row)
    row.delete()


def discard_records(documents: QuerySet[Document]) -> int:
    """Delete documents that have no file of their own, with their passages. Returns how many."""
    rows = list(documents)
    for row in rows:
        remove_chunks(row)
        row.delete()
    return len(rows)


def _check(files: Sequence[Upload]) -> None:
    if not files:
        message = "Choose at least one file."
        raise InvalidInput("no_files", message, errors=[{"field": "files", "message": message}])
    if len(files) > MAX_DOCUMENTS_PER_UPLOAD:
        message = f"Upload at most {MAX_DOCUMENTS_PER_UPLOAD} files at once."
        raise InvalidInput("too_many_files", message, errors=[{"field": "files", "message": message}])
    limit = MAX_DOCUMENT_BYTES // _MEGABYTE
    problems: list[FieldProblem] = [
        {
            "field": "files",
            "file": file_name(file.name),
            "message": f"{file_name(file.name)} has {file.size / _MEGABYTE:.1f} MB, more than {limit} MB. Split it.",
        }
        for file in files
        if file.size > MAX_DOCUMENT_BYTES
    ]
    if problems:
        raise FileTooLarge("file_too_large", str(problems[0]["message"]), errors=problems)


def file_name(raw: str) -> str:
    """The last part of a client's file name, without controls, at most 255 characters."""
    name = PurePosixPath(raw.replace("\\", "/")).name
    clean = "".join(character for character in name if character.isprintable()).strip()
    return clean[-255:] or "document"


def _add(actor: Actor, base: KnowledgeBase, file: Upload) -> AddedDocument:
    sha256 = _digest(file.content)
    known = _known(base, sha256)
    if known is not None:
        return known
    document_id = uuid7()
    key = f"{actor.organisation_id}/knowledge/{base.id}/{document_id}"
    stored = vault.put(actor.organisation_id, key, file.content)
    try:
        with transaction.atomic():
            row = Document.objects.create(
                id=document_id,
                tenant_id=actor.organisation_id,
                knowledge_base=base,
                uploader_id=actor.organisation_id,
                name=file_name(file.name),
                storage_key=key,
                size_bytes=stored.size,
                sha256=sha256,
            )
            vault.keep(actor.organisation_id, key)
            record_audit(
                actor,
                action="document.added",
                target_type="document",
                target_id=row.id,
                detail={"name": row.name, "sha256": sha256},
            )
            note_bytes(row, row.size_bytes, "added")
            queue_document(row)
    except IntegrityError:
        # Somebody added the same bytes at the same moment.
        vault.delete(actor.organisation_id, key)
        known = _known(base, sha256)
        if known is None:
            raise
        return known
    return AddedDocument(document_info(row), is_new=True)


def _known(base: KnowledgeBase, sha256: str) -> AddedDocument | None:
    with transaction.atomic():
        row = Document.objects.select_for_update().filter(knowledge_base=base, sha256=sha256).first()
        if row is None:
            return None
        if row.state == DocumentState.FAILED:
            queue_document(row)
        return AddedDocument(document_info(row), is_new=False)


def note_bytes(row: Document, amount: int, what: str) -> None:
    """Count bytes that the organisation keeps, once for each document and what happened to it."""
    key = f"document-{what}:{row.id}"
    limits.note_usage(organisation_id=row.tenant_id, limit=Limit.STORAGE_BYTES, amount=amount, key=key)


def _digest(content: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while part := content.read(_READ_BYTES):
        digest.update(part)
    content.seek(0)
    return digest.hexdigest()


def queue_document(row: Document) -> None:
    """Have a locked or new document read, in the caller's transaction."""
    row.state, row.cause, row.cause_code, row.notes = DocumentState.QUEUED, "", "", ""
    row.save(update_fields=["state", "cause", "cause_code", "notes", "secret", "updated_at"])
    outbox.publish(DocumentQueued(document_id=row.id), tenant_id=row.tenant_id)
    live.notify(topic(row.knowledge_base_id))


def _locked(actor: Actor, document_id: UUID, permission: KnowledgePermission) -> Document:
    get_document(actor, document_id, permission)
    row = Document.objects.select_for_update().filter(id=document_id).first()
    if row is None:  # removed by another request since it was found
        raise NotFound("document_not_found", "There is no such document.")
    return row
