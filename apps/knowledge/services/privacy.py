"""Use cases: set what others may have of a knowledge base, plant a canary in it, note what they have had."""

from __future__ import annotations

import io
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.core.errors import FieldProblem, InvalidInput
from apps.knowledge.models import Document, KnowledgePrivacy, ToldSpans
from apps.knowledge.selectors.bases import get_base
from apps.knowledge.selectors.privacy import privacy
from apps.knowledge.services.documents import Upload, add_documents
from apps.knowledge.types import DocumentInfo, KnowledgePermission, PrivacyRules
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

_QUOTE_RANGE, _PERCENT_RANGE = (40, 5000), (1, 100)

_CANARY = """# Reference of this collection

This page marks the collection. It answers no question; who reads it has copied the collection.
The mark of this collection is {mark}.
"""


def set_privacy(*, actor: Actor, knowledge_base_id: UUID, longest_quote: int, document_percent: int) -> PrivacyRules:
    """Say how much of a knowledge base its readers through agents may have word for word.

    Args:
        longest_quote: letters and digits of one copied run, 40 to 5,000.
        document_percent: of one document, told to one reader over all answers, 1 to 100.

    Raises:
        NotFound: it is not the actor's.
        InvalidInput: a number is out of range.
    """
    problems: list[FieldProblem] = [
        {"field": name, "message": f"Give a number from {low} to {high}."}
        for name, value, (low, high) in (
            ("longest_quote", longest_quote, _QUOTE_RANGE),
            ("document_percent", document_percent, _PERCENT_RANGE),
        )
        if not low <= value <= high
    ]
    if problems:
        raise InvalidInput("invalid_privacy", str(problems[0]["message"]), errors=problems)
    with transaction.atomic():
        row = _locked(actor, knowledge_base_id)
        row.longest_quote, row.document_percent = longest_quote, document_percent
        row.save()
        _note(actor, row, "knowledge_base.privacy_set", longest_quote=longest_quote, document_percent=document_percent)
    return privacy(actor, knowledge_base_id)


def plant_canary(*, actor: Actor, knowledge_base_id: UUID) -> DocumentInfo:
    """Add a document that answers no question and holds a mark of its own: an answer with the mark is withheld.

    Found anywhere else, the mark proves that the collection was copied.

    Raises:
        NotFound: it is not the actor's.
    """
    mark = f"mark-{secrets.token_hex(8)}"
    with transaction.atomic():
        row = _locked(actor, knowledge_base_id)
        row.canaries = [*row.canaries, mark]
        row.save()
        _note(actor, row, "knowledge_base.canary_planted")
    text = _CANARY.format(mark=mark).encode()
    files = [Upload("Reference of this collection.md", len(text), io.BytesIO(text))]
    return add_documents(actor=actor, knowledge_base_id=knowledge_base_id, files=files)[0].document


def note_told(*, actor: Actor, reader_id: UUID, told: Mapping[UUID, Sequence[tuple[int, int]]]) -> None:
    """Add to what a reader has had of the actor's documents; documents that are gone by now are left out."""
    with transaction.atomic():
        there = Document.objects.filter(id__in=told).order_by("id").values_list("id", flat=True)
        for document_id in there:
            ToldSpans.objects.bulk_create(
                [ToldSpans(tenant_id=actor.organisation_id, document_id=document_id, reader_id=reader_id)],
                ignore_conflicts=True,
            )
            row = ToldSpans.objects.select_for_update().get(document_id=document_id, reader_id=reader_id)
            row.spans = _merged([*((start, end) for start, end in row.spans), *told[document_id]])
            row.save()


def _merged(spans: Sequence[tuple[int, int]]) -> list[list[int]]:
    found: list[list[int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1][1] = max(end, found[-1][1])
        else:
            found.append([start, end])
    return found


def _locked(actor: Actor, knowledge_base_id: UUID) -> KnowledgePrivacy:
    base = get_base(actor, knowledge_base_id, KnowledgePermission.SET_PRIVACY)
    KnowledgePrivacy.objects.bulk_create(
        [KnowledgePrivacy(tenant_id=base.tenant_id, knowledge_base_id=base.id)], ignore_conflicts=True
    )
    return KnowledgePrivacy.objects.select_for_update().get(knowledge_base_id=base.id)


def _note(actor: Actor, row: KnowledgePrivacy, action: str, **detail: Any) -> None:
    record_audit(
        actor, action=action, target_type="knowledge_base", target_id=row.knowledge_base_id, detail=detail or {}
    )
