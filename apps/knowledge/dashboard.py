"""What knowledge bases put on the dashboard."""

from __future__ import annotations

from apps.core.dashboard import RECENT_SHOWN, Contribution, RecentItem, contributes
from apps.knowledge import selectors
from apps.knowledge.types import KnowledgeBaseInfo
from apps.tenancy.types import Actor


@contributes
def board(actor: Actor) -> Contribution:
    """The latest knowledge bases with their state."""
    return Contribution(recent=tuple(_item(base) for base in selectors.knowledge_bases(actor)[:RECENT_SHOWN]))


def _item(base: KnowledgeBaseInfo) -> RecentItem:
    return RecentItem(base.name, f"/knowledge/{base.id}/", "Knowledge", _state(base), base.created_at)


def _state(base: KnowledgeBaseInfo) -> str:
    if base.processing:
        return "processing"
    return "ready" if base.ready else "failed" if base.failed else "empty"
