"""Where each earned amount came from: the page behind a ledger line's source."""

from __future__ import annotations

from apps.ledger.types import SourceRef

#: Address by type of source, filled from the source's detail. The apps above write these sources; their pages are
#: named here as addresses, because an import would point upwards.
PAGES = {
    "labeling.annotation": "/work/{order_id}/",
    "labeling.order": "/orders/{id}/",
    "labeling.review": "/work/reviews/",
    "marketplace.sale": "/assets/{asset}/",
    "payouts.withdrawal": "/earnings/withdrawals/{id}/",
}


def source_url(source: SourceRef) -> str:
    """The page that shows what an amount was for, or "" where there is none."""
    pattern = PAGES.get(source.type)
    if pattern is None:
        return ""
    try:
        return pattern.format_map({**source.detail, "id": source.id})
    except KeyError:
        return ""
