"""Use cases: correct a passage by hand, keep it out of every search, take it back in."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from apps.compute import runner
from apps.core import live
from apps.core.errors import Conflict, InvalidInput
from apps.knowledge.chunking import estimate_tokens
from apps.knowledge.models import Chunk, ChunkEdit, Document
from apps.knowledge.selectors.passages import get_chunk
from apps.knowledge.services.documents import topic
from apps.knowledge.services.indexing import renew_chunk
from apps.knowledge.types import ChunkChange, DocumentState, KnowledgePermission
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

MAX_CHUNK_LETTERS = 4000


def edit_chunk(*, actor: Actor, chunk_id: UUID, text: str, based_on: str | None = None) -> None:
    """Replace a passage's text and embed it anew; what it was is kept in its history. Not inside a transaction.

    Args:
        based_on: the text that was edited; None replaces whatever is there.

    Raises:
        NotFound: the passage is not the actor's.
        InvalidInput: the text is empty or too long.
        Conflict: it is another by now, or the document is still being read.
        DependencyFailed: the runner does not answer; nothing is changed then.
    """
    clean = text.replace("\x00", "").replace("\r\n", "\n").strip()
    if not clean or len(clean) > MAX_CHUNK_LETTERS:
        message = f"Write 1 to {MAX_CHUNK_LETTERS:,} characters. To take a passage out of the search, exclude it."
        raise InvalidInput("invalid_passage", message, errors=[{"field": "text", "message": message}])
    with transaction.atomic():
        row = get_chunk(actor, chunk_id, KnowledgePermission.EDIT)
        heading, is_excluded = row.heading, row.is_excluded
    vector = None if is_excluded else _embedded(heading, clean)
    with transaction.atomic():
        row = _locked(actor, chunk_id)
        if based_on is not None and row.text != based_on.replace("\r\n", "\n"):
            raise Conflict("changed_meanwhile", "Somebody else has changed this passage since you opened it.")
        if row.text == clean:
            return
        before, row.text, row.tokens = row.text, clean, estimate_tokens(clean)
        renew_chunk(row)
        if not row.is_excluded:
            Chunk.objects.filter(id=row.id).update(embedding=vector)
        _note(actor, row, ChunkChange.TEXT, before)


def set_chunk_excluded(*, actor: Actor, chunk_id: UUID, is_excluded: bool) -> None:
    """Keep a passage out of every search, or take it back in. Not inside a transaction.

    Raises:
        NotFound: the passage is not the actor's.
        Conflict: the document is still being read.
        DependencyFailed: the runner does not answer; nothing is changed then.
    """
    with transaction.atomic():
        row = get_chunk(actor, chunk_id, KnowledgePermission.EDIT)
        heading, text = row.heading, row.text
    vector = None if is_excluded else _embedded(heading, text)
    with transaction.atomic():
        row = _locked(actor, chunk_id)
        if row.is_excluded == is_excluded:
            return
        if row.text != text:
            raise Conflict("changed_meanwhile", "Somebody else has changed this passage since you opened it.")
        row.is_excluded = is_excluded
        # No search looks at a passage without an embedding.
        row.embedding = vector
        row.save(update_fields=["is_excluded", "embedding"])
        _note(actor, row, ChunkChange.EXCLUDED if is_excluded else ChunkChange.INCLUDED)


def _embedded(heading: str, text: str) -> Sequence[float]:
    return runner.embed([f"{heading}\n{text}" if heading else text])[0]


def _locked(actor: Actor, chunk_id: UUID) -> Chunk:
    row = get_chunk(actor, chunk_id, KnowledgePermission.EDIT)
    document = Document.objects.select_for_update().get(id=row.document_id)
    if document.state != DocumentState.READY:
        raise Conflict("document_not_ready", f"{document.name} is still being read. Wait until it is ready.")
    locked = Chunk.objects.select_for_update().get(id=chunk_id)
    locked.document = document
    return locked


def _note(actor: Actor, row: Chunk, change: ChunkChange, before: str = "") -> None:
    ChunkEdit.objects.create(tenant_id=row.tenant_id, chunk=row, change=change, before=before, user_id=actor.user_id)
    record_audit(
        actor,
        action=f"passage.{'edited' if change is ChunkChange.TEXT else change}",
        target_type="document",
        target_id=row.document_id,
        detail={"passage": row.ordinal + 1},
    )
    live.notify(topic(row.knowledge_base_id))
