"""The privacy rules of knowledge bases, and what readers through agents have had of their documents."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Length

from apps.knowledge.models import Document, DocumentText, KnowledgePrivacy, ToldSpans
from apps.knowledge.models.privacy import DOCUMENT_PERCENT, LONGEST_QUOTE
from apps.knowledge.policies import require
from apps.knowledge.selectors.bases import get_base
from apps.knowledge.types import KnowledgePermission, PrivacyRules, ToldState
from apps.tenancy.types import Actor


def privacy(actor: Actor, knowledge_base_id: UUID) -> PrivacyRules:
    """The rules of one knowledge base.

    Raises:
        NotFound: it is not the actor's.
    """
    get_base(actor, knowledge_base_id, KnowledgePermission.VIEW)
    return privacy_rules(actor, [knowledge_base_id])[0]


def privacy_rules(actor: Actor, knowledge_base_ids: Sequence[UUID]) -> list[PrivacyRules]:
    """The rules of the actor's knowledge bases, in their order; the defaults where none were set."""
    require(actor, KnowledgePermission.VIEW)
    rows = {
        row.knowledge_base_id: row for row in KnowledgePrivacy.objects.filter(knowledge_base__in=knowledge_base_ids)
    }
    return [_rules(base_id, rows.get(base_id)) for base_id in knowledge_base_ids]


def told_to(actor: Actor, reader_id: UUID, document_ids: Sequence[UUID]) -> dict[UUID, ToldState]:
    """What a reader has had of the actor's documents."""
    require(actor, KnowledgePermission.VIEW)
    lengths = dict(DocumentText.objects.filter(document__in=document_ids).values_list("document_id", Length(F("text"))))
    told = dict(
        ToldSpans.objects.filter(document__in=document_ids, reader_id=reader_id).values_list("document_id", "spans")
    )
    bases = dict(Document.objects.filter(id__in=document_ids).values_list("id", "knowledge_base_id"))
    return {
        document_id: ToldState(
            base_id,
            lengths.get(document_id, 0),
            tuple((start, end) for start, end in told.get(document_id, ())),
        )
        for document_id, base_id in bases.items()
    }


def _rules(knowledge_base_id: UUID, row: KnowledgePrivacy | None) -> PrivacyRules:
    if row is None:
        return PrivacyRules(knowledge_base_id, LONGEST_QUOTE, DOCUMENT_PERCENT)
    return PrivacyRules(knowledge_base_id, row.longest_quote, row.document_percent, tuple(row.canaries))
