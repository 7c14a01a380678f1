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
    REVOKED = "revoked"
    PASSED_ON = "passed_on"
    UNDONE = "undone"


class LicenceSource(StrEnum):
    """Where a licence came from: sold here, bought from the contract, or passed on by its former holder."""

    PLATFORM = "platform"
    CHAIN = "chain"
    PASSED_ON = "passed_on"


class RecordState(StrEnum):
    """How far the chain's record of a licence, of its terms or of an offer has come."""

    NONE = ""
    PENDING = "pending"
    RECORDED = "recorded"
    FAILED = "failed"
    REMOVING = "removing"


class Settlement(StrEnum):
    """Where the money of a sale went: through the platform's ledger, or into the royalty pool on chain."""

    LEDGER = "ledger"
    CHAIN = "chain"


class ChainLicenceState(StrEnum):
    """Whether an address holds a licence on chain."""

    HELD = "held"
    REVOKED = "revoked"
    MOVED = "moved"


class TradeState(StrEnum):
    """How far a trade of shares has come."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


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
    on_chain: bool = False
    offer_state: RecordState = RecordState.NONE
    offer_failure: str = ""


@dataclass(frozen=True)
class ChainRecord:
    """Where on chain a licence is recorded; `tx_hash` is empty until it is."""

    state: RecordState
    holder_address: str = ""
    tx_hash: str = ""
    block_number: int | None = None
    failure: str = ""


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
    terms_hash: str = ""
    source: LicenceSource = LicenceSource.PLATFORM
    end_reason: str = ""
    record: ChainRecord = ChainRecord(RecordState.NONE)
    revocation: RecordState = RecordState.NONE
    revocation_failure: str = ""


@dataclass(frozen=True)
class ChainLicenceInfo:
    """A licence as the contract has it: which address holds it, and whose address that is, if anybody here knows."""

    asset_id: UUID
    right: AccessRight
    address: str
    organisation_id: UUID | None
    organisation_name: str
    terms_hash: str
    expires_at: datetime | None
    state: ChainLicenceState
    tx_hash: str


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
    settlement: Settlement = Settlement.LEDGER
    chain_tx_hash: str = ""
    is_undone: bool = False


@dataclass(frozen=True)
class SplitLine:
    """One payment out of a price: to whom, how much, by which rule and along which path of versions.

    `address` is set where the payee is a wallet that no account has linked; the platform keeps the amount for it.
    """

    payee_id: UUID
    amount: Money
    rule: str
    role: str
    path: tuple[UUID, ...]
    numerator: int
    denominator: int
    address: str = ""


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


@dataclass(frozen=True)
class ShareOfferInfo:
    """Shares for sale at a price each."""

    id: UUID
    asset_id: UUID
    seller_id: UUID
    seller_name: str
    units_left: int
    unit_price: Money
    state: ListingState
    offered_at: datetime


@dataclass(frozen=True)
class ShareTradeInfo:
    """A purchase of shares: the money is held until the shares are the buyer's on chain."""

    id: UUID
    offer_id: UUID
    asset_id: UUID
    seller_id: UUID
    buyer_id: UUID
    units: int
    price: Money
    fee: Money
    state: TradeState
    failure: str
    traded_at: datetime
