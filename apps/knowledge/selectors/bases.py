"""Knowledge bases, documents and releases as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Case, Count, Q, QuerySet, When

from apps.core import vault
from apps.core.errors import NotFound
from apps.knowledge.models import Chunk, Document, DocumentText, KnowledgeBase, KnowledgeBaseRelease
from apps.knowledge.policies import require
from apps.knowledge.types import (
    ChunkDraft,
    DocumentInfo,
    DocumentState,
    KnowledgeBaseInfo,
    KnowledgePermission,
    ReleaseInfo,
)
from apps.tenancy.types import Actor

READ_SHARE = 5
"""Percent of a document's progress that reading it stands for; the rest is embedding."""


def knowledge_bases(actor: Actor) -> list[KnowledgeBaseInfo]:
    """All knowledge bases of the actor's organisation, newest first."""
    return [base_info(base) for base in base_rows(actor)]


def base_rows(actor: Actor) -> QuerySet[KnowledgeBase]:
    """The rows behind `knowledge_bases`, for cursor pages."""
    require(actor, KnowledgePermission.VIEW)
    return with_counts(KnowledgeBase.objects.filter(holds_attachments=False))


def document_rows(actor: Actor, knowledge_base_id: UUID) -> QuerySet[Document]:
    """The rows behind `documents`, for cursor pages."""
    return Document.objects.filter(knowledge_base=get_base(actor, knowledge_base_id, KnowledgePermission.VIEW))


def knowledge_base(actor: Actor, knowledge_base_id: UUID) -> KnowledgeBaseInfo:
    """One knowledge base.

    Raises:
        NotFound: there is none of this id in the actor's organisation.
    """
    return base_info(get_base(actor, knowledge_base_id, KnowledgePermission.VIEW))


def documents(actor: Actor, knowledge_base_id: UUID, limit: int | None = None) -> list[DocumentInfo]:
    """The documents of a knowledge base, newest first; with a limit those that failed come before the others."""
    rows = document_rows(actor, knowledge_base_id)
    if limit is not None:
        rows = rows.order_by(Case(When(state=DocumentState.FAILED, then=0), default=1), "-id")[:limit]
    return [document_info(row) for row in rows]


def document(actor: Actor, document_id: UUID) -> DocumentInfo:
    """One document.

    Raises:
        NotFound: there is none of this id in the actor's organisation.
    """
    return document_info(get_document(actor, document_id, KnowledgePermission.VIEW))


def document_in(actor: Actor, knowledge_base_id: UUID, document_id: UUID) -> DocumentInfo:
    """The document, if it is in that knowledge base.

    Raises:
        NotFound: otherwise.
    """
    found = document(actor, document_id)
    if found.knowledge_base_id != knowledge_base_id:
        raise NotFound("document_not_found", "There is no such document.")
    return found


def document_chunks(actor: Actor, document_id: UUID) -> list[ChunkDraft]:
    """The passages of a document in reading order."""
    row = get_document(actor, document_id, KnowledgePermission.VIEW)
    return [
        ChunkDraft(chunk.ordinal, chunk.text, chunk.heading, chunk.page, chunk.start, chunk.end, chunk.tokens)
        for chunk in Chunk.objects.filter(document=row).defer("embedding").order_by("ordinal")
    ]


def document_text(actor: Actor, document_id: UUID) -> str:
    """The whole text of a document; the passages' `start` and `end` count its characters. Empty before it was read."""
    row = get_document(actor, document_id, KnowledgePermission.VIEW)
    return DocumentText.objects.filter(document=row).values_list("text", flat=True).first() or ""


def document_url(actor: Actor, document_id: UUID) -> str:
    """A short-lived link that downloads the original file; empty for a row of a file of records."""
    row = get_document(actor, document_id, KnowledgePermission.VIEW)
    if not row.storage_key:
        return ""
    return vault.object_url(row.tenant_id, row.storage_key, row.name)


def latest_release(actor: Actor, knowledge_base_id: UUID) -> ReleaseInfo | None:
    """The newest released version, or None before the first."""
    base = get_base(actor, knowledge_base_id, KnowledgePermission.VIEW)
    row = KnowledgeBaseRelease.objects.filter(knowledge_base=base).order_by("-number").first()
    return release_info(row) if row is not None else None


def releases(actor: Actor, knowledge_base_id: UUID) -> list[ReleaseInfo]:
    """All released versions, newest first."""
    base = get_base(actor, knowledge_base_id, KnowledgePermission.VIEW)
    return [release_info(row) for row in KnowledgeBaseRelease.objects.filter(knowledge_base=base).order_by("-number")]


def release(actor: Actor, release_id: UUID) -> ReleaseInfo:
    """One release by its id."""
    return _one_release(actor, Q(id=release_id))


def release_of_version(actor: Actor, asset_version_id: UUID) -> ReleaseInfo:
    """The release that an asset version stands for."""
    return _one_release(actor, Q(asset_version_id=asset_version_id))


def _one_release(actor: Actor, condition: Q) -> ReleaseInfo:
    require(actor, KnowledgePermission.VIEW)
    row = KnowledgeBaseRelease.objects.filter(condition).first()
    if row is None:
        raise NotFound("knowledge_release_not_found", "There is no such release of a knowledge base.")
    return release_info(row)


def with_counts(rows: QuerySet[KnowledgeBase]) -> QuerySet[KnowledgeBase]:
    """Adds how many documents there are, ready and failed."""
    return rows.annotate(
        total=Count("documents"),
        ready=Count("documents", filter=Q(documents__state=DocumentState.READY)),
        failed=Count("documents", filter=Q(documents__state=DocumentState.FAILED)),
    )


def get_base(actor: Actor, knowledge_base_id: UUID, permission: KnowledgePermission) -> KnowledgeBase:
    """The row, after the permission check."""
    base = with_counts(KnowledgeBase.objects.filter(id=knowledge_base_id)).first()
    if base is None or _is_hidden(actor, base):
        raise NotFound("knowledge_base_not_found", "There is no such knowledge base.")
    require(actor, permission, base)
    return base


def get_bases(actor: Actor, ids: Sequence[UUID]) -> list[KnowledgeBase]:
    """The rows in the order of `ids`, without counts; one that is not the actor's makes NotFound of all."""
    rows = KnowledgeBase.objects.in_bulk(list(ids))
    missing = [base_id for base_id in ids if base_id not in rows]
    if missing:
        raise NotFound("knowledge_base_not_found", "There is no such knowledge base.")
    for row in rows.values():
        require(actor, KnowledgePermission.VIEW, row)
    return [rows[base_id] for base_id in dict.fromkeys(ids)]


def get_document(actor: Actor, document_id: UUID, permission: KnowledgePermission) -> Document:
    """The row, after the permission check."""
    row = Document.objects.select_related("knowledge_base").filter(id=document_id).first()
    if row is None or _is_hidden(actor, row.knowledge_base):
        raise NotFound("document_not_found", "There is no such document.")
    require(actor, permission, row)
    return row


def attachment_base_id(system: Actor) -> UUID | None:
    """The knowledge base that holds the documents of single conversations, once there is one."""
    found = KnowledgeBase.objects.filter(tenant_id=system.organisation_id, holds_attachments=True)
    return found.values_list("id", flat=True).first()


def documents_by_id(actor: Actor, ids: Sequence[UUID]) -> list[DocumentInfo]:
    """Those of the documents that are (still) the actor's."""
    require(actor, KnowledgePermission.VIEW)
    return [document_info(row) for row in Document.objects.filter(id__in=ids)]


def _is_hidden(actor: Actor, base: KnowledgeBase) -> bool:
    """Attachments belong to one person's conversation: no member reaches them but through it."""
    return base.holds_attachments and actor != Actor.system(actor.organisation_id)


def base_info(base: KnowledgeBase) -> KnowledgeBaseInfo:
    """A row of `with_counts` as a plain value."""
    return KnowledgeBaseInfo(
        id=base.id,
        asset_id=base.asset_id,
        organisation_id=base.tenant_id,
        name=base.name,
        description=base.description,
        documents=getattr(base, "total", 0),
        ready=getattr(base, "ready", 0),
        failed=getattr(base, "failed", 0),
        created_at=base.created_at,
    )


def document_info(row: Document) -> DocumentInfo:
    """A document row as a plain value."""
    return DocumentInfo(
        id=row.id,
        knowledge_base_id=row.knowledge_base_id,
        name=row.name,
        kind=row.kind,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        state=DocumentState(row.state),
        cause=row.cause,
        cause_code=row.cause_code,
        notes=row.notes,
        title=row.title,
        progress=_progress(row),
        chunks=row.chunk_count,
        pages=row.pages,
        created_at=row.created_at,
    )


def release_info(row: KnowledgeBaseRelease) -> ReleaseInfo:
    """A release row as a plain value."""
    return ReleaseInfo(
        id=row.id,
        knowledge_base_id=row.knowledge_base_id,
        number=row.number,
        asset_version_id=row.asset_version_id,
        content_root=row.content_root,
        document_ids=tuple(UUID(value) for value in row.document_ids),
        created_at=row.created_at,
    )


def _progress(row: Document) -> int:
    if row.state == DocumentState.READY:
        return 100
    if row.state == DocumentState.EMBEDDING and row.chunk_count:
        return READ_SHARE + (100 - READ_SHARE) * row.embedded_count // row.chunk_count
    return 2 if row.state == DocumentState.READING else 0
