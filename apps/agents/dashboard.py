"""What agents put on the dashboard."""

from __future__ import annotations

from apps.agents import selectors
from apps.core.dashboard import RECENT_SHOWN, Contribution, RecentItem, contributes
from apps.tenancy.types import Actor


@contributes
def board(actor: Actor) -> Contribution:
    """The latest agents with their state."""
    found = selectors.agents(actor)[:RECENT_SHOWN]
    return Contribution(
        recent=tuple(
            RecentItem(one.config.name, f"/agents/{one.id}/", "Agent", one.state, one.created_at) for one in found
        ),
        done=frozenset({"agent"} if found else ()),
    )
