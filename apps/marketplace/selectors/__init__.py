"""Reads of the marketplace."""

from apps.marketplace.selectors.listings import (
    active_listings,
    listing,
    listing_filters,
    price_split,
    public_listings,
    split_groups,
)
from apps.marketplace.selectors.trades import active_licence, licence, licences, sale_line_rows, sale_lines, sales

__all__ = [
    "active_licence",
    "active_listings",
    "licence",
    "licences",
    "listing",
    "listing_filters",
    "price_split",
    "public_listings",
    "sale_line_rows",
    "sale_lines",
    "sales",
    "split_groups",
]
