"""What is stored of assets against the chain, item by item: owners, versions with their contribution roots, shares."""

from __future__ import annotations

from collections.abc import Iterator

from apps.assets import selectors
from apps.assets.chain_facts import REGISTRY, SHARES
from apps.onchain.comparison import ChainReader, comparison


@comparison("assets.owners")
def owners(chain: ChainReader) -> Iterator[str]:
    """The holder of each token."""
    for asset_id, token_id in selectors.assets_on_chain(REGISTRY, chain.address(REGISTRY)):
        held = selectors.holder(asset_id)
        here = held.address if held is not None else "nobody"
        registered = chain.read(REGISTRY, "isRegistered", token_id)[0]
        there = chain.read(REGISTRY, "ownerOf", token_id)[0] if registered else "nobody"
        if here != there:
            yield f"asset {asset_id} is held by {here} here and by {there} on chain"


@comparison("assets.versions")
def versions(chain: ChainReader) -> Iterator[str]:
    """Each version's content root, metadata hash, contribution root and parents."""
    for asset_id, token_id in selectors.assets_on_chain(REGISTRY, chain.address(REGISTRY)):
        for version in selectors.recorded_versions(asset_id):
            facts = (version.content_root, version.metadata_hash, version.contribution_root)
            parentage = ([str(parent) for parent in version.parents], list(version.weights))
            if not chain.read(REGISTRY, "isVersion", token_id, version.chain_number, *facts, *parentage)[0]:
                yield f"version {version.chain_number} of asset {asset_id} is another one on chain"


@comparison("assets.shares")
def shares(chain: ChainReader) -> Iterator[str]:
    """Every holding, and that they add up to the supply."""
    for asset_id, token_id in selectors.assets_on_chain(SHARES, chain.address(SHARES)):
        total = 0
        for holding in selectors.share_holdings(asset_id):
            total += holding.units
            there = int(chain.read(SHARES, "balanceOf", holding.address, token_id)[0])
            if there != holding.units:
                yield f"{holding.address} has {holding.units} shares of {asset_id} here and {there} on chain"
        supply = int(chain.read(SHARES, "totalSupply", token_id)[0])
        if total != supply:
            yield f"the holdings of {asset_id} add up to {total} shares here, the supply on chain is {supply}"
