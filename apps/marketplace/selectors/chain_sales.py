"""Whether an asset may be sold by the contract: what the royalty pool pays there must be what is agreed here.

The pool pays the tokens' owners, or the holders of shares, and nobody else: contributors are not known to it. What it
pays to an address in custody, nobody here can take from there.
"""

from __future__ import annotations

from uuid import UUID

from apps.assets import selectors as assets
from apps.assets.types import ShareRule


def chain_sale_problem(asset_id: UUID, seller_id: UUID) -> str:
    """Why the contract may not sell licences of an asset, in words; "" where it may."""
    version = assets.latest_version(asset_id)
    if version is None:
        return "Release a version first."
    for node in assets.lineage(version.id).nodes:
        if node.owner_id != seller_id:
            return f"A part of the price is owed to {node.owner_name}, for {node.name}. Only sales here pay it."
        if problem := _out_of_reach(node.asset_id, node.name):
            return problem
    for share in assets.revenue_shares(version.id):
        if share.rule == ShareRule.CONTRIBUTOR and share.organisation_id != seller_id:
            return "A part of the price is owed to contributors, whom the contract does not pay. Sales here do."
        if share.rule == ShareRule.OWNER and share.organisation_id != seller_id:
            return "The token is held by somebody else, who would be paid the whole price."
    return ""


def _out_of_reach(asset_id: UUID, name: str) -> str:
    """Where the pool's payments for an asset would come to an address that nobody can take them from."""
    holder = assets.holder(asset_id)
    if holder is None:
        return f"{name} is not recorded on chain yet. Try again when it is."
    holdings = assets.share_holdings(asset_id)
    if any(holding.in_custody for holding in holdings):
        return f"Shares of {name} are kept by the platform, which cannot collect tokens: move them to wallets first."
    if not holdings and holder.in_custody:
        return f"The token of {name} is kept by the platform, which cannot collect tokens: move it to a wallet first."
    return ""
