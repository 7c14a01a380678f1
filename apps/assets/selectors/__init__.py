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
from apps.assets.selectors.contributions import contribution_proof
from apps.assets.selectors.lineage import allowed_parents, contributors, lineage, parents_of, revenue_shares
from apps.assets.selectors.ownership import (
    assets_on_chain,
    chain_facts,
    custody_moves,
    holder,
    is_holder,
    paid_address,
    royalty_release,
    share_holdings,
    share_holdings_of,
    share_issue,
)
from apps.assets.selectors.shares import share_lines, visible_contributors
from apps.assets.selectors.verification import recorded_versions, verify_version

__all__ = [
    "active_grants",
    "allowed_parents",
    "asset",
    "assets_on_chain",
    "chain_facts",
    "contributed_assets",
    "contribution_proof",
    "contributors",
    "custody_moves",
    "granted_asset_ids",
    "grants_to",
    "has_right",
    "holder",
    "is_holder",
    "latest_version",
    "lineage",
    "owned_assets",
    "paid_address",
    "parents_of",
    "recorded_versions",
    "revenue_shares",
    "royalty_floor",
    "royalty_release",
    "share_holdings",
    "share_holdings_of",
    "share_issue",
    "share_lines",
    "verify_version",
    "version",
    "versions",
    "visible_asset",
    "visible_contributors",
]
