"""Use case: start a knowledge base."""

from __future__ import annotations

from django.db import transaction

from apps.assets import services as assets
from apps.assets.types import AssetKind
from apps.core.errors import InvalidInput
from apps.knowledge.models import KnowledgeBase
from apps.knowledge.policies import require
from apps.knowledge.selectors.bases import base_info
from apps.knowledge.types import KnowledgeBaseInfo, KnowledgePermission
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

MAX_NAME = 120


def create_knowledge_base(*, actor: Actor, name: str, description: str = "") -> KnowledgeBaseInfo:
    """Create an empty knowledge base and register it as an asset of the actor's organisation.

    Raises:
        InvalidInput: the name is empty or longer than 120 characters.
        NotPermitted: the actor's role is too low.
    """
    require(actor, KnowledgePermission.CREATE)
    name = " ".join(name.replace("\x00", "").split())
    if not name or len(name) > MAX_NAME:
        message = f"Give the knowledge base a name of 1 to {MAX_NAME} characters."
        raise InvalidInput("invalid_name", message, errors=[{"field": "name", "message": message}])
    description = description.replace("\x00", "").strip()[:500]
    with transaction.atomic():
        asset = assets.register_asset(actor=actor, kind=AssetKind.KNOWLEDGE_BASE, name=name, summary=description)
        base = KnowledgeBase.objects.create(
            tenant_id=actor.organisation_id, asset_id=asset.id, name=name, description=description
        )
        record_audit(
            actor,
            action="knowledge_base.created",
            target_type="knowledge_base",
            target_id=base.id,
            detail={"name": name},
        )
    return base_info(base)
