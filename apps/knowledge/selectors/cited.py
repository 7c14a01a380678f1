"""What became of the documents that answers cite."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from apps.knowledge.models import Document, DocumentText
from apps.knowledge.policies import require
from apps.knowledge.types import KnowledgePermission
from apps.tenancy.types import Actor


def document_names(actor: Actor, ids: Collection[UUID]) -> dict[UUID, str]:
    """The names of those documents that are still there."""
    require(actor, KnowledgePermission.VIEW)
    return dict(Document.objects.filter(id__in=list(ids)).values_list("id", "name"))


def text_at(actor: Actor, document_id: UUID, start: int, end: int) -> str | None:
    """The characters `start` to `end` of a document's text; None where the document is not there any more."""
    require(actor, KnowledgePermission.VIEW)
    text = DocumentText.objects.filter(document_id=document_id).values_list("text", flat=True).first()
    return None if text is None else text[start:end]
