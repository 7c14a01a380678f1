"""Use cases: destroy all documents of a knowledge base, or of an organisation, so that no copy can be read."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from django.db import transaction

from apps.core import vault
from apps.core.errors import NotFound
from apps.knowledge.models import Document, KnowledgeBase, Source
from apps.knowledge.selectors.bases import get_base
from apps.knowledge.services.documents import remove_document
from apps.knowledge.services.segments import index_base
from apps.knowledge.services.sources import remove_source
from apps.knowledge.types import KnowledgePermission
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor


def shred_base(*, actor: Actor, knowledge_base_id: UUID) -> int:
    """Delete every source and document of a knowledge base with passages, embeddings and postings, and their keys.

    The empty knowledge base stays: its released versions are in the public registry, as hashes.

    Returns:
        How many documents there were.

    Raises:
        NotFound: it is not the actor's.
        NotPermitted: the actor is no administrator.
    """
    with transaction.atomic():
        base = get_base(actor, knowledge_base_id, KnowledgePermission.SET_PRIVACY)
        sources = list(Source.objects.filter(knowledge_base=base).values_list("id", flat=True))
        count = Document.objects.filter(knowledge_base=base).count()
    for source_id in sources:
        with suppress(NotFound):  # somebody else has just removed it
            remove_source(actor=actor, source_id=source_id)
    for document_id in list(Document.objects.filter(knowledge_base=base).values_list("id", flat=True)):
        with suppress(NotFound):
            remove_document(actor=actor, document_id=document_id)
    index_base(base.id, is_purged=True)
    record_audit(
        actor,
        action="knowledge_base.shredded",
        target_type="knowledge_base",
        target_id=base.id,
        detail={"documents": count},
    )
    return count


def shred_organisation(*, organisation_id: UUID) -> int:
    """`shred_base` for all knowledge bases of an organisation; then its own key is destroyed.

    Returns:
        How many documents there were.
    """
    system = Actor.system(organisation_id)
    with transaction.atomic():
        bases = list(KnowledgeBase.objects.values_list("id", flat=True))
    count = sum(shred_base(actor=system, knowledge_base_id=base_id) for base_id in bases)
    vault.shred_organisation(organisation_id)
    return count
