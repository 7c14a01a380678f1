"""Use case: freeze a knowledge base as an asset version."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from apps.assets import services as assets
from apps.assets.types import ContributionSpec
from apps.core import outbox
from apps.knowledge.errors import NothingToRelease
from apps.knowledge.events import KnowledgeBaseReleased
from apps.knowledge.models import Document, KnowledgeBase, KnowledgeBaseRelease
from apps.knowledge.selectors.bases import get_base, release_info
from apps.knowledge.types import EMBEDDING_DIMENSIONS, DocumentState, KnowledgePermission, ReleaseInfo
from apps.onchain.services import keccak_root
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

CONTRIBUTION_ROLE = "document provider"


def release_version(*, actor: Actor, knowledge_base_id: UUID) -> ReleaseInfo:
    """Release the ready documents as the next version; the same content again returns the version that is there.

    The content root is taken over the documents' SHA-256 hashes in ascending order, so it proves the content without
    showing it. Contributors are the organisations that uploaded, weighted by their passages.

    Raises:
        NotFound: the knowledge base is not the actor's.
        NothingToRelease: no document is ready.
    """
    with transaction.atomic():
        base = get_base(actor, knowledge_base_id, KnowledgePermission.RELEASE)
        KnowledgeBase.objects.select_for_update(of=("self",)).get(id=base.id)
        rows = list(Document.objects.filter(knowledge_base=base, state=DocumentState.READY).order_by("sha256"))
        if not rows:
            raise NothingToRelease(
                "nothing_to_release", f"{base.name} has no ready document yet. Upload one and wait until it is ready."
            )
        root = keccak_root(bytes.fromhex(row.sha256) for row in rows)
        latest = KnowledgeBaseRelease.objects.filter(knowledge_base=base).order_by("-number").first()
        if latest is not None and latest.content_root == root:
            return release_info(latest)
        return _release(actor, base, rows, root)


def _release(actor: Actor, base: KnowledgeBase, rows: list[Document], root: str) -> ReleaseInfo:
    passages: Counter[UUID] = Counter()
    for row in rows:
        passages[row.uploader_id] += max(1, row.chunk_count)
    version = assets.release_version(
        actor=actor,
        asset_id=base.asset_id,
        content_root=root,
        # Public for good: figures only, no names and no text of a private knowledge base.
        metadata={
            "documents": len(rows),
            "passages": sum(row.chunk_count for row in rows),
            "bytes": sum(row.size_bytes for row in rows),
            "embedding": f"all-MiniLM-L6-v2/{EMBEDDING_DIMENSIONS}",
        },
        parents=(),
        contributions=[
            ContributionSpec(organisation_id=organisation_id, role=CONTRIBUTION_ROLE, weight=weight)
            for organisation_id, weight in sorted(passages.items())
        ],
    )
    number = KnowledgeBaseRelease.objects.filter(knowledge_base=base).aggregate(last=Max("number"))["last"] or 0
    release = KnowledgeBaseRelease.objects.create(
        tenant_id=actor.organisation_id,
        knowledge_base=base,
        asset_version_id=version.id,
        number=number + 1,
        content_root=root,
        document_ids=[str(document.id) for document in rows],
    )
    outbox.publish(KnowledgeBaseReleased(knowledge_base_id=base.id, asset_version_id=version.id))
    record_audit(
        actor,
        action="knowledge_base.released",
        target_type="knowledge_base",
        target_id=base.id,
        detail={"number": release.number, "content_root": root},
    )
    return release_info(release)
