"""What datasets put on the dashboard."""

from __future__ import annotations

from apps.core.dashboard import RECENT_SHOWN, Contribution, RecentItem, contributes
from apps.datasets import selectors
from apps.tenancy.types import Actor


@contributes
def board(actor: Actor) -> Contribution:
    """The latest datasets."""
    rows = selectors.own_datasets(actor).order_by("-id")[:RECENT_SHOWN]
    found = [selectors.dataset_info(row) for row in rows]
    return Contribution(
        recent=tuple(RecentItem(one.name, f"/datasets/{one.id}/", "Dataset", "ready", one.created_at) for one in found)
    )
