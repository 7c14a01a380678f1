"""Who may follow an asset live."""

from __future__ import annotations

from uuid import UUID

from apps.assets import selectors
from apps.assets.errors import AssetNotFound
from apps.core.live import topic
from apps.tenancy.types import Actor


@topic("asset")
def may_follow_asset(actor: Actor, asset_id: UUID) -> bool:
    """Whoever may see it."""
    try:
        selectors.visible_asset(actor, asset_id)
    except AssetNotFound:
        return False
    return True
