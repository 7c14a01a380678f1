"""What is offered, and how its price is divided."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.search import SearchQuery
from django.db.models import Q, QuerySet

from apps.assets import selectors as assets
from apps.assets.selectors.shares import made_by_owner_alone, party_name, short_wallet
from apps.assets.types import AccessRight, AssetKind, ShareRule
from apps.core.errors import InvalidInput
from apps.core.money import Money
from apps.marketplace.errors import ListingNotFound, TermsNotFound
from apps.marketplace.models import SEARCHED, Listing, TermsDocument
from apps.marketplace.splits import split_price
from apps.marketplace.terms import TEMPLATES, Agreement
from apps.marketplace.types import ListingInfo, ListingState, PriceSplit, RecordState, SplitGroup, SplitLine
from apps.tenancy.selectors import organisation_names

MAX_WORDS = 8


def listing_info(row: Listing) -> ListingInfo:
    """The public facts of a listing's row."""
    return ListingInfo(
        id=row.id,
        asset_id=row.asset_id,
        seller_id=row.seller_id,
        seller_name=row.seller.name,
        kind=AssetKind(row.kind),
        name=row.name,
        summary=row.summary,
        right=AccessRight(row.right),
        price=Money(row.price_minor, row.currency),
        period_days=row.period_days,
        terms=row.terms,
        terms_hash=agreement_of(row).hash,
        royalty_bps=row.royalty_bps,
        state=ListingState(row.state),
        listed_at=row.created_at,
        on_chain=row.on_chain,
        offer_state=RecordState(row.offer_state),
        offer_failure=row.offer_failure,
    )


def agreement_of(row: Listing) -> Agreement:
    """The terms of an offer: its template with its royalty and period."""
    return TEMPLATES[row.terms].agreement(royalty_bps=row.royalty_bps, period_days=row.period_days)


def terms_document(terms_hash: str) -> bytes:
    """The canonical JSON of the terms that have this hash; Keccak-256 of these bytes is the hash.

    Raises TermsNotFound.
    """
    content = TermsDocument.objects.filter(hash=terms_hash.lower()).values_list("content", flat=True).first()
    if content is None:
        raise TermsNotFound(terms_hash)
    return content.encode()


def listing(listing_id: UUID) -> ListingInfo:
    """An offer, also a withdrawn one. Raises ListingNotFound."""
    row = Listing.objects.select_related("seller").filter(id=listing_id).first()
    if row is None:
        raise ListingNotFound(listing_id)
    return listing_info(row)


def public_listings(
    *,
    text: str = "",
    kind: AssetKind | None = None,
    right: AccessRight | None = None,
    min_price_minor: int | None = None,
    max_price_minor: int | None = None,
) -> QuerySet[Listing]:
    """Active offers, newest first, lazily (for cursor pages).

    Args:
        text: every word must begin a word of the name or summary, or occur in the seller's name.
    """
    rows = Listing.objects.select_related("seller").filter(state=ListingState.ACTIVE).order_by("-id")
    words = re.findall(r"\w+", text)[:MAX_WORDS]
    if words:
        query = SearchQuery(" & ".join(f"{word}:*" for word in words), search_type="raw", config="simple")
        rows = rows.annotate(searched=SEARCHED).filter(Q(searched=query) | Q(seller__name__icontains=text.strip()))
    if kind is not None:
        rows = rows.filter(kind=kind)
    if right is not None:
        rows = rows.filter(right=right)
    if min_price_minor is not None:
        rows = rows.filter(price_minor__gte=min_price_minor)
    if max_price_minor is not None:
        rows = rows.filter(price_minor__lte=max_price_minor)
    return rows


def listing_filters(query: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of `public_listings` from a query string. Raises InvalidInput naming the bad one."""
    found: dict[str, Any] = {"text": query.get("q", "")}
    for name, enum in (("kind", AssetKind), ("right", AccessRight)):
        if value := query.get(name):
            if value not in set(enum):
                raise _bad_filter(name, f"One of {', '.join(enum)}.")
            found[name] = enum(value)
    for name in ("min_price_minor", "max_price_minor"):
        if value := query.get(name):
            if not value.isdecimal() or len(value) > 12:
                raise _bad_filter(name, "A whole number of cents.")
            found[name] = int(value)
    return found


def _bad_filter(name: str, message: str) -> InvalidInput:
    return InvalidInput("invalid_filter", f"{name}: {message}", errors=[{"field": name, "message": message}])


def active_listings(asset_id: UUID) -> list[ListingInfo]:
    """The offers of an asset, use before development."""
    rows = Listing.objects.select_related("seller").filter(asset_id=asset_id, state=ListingState.ACTIVE)
    return sorted((listing_info(row) for row in rows), key=lambda info: info.right != AccessRight.USE)


def price_split(listing_id: UUID) -> PriceSplit:
    """How the price of an offer is divided now, to the last unit. Raises ListingNotFound."""
    info = listing(listing_id)
    version = assets.latest_version(info.asset_id)
    if version is None:
        raise ListingNotFound(listing_id)
    return split_price(
        price=info.price,
        fee_bps=settings.FEES["sale_bps"],
        version_id=version.id,
        shares=assets.revenue_shares(version.id),
    )


def split_groups(split: PriceSplit) -> list[SplitGroup]:
    """A split for anyone to read: owners by name, contributors and share holders of a version together.

    Where the owner alone made a version, its two parts are one line.
    """
    nodes = {node.version_id: node for node in assets.lineage(split.asset_version_id).nodes}
    grouped: dict[tuple[UUID, str], list[SplitLine]] = defaultdict(list)
    alone = made_by_owner_alone([(line.path[-1], line.rule, line.payee_id, line.address) for line in split.lines])
    for line in split.lines:
        version_id = line.path[-1]
        grouped[version_id, ShareRule.OWNER.value if version_id in alone else line.rule].append(line)
    names = organisation_names({line.payee_id for line in split.lines if line.rule == ShareRule.OWNER})
    groups = []
    for (version_id, rule), lines in grouped.items():
        node = nodes[version_id]
        payees = len({(line.payee_id, line.address) for line in lines})
        last = lines[-1]
        party = party_name(rule, payees, short_wallet(last.address) or names.get(last.payee_id, ""))
        amount = Money(sum(line.amount.minor for line in lines), split.price.currency)
        groups.append(SplitGroup(party, rule, node.asset_id, node.name, payees, amount, _percent(amount, split.price)))
    return groups


def _percent(part: Money, whole: Money) -> str:
    return f"{100 * part.minor / whole.minor:.3g} %" if whole else "0 %"
