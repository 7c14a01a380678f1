"""Reads of the asset registry.

Reads across organisations return frozen public facts only; who may be shown them is decided by `visible_asset`.
"""

from apps.assets.selectors.access import active_grants, granted_asset_ids, grants_to, has_right, royalty_floor
from apps.assets.selectors.catalogue import (
    asset,
    contributed_assets,
    latest_version,
    owned_assets,
    version,
    versions,
    visible_asset,
)
from apps.assets.selectors.lineage import contributors, lineage, revenue_shares
from apps.assets.selectors.shares import share_lines, visible_contributors
from apps.assets.selectors.verification import verify_version

__all__ = [
    "active_grants",
    "asset",
    "contributed_assets",
    "contributors",
    "granted_asset_ids",
    "grants_to",
    "has_right",
    "latest_version",
    "lineage",
    "owned_assets",
    "revenue_shares",
    "royalty_floor",
    "share_lines",
    "verify_version",
    "version",
    "versions",
    "visible_asset",
    "visible_contributors",
]
