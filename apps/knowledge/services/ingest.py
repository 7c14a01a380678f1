"""Use case: turn a stored file into searchable passages. Runs outside a transaction, takes up where it was killed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from apps.core import live, vault
from apps.core.errors import DependencyFailed
from apps.core.sealing import Unsealable, unseal
from apps.knowledge.chunking import chunk_blocks, full_text
from apps.knowledge.errors import UnreadableFile
from apps.knowledge.models import Chunk, Document, DocumentText
from apps.knowledge.parsing.process import ParsedFile, parse_file
from apps.knowledge.services.documents import PASSWORD_PURPOSE, discard, note_bytes, topic
from apps.knowledge.services.embedding import EMBEDDING_BATCH, Embedder
from apps.knowledge.services.indexing import remove_chunks, replace_chunks
from apps.knowledge.types import ChunkDraft, DocumentState


def ingest_document(document_id: UUID) -> None:
    """Read, cut and embed a queued document, telling its page of every step.

    A file that cannot be read ends as `failed` with its cause. Repeating the call is harmless: finished documents are
    left alone, and embedding goes on behind the last stored batch.

    Raises:
        DependencyFailed: the runner does not answer; the outbox delivers again later.
    """
    row = Document.objects.filter(id=document_id).first()
    if row is None or row.state == DocumentState.FAILED:
        return
    if row.state == DocumentState.READY:
        _finish(row)  # a worker may have been killed just before it
        return
    if row.state != DocumentState.EMBEDDING:
        _set_state(row, DocumentState.READING)
        try:
            parsed = _read(row)
            drafts = _chunks(parsed)
        except UnreadableFile as error:
            _fail(row, error)
            return
        except vault.VaultLocked:
            _set_cause(row, f"{row.name} waits for the platform's master key. Nothing is lost; it goes on by itself.")
            raise
        if not _store(row, parsed, drafts):
            return
    try:
        _embed(row)
    except DependencyFailed:
        _set_cause(row, f"{row.name} waits for the embedding service, which does not answer. It goes on by itself.")
        raise
    _finish(row)


def _read(row: Document) -> ParsedFile:
    with vault.working_folder() as folder:
        path = Path(folder) / "document"
        try:
            with vault.open_object(row.tenant_id, row.storage_key) as source, path.open("wb") as target:
                shutil.copyfileobj(source, target)
        except FileNotFoundError:
            raise UnreadableFile("file_lost", "The stored file is gone. Remove it and upload it again.") from None
        except vault.Altered as error:
            raise UnreadableFile(error.code, error.message) from None
        return parse_file(path, name=row.name, password=_password(row))


def _password(row: Document) -> str:
    try:
        return unseal(row.tenant_id, PASSWORD_PURPOSE, row.secret).decode() if row.secret else ""
    except Unsealable:
        return ""


def _chunks(parsed: ParsedFile) -> list[ChunkDraft]:
    drafts = chunk_blocks(parsed.blocks)
    if not drafts:
        raise UnreadableFile("no_text", "There is no readable text in the file.")
    return drafts


def _store(row: Document, parsed: ParsedFile, drafts: Sequence[ChunkDraft]) -> bool:
    """Replace the document's chunks; False where the document was removed meanwhile."""
    with transaction.atomic():
        current = Document.objects.select_for_update().filter(id=row.id).first()
        if current is None:
            return False
        text = full_text(parsed.blocks)
        current.text_sha256 = sha256(text.encode()).hexdigest()
        if _says_the_same(current):
            return False
        DocumentText.objects.update_or_create(document=current, defaults={"tenant_id": current.tenant_id, "text": text})
        replace_chunks(current, drafts)
        current.kind, current.pages, current.title = parsed.kind.value, parsed.pages, parsed.title
        current.notes, current.peak_bytes, current.secret = "\n".join(parsed.notes), parsed.peak_bytes, ""
        current.chunk_count, current.embedded_count = len(drafts), 0
        current.state = DocumentState.EMBEDDING
        current.save()
        live.notify(topic(current.knowledge_base_id))
    return True


def _older(row: Document) -> QuerySet[Document]:
    """Earlier versions of something that a source lists; they stay until the new one can be searched."""
    if not row.source_id:
        return Document.objects.none()
    return Document.objects.filter(source_id=row.source_id, external_id=row.external_id, id__lt=row.id)


def _says_the_same(row: Document) -> bool:
    """Where only what people do not see has changed, the document that is there stays and takes the new bytes."""
    old = _older(row).filter(state=DocumentState.READY, text_sha256=row.text_sha256).order_by("-id").first()
    if old is None:
        return False
    new_bytes = {"sha256": row.sha256, "etag": row.etag, "storage_key": row.storage_key, "size_bytes": row.size_bytes}
    key = old.storage_key
    note_bytes(row, -old.size_bytes, "replaced")
    row.delete()
    Document.objects.filter(id=old.id).update(**new_bytes, seen_run=row.seen_run)
    vault.delete(row.tenant_id, key)
    live.notify(topic(row.knowledge_base_id))
    return True


def pending_chunks(chunks: QuerySet[Chunk]) -> Iterator[Chunk]:
    """Passages without a vector, a batch at a time, in reading order."""
    after: tuple[UUID, int] | None = None
    while True:
        rows = chunks.filter(embedding__isnull=True).only(
            "id", "heading", "text", "tenant_id", "document_id", "ordinal"
        )
        if after is not None:
            rows = rows.filter(Q(document_id__gt=after[0]) | Q(document_id=after[0], ordinal__gt=after[1]))
        batch = list(rows.order_by("document_id", "ordinal")[:EMBEDDING_BATCH])
        if not batch:
            return
        after = (batch[-1].document_id, batch[-1].ordinal)
        yield from batch


def _embed(row: Document) -> None:
    def tell(_: Sequence[UUID]) -> None:
        live.notify(topic(row.knowledge_base_id))

    with Embedder(tell) as embedder:
        embedder.feed(pending_chunks(Chunk.objects.filter(document_id=row.id)))


def _finish(row: Document) -> None:
    with transaction.atomic():
        done = Document.objects.filter(id=row.id, state__in=[DocumentState.EMBEDDING, DocumentState.READY])
        if not done.update(state=DocumentState.READY, cause="", embedded_count=F("chunk_count")):
            return
        for older in _older(row):
            discard(older)
        live.notify(topic(row.knowledge_base_id))


def _fail(row: Document, error: UnreadableFile) -> None:
    with transaction.atomic():
        remove_chunks(row)
        DocumentText.objects.filter(document_id=row.id).delete()
        Document.objects.filter(id=row.id).update(
            state=DocumentState.FAILED,
            cause=f"{row.name}: {error.message}",
            cause_code=error.code,
            peak_bytes=error.context.get("peak_bytes", 0),
            secret="",
            chunk_count=0,
            embedded_count=0,
        )
        live.notify(topic(row.knowledge_base_id))


def _set_state(row: Document, state: DocumentState) -> None:
    with transaction.atomic():
        Document.objects.filter(id=row.id).update(state=state, cause="")
        live.notify(topic(row.knowledge_base_id))


def _set_cause(row: Document, cause: str) -> None:
    with transaction.atomic():
        Document.objects.filter(id=row.id).update(cause=cause)
        live.notify(topic(row.knowledge_base_id))
