"""Row locks of the asset registry, taken in primary-key order."""

from __future__ import annotations

from uuid import UUID

from apps.assets.errors import AssetNotFound
from apps.assets.models import Asset


def lock_asset(asset_id: UUID) -> Asset:
    """Lock an asset of the running tenant until the transaction ends. Raises AssetNotFound."""
    row = Asset.objects.select_for_update(no_key=True).filter(id=asset_id).first()
    if row is None:
        raise AssetNotFound(asset_id)
    return row
