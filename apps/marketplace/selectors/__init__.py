"""Reads of the marketplace."""

from apps.marketplace.selectors.chain_sales import chain_sale_problem
from apps.marketplace.selectors.listings import (
    active_listings,
    listing,
    listing_filters,
    price_split,
    public_listings,
    split_groups,
    terms_document,
)
from apps.marketplace.selectors.shares import earned_by_shares, share_offer, share_offers, share_trades
from apps.marketplace.selectors.trades import (
    active_licence,
    chain_licences,
    chain_licences_of,
    licence,
    licences,
    may_retry_revocation,
    revoked_but_held,
    sale_line_rows,
    sale_lines,
    sales,
)

__all__ = [
    "active_licence",
    "active_listings",
    "chain_licences",
    "chain_licences_of",
    "chain_sale_problem",
    "earned_by_shares",
    "licence",
    "licences",
    "listing",
    "listing_filters",
    "may_retry_revocation",
    "price_split",
    "public_listings",
    "revoked_but_held",
    "sale_line_rows",
    "sale_lines",
    "sales",
    "share_offer",
    "share_offers",
    "share_trades",
    "split_groups",
    "terms_document",
]
