"""What is stored of licences and offers against the chain, item by item."""

from __future__ import annotations

from collections.abc import Iterator

from apps.assets import selectors as assets
from apps.assets.chain_facts import LICENCES
from apps.assets.records import ZERO_ROOT
from apps.core.money import TOKEN_UNITS_PER_MINOR
from apps.marketplace import selectors
from apps.marketplace.chain_licences import CHAIN_CURRENCY, RIGHT_NUMBERS
from apps.marketplace.services.recording import SECONDS_A_DAY
from apps.marketplace.types import ChainLicenceState, RecordState
from apps.onchain.comparison import ChainReader, comparison


@comparison("marketplace.licences")
def licences(chain: ChainReader) -> Iterator[str]:
    """Each address's licence: terms and end, or that there is none any more."""
    for asset_id, token_id in assets.assets_on_chain(LICENCES, chain.address(LICENCES)):
        for kept in selectors.chain_licences_of(asset_id):
            right = RIGHT_NUMBERS[kept.right]
            terms_hash, expires_at, *_ = chain.read(LICENCES, "licence", kept.address, token_id, right)
            there = (terms_hash, int(expires_at))
            here = (kept.terms_hash, int(kept.expires_at.timestamp()) if kept.expires_at else 0)
            if kept.state != ChainLicenceState.HELD:
                here = (ZERO_ROOT, 0)
            if here != there:
                yield f"{kept.address} has the {kept.right} licence {here} of {asset_id} here and {there} on chain"


@comparison("marketplace.revocations")
def revocations(chain: ChainReader) -> Iterator[str]:
    """Each licence that its seller has ended here and that the contract still has, though nothing is under way."""
    for asset_id, token_id in assets.assets_on_chain(LICENCES, chain.address(LICENCES)):
        for ended in selectors.revoked_but_held(asset_id):
            if ended.revocation == RecordState.PENDING:
                continue
            terms_hash, *_ = chain.read(
                LICENCES, "licence", ended.record.holder_address, token_id, RIGHT_NUMBERS[ended.right]
            )
            if terms_hash != ZERO_ROOT:
                holder = ended.record.holder_address
                yield f"the {ended.right} licence of {asset_id} is revoked here and held on chain by {holder}"


@comparison("marketplace.offers")
def offers(chain: ChainReader) -> Iterator[str]:
    """Each offer that may be bought from the contract: terms, price and period."""
    for asset_id, token_id in assets.assets_on_chain(LICENCES, chain.address(LICENCES)):
        for listing in selectors.active_listings(asset_id):
            if listing.offer_state != RecordState.RECORDED:
                continue
            found = chain.read(LICENCES, "offer", token_id, RIGHT_NUMBERS[listing.right])
            there = (found[0], int(found[1]), int(found[2]))
            price = listing.price.minor * TOKEN_UNITS_PER_MINOR[CHAIN_CURRENCY]
            here = (listing.terms_hash, price, (listing.period_days or 0) * SECONDS_A_DAY)
            if here != there:
                yield f"the {listing.right} offer of {asset_id} is {here} here and {there} on chain"
