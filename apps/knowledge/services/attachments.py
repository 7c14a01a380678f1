"""Use cases: documents of one conversation, in a knowledge base of the organisation that no page lists."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, transaction

from apps.assets import services as assets
from apps.assets.types import AssetKind
from apps.knowledge.models import Document, KnowledgeBase
from apps.knowledge.selectors.bases import attachment_base_id
from apps.knowledge.services.documents import Upload, add_documents, remove_document
from apps.knowledge.types import DocumentInfo
from apps.tenancy.types import Actor

NAME = "Attachments"


def add_attachment(*, organisation_id: UUID, file: Upload) -> DocumentInfo:
    """Store a document and queue it for reading; the caller says which conversation it belongs to.

    Raises:
        InvalidInput, DomainError: as `add_documents`.
    """
    system = Actor.system(organisation_id)
    base_id = attachment_base_id(system) or _create(system)
    return add_documents(actor=system, knowledge_base_id=base_id, files=[file])[0].document


def remove_attachment(*, organisation_id: UUID, document_id: UUID) -> None:
    """Delete such a document with its passages and bytes; harmless where it is gone."""
    system = Actor.system(organisation_id)
    with transaction.atomic():
        is_there = Document.objects.filter(id=document_id, knowledge_base__holds_attachments=True).exists()
    if is_there:
        remove_document(actor=system, document_id=document_id)


def _create(system: Actor) -> UUID:
    try:
        with transaction.atomic():
            summary = "Documents of single conversations."
            asset = assets.register_asset(actor=system, kind=AssetKind.KNOWLEDGE_BASE, name=NAME, summary=summary)
            row = KnowledgeBase.objects.create(
                tenant_id=system.organisation_id,
                asset_id=asset.id,
                name=NAME,
                description=summary,
                holds_attachments=True,
            )
            return row.id
    except IntegrityError:  # another request has made it at the same moment
        found = attachment_base_id(system)
        if found is None:
            raise
        return found
