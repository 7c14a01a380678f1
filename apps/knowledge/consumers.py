"""Who may follow a knowledge base live."""

from __future__ import annotations

from uuid import UUID

from apps.core.errors import DomainError
from apps.core.live import topic
from apps.knowledge import selectors
from apps.tenancy.types import Actor


@topic("knowledge-base")
def may_follow(actor: Actor, knowledge_base_id: UUID) -> bool:
    """Members of the organisation that owns it."""
    try:
        selectors.knowledge_base(actor, knowledge_base_id)
    except DomainError:
        return False
    return True
