"""The passages of a document as their editor shows them."""

from __future__ import annotations

from uuid import UUID

from apps.accounts.selectors import names_of
from apps.core.errors import NotFound
from apps.knowledge.models import Chunk, ChunkEdit
from apps.knowledge.policies import require
from apps.knowledge.selectors.bases import get_document
from apps.knowledge.types import ChunkChange, ChunkEditInfo, ChunkInfo, KnowledgePermission
from apps.tenancy.types import Actor


def passages(actor: Actor, document_id: UUID, words: str = "") -> list[ChunkInfo]:
    """The passages of a document in reading order, with what was changed by hand; `words` must be in them.

    Raises:
        NotFound: the document is not the actor's.
    """
    row = get_document(actor, document_id, KnowledgePermission.VIEW)
    rows = Chunk.objects.filter(document=row).defer("embedding").order_by("ordinal")
    if words.strip():
        rows = rows.filter(text__icontains=words.strip())
    edits: dict[UUID, list[ChunkEdit]] = {}
    for edit in ChunkEdit.objects.filter(chunk__document=row).order_by("-id"):
        edits.setdefault(edit.chunk_id, []).append(edit)
    names = names_of({edit.user_id for found in edits.values() for edit in found if edit.user_id is not None})
    return [_info(chunk, edits.get(chunk.id, []), names) for chunk in rows]


def get_chunk(actor: Actor, chunk_id: UUID, permission: KnowledgePermission) -> Chunk:
    """The row, after the permission check."""
    row = Chunk.objects.select_related("document").filter(id=chunk_id).first()
    if row is None:
        raise NotFound("passage_not_found", "There is no such passage.")
    get_document(actor, row.document_id, permission)
    require(actor, permission, row)
    return row


def _info(row: Chunk, edits: list[ChunkEdit], names: dict[UUID, str]) -> ChunkInfo:
    return ChunkInfo(
        id=row.id,
        ordinal=row.ordinal,
        text=row.text,
        heading=row.heading,
        page=row.page,
        start=row.start,
        end=row.end,
        tokens=row.tokens,
        is_excluded=row.is_excluded,
        edits=tuple(
            ChunkEditInfo(
                ChunkChange(edit.change),
                edit.before,
                names.get(edit.user_id, "Somebody") if edit.user_id is not None else "The platform",
                edit.created_at,
            )
            for edit in edits
        ),
    )
