"""Words and values of the asset registry that other apps and pages may hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any
from uuid import UUID

BPS = 10_000
"""Basis points in a whole: 10,000 bps = 100 %."""

DEFAULT_CONTRIBUTOR_BPS = 5_000
"""Share of a version's own revenue that goes to its contributors when nothing else is agreed."""


class AssetKind(StrEnum):
    """What an asset is."""

    DATASET = "dataset"
    MODEL = "model"
    KNOWLEDGE_BASE = "knowledge_base"
    AGENT = "agent"

    @property
    def label(self) -> str:
        """The word a page shows."""
        return self.value.replace("_", " ")


class ChainState(StrEnum):
    """How far the on-chain registration of an asset or version has come."""

    PENDING = "pending"
    REGISTERED = "registered"
    FAILED = "failed"


class Visibility(StrEnum):
    """Who may see an asset's public facts besides those who hold a right to it."""

    PRIVATE = "private"
    PUBLIC = "public"


class AccessRight(StrEnum):
    """What a grant allows. `develop` includes `use`."""

    USE = "use"
    DEVELOP = "develop"


class ShareRule(StrEnum):
    """Why an organisation is paid from a version's revenue."""

    OWNER = "owner"
    CONTRIBUTOR = "contributor"
    SHAREHOLDER = "shareholder"


class MoveState(StrEnum):
    """How far something has come that leaves the platform's custody, or is created on chain."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    FAILED = "failed"


class ReleaseStep(StrEnum):
    """The calls by which what the royalty pool holds for an asset reaches a wallet, in order."""

    SETTLE = "settle"
    RELEASE = "release"
    CLAIM = "claim"


@dataclass(frozen=True)
class ParentRef:
    """A version that another one is built on, and the part of the revenue it takes."""

    version_id: UUID
    weight_bps: int


@dataclass(frozen=True)
class ContributionSpec:
    """An organisation's part in making a version; weights are relative to each other."""

    organisation_id: UUID
    role: str
    weight: int


@dataclass(frozen=True)
class HolderPart:
    """An address that holds (a part of) what an asset's owner earns, and whose it is where that is known."""

    address: str
    units: int
    organisation_id: UUID | None = None


@dataclass(frozen=True)
class RevenueShare:
    """One line of the answer to "who is paid when this version earns, and why".

    `weight` is the exact part of the sold version's revenue. `path` leads from the sold version to the one that
    caused this share; where several routes lead there it is the heaviest, and `routes` says how many were added up.
    `address` is set where the payee is a wallet that no account has linked: the organisation is then the platform,
    which keeps the amount for that wallet.
    """

    organisation_id: UUID
    weight: Fraction
    rule: str
    path: tuple[UUID, ...]
    role: str = ""
    routes: int = 1
    address: str = ""

    @property
    def version_id(self) -> UUID:
        """The version whose ownership or making is paid by this share."""
        return self.path[-1]


@dataclass(frozen=True)
class AssetInfo:
    """What an asset is, without anything private to its owner."""

    id: UUID
    owner_id: UUID
    kind: AssetKind
    name: str
    slug: str
    summary: str
    token_id: int
    chain_state: ChainState
    visibility: Visibility
    created_at: datetime


@dataclass(frozen=True)
class ChainProof:
    """Where on chain a version is recorded; `tx_hash` and `block_number` are empty until it is confirmed."""

    state: ChainState
    token_id: int
    tx_hash: str = ""
    block_number: int | None = None
    failure: str = ""


@dataclass(frozen=True)
class AssetVersionInfo:
    """One released, immutable version of an asset."""

    id: UUID
    asset_id: UUID
    owner_id: UUID
    kind: AssetKind
    asset_name: str
    number: int
    content_root: str
    metadata_hash: str
    metadata: dict[str, Any]
    contributor_bps: int
    proof: ChainProof
    released_at: datetime


@dataclass(frozen=True)
class LineageNode:
    """Public facts of one version in a provenance graph."""

    version_id: UUID
    asset_id: UUID
    kind: AssetKind
    name: str
    number: int
    owner_id: UUID
    owner_name: str
    content_root: str
    metadata_hash: str
    contributors: int
    proof: ChainProof


@dataclass(frozen=True)
class LineageEdge:
    """`child` was built on `parent`, which takes `weight_bps` of the child's revenue."""

    child_id: UUID
    parent_id: UUID
    weight_bps: int


@dataclass(frozen=True)
class Lineage:
    """A version and everything it was built on; nodes in topological order, the version itself first."""

    root_id: UUID
    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]


@dataclass(frozen=True)
class ShareLine:
    """A part of a version's revenue for people to read: one owner, or all contributors of a version together."""

    rule: str
    version_id: UUID
    asset_id: UUID
    asset_name: str
    party: str
    payees: int
    weight: Fraction

    @property
    def percent(self) -> str:
        """The weight as a rounded percentage, e.g. "12.5 %"; "< 0.01 %" rather than a false zero."""
        hundredths = round(self.weight * 10_000)
        return f"{hundredths / 100:g} %" if hundredths else "< 0.01 %"


@dataclass(frozen=True)
class Contributor:
    """Who helped to make a version and in which proportion; shown to its owner and to the contributor."""

    organisation_id: UUID
    organisation_name: str
    role: str
    weight: int
    version_id: UUID


@dataclass(frozen=True)
class ContributionProof:
    """That a version's registered contribution root contains an address with its weight.

    `proof` leads from the leaf keccak256(keccak256(abi.encode(address, weight))) to `root`, sibling by sibling. With
    the other facts it is what the registry's `isContribution` asks for; `parentage` is keccak256 of the ABI encoding
    of parents and weights.
    """

    asset_id: UUID
    version_id: UUID
    version: int
    token_id: int
    content_root: str
    metadata_hash: str
    parentage: str
    root: str
    address: str
    weight: int
    total_weight: int
    proof: tuple[str, ...]


@dataclass(frozen=True)
class RecordedVersion:
    """A version that the registry has confirmed: its number there and what its commitment is made of."""

    chain_number: int
    content_root: str
    metadata_hash: str
    contribution_root: str
    parents: tuple[int, ...]
    weights: tuple[int, ...]


@dataclass(frozen=True)
class HolderInfo:
    """Who holds an asset's token, as the chain's confirmed events say.

    `organisation_id` is None for a wallet that no account has linked; `in_custody` says that the platform keeps the
    token for the organisation.
    """

    asset_id: UUID
    address: str
    organisation_id: UUID | None
    organisation_name: str
    in_custody: bool
    since_block: int
    tx_hash: str


@dataclass(frozen=True)
class ShareHoldingInfo:
    """Shares of an asset at one address."""

    asset_id: UUID
    address: str
    organisation_id: UUID | None
    organisation_name: str
    in_custody: bool
    units: int


@dataclass(frozen=True)
class ShareIssueInfo:
    """The one creation of an asset's shares."""

    asset_id: UUID
    supply: int
    holder_address: str
    state: MoveState
    failure: str
    tx_hash: str
    block_number: int | None


@dataclass(frozen=True)
class CustodyMoveInfo:
    """A token or shares on their way out of the platform's custody."""

    id: UUID
    asset_id: UUID
    contract: str
    from_address: str
    to_address: str
    to_organisation_id: UUID | None
    units: int
    state: MoveState
    failure: str
    tx_hash: str
    block_number: int | None
    requested_at: datetime


@dataclass(frozen=True)
class RoyaltyReleaseInfo:
    """A holder's request for what the royalty pool holds for an asset."""

    id: UUID
    asset_id: UUID
    to_address: str
    step: ReleaseStep
    state: MoveState
    failure: str
    tx_hash: str
    block_number: int | None
    requested_at: datetime


@dataclass(frozen=True)
class ChainFactInfo:
    """A confirmed event of one of our contracts about an asset; integers in `args` are decimal strings."""

    contract: str
    event: str
    args: dict[str, Any]
    block_number: int
    log_index: int
    tx_hash: str


@dataclass(frozen=True)
class GrantInfo:
    """A right that an organisation holds on an asset."""

    id: UUID
    asset_id: UUID
    grantee_id: UUID
    right: AccessRight
    expires_at: datetime | None
    revoked_at: datetime | None
    royalty_bps: int
    source: str


@dataclass(frozen=True)
class Check:
    """One comparison made when a version is verified."""

    name: str
    expected: str
    found: str
    ok: bool


@dataclass(frozen=True)
class Verification:
    """Result of recomputing a version's hashes and comparing them with the record."""

    version_id: UUID
    checks: tuple[Check, ...] = field(default_factory=tuple)

    @property
    def ok(self) -> bool:
        """Whether every check agreed."""
        return all(check.ok for check in self.checks)
