"""Words and values of the marketplace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from apps.assets.types import AccessRight, AssetKind
from apps.core.money import Money

MAX_PRICE_MINOR = 100_000_000
"""A million in the currency's major unit: above that a sale is made by contract, not by button."""

MAX_PERIOD_DAYS = 3_650


class ListingState(StrEnum):
    """Whether a listing can be bought."""

    ACTIVE = "active"
    WITHDRAWN = "withdrawn"


class LicenceState(StrEnum):
    """Whether a licence holds."""

    ACTIVE = "active"
    EXPIRED = "expired"


@dataclass(frozen=True)
class ListingInfo:
    """An offer: public facts only."""

    id: UUID
    asset_id: UUID
    seller_id: UUID
    seller_name: str
    kind: AssetKind
    name: str
    summary: str
    right: AccessRight
    price: Money
    period_days: int | None
    terms: str
    terms_hash: str
    royalty_bps: int
    state: ListingState
    listed_at: datetime


@dataclass(frozen=True)
class LicenceInfo:
    """A right that an organisation bought."""

    id: UUID
    asset_id: UUID
    asset_name: str
    listing_id: UUID
    seller_id: UUID
    buyer_id: UUID
    right: AccessRight
    terms: str
    price: Money
    starts_at: datetime
    expires_at: datetime | None
    state: LicenceState


@dataclass(frozen=True)
class SaleInfo:
    """What came of a purchase."""

    id: UUID
    listing_id: UUID
    asset_id: UUID
    asset_version_id: UUID
    seller_id: UUID
    buyer_id: UUID
    price: Money
    fee: Money
    licence_id: UUID
    sold_at: datetime


@dataclass(frozen=True)
class SplitLine:
    """One payment out of a price: to whom, how much, by which rule and along which path of versions."""

    payee_id: UUID
    amount: Money
    rule: str
    role: str
    path: tuple[UUID, ...]
    numerator: int
    denominator: int


@dataclass(frozen=True)
class PriceSplit:
    """A price divided to the last unit: the platform's fee and the payees' lines."""

    price: Money
    fee: Money
    asset_version_id: UUID
    lines: tuple[SplitLine, ...]


@dataclass(frozen=True)
class SplitGroup:
    """Lines of a split for people to read; contributors of a version are shown together."""

    party: str
    rule: str
    asset_id: UUID
    asset_name: str
    payees: int
    amount: Money
    percent: str
