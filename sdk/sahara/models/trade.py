"""Assets, provenance, offers, licences, sales."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from sahara.models.base import Model, Money


class ChainProof(Model):
    """Where on chain a version is recorded."""

    state: str
    token_id: int
    tx_hash: str
    block_number: int | None
    failure: str


class AssetVersion(Model):
    """A released version of an asset."""

    id: UUID
    number: int
    content_root: str
    metadata_hash: str
    metadata: dict[str, Any]
    proof: ChainProof


class Asset(Model):
    """A dataset, model, knowledge base or agent in the registry."""

    id: UUID
    kind: str
    name: str
    token_id: int
    chain_state: str
    versions: list[AssetVersion] = Field(default_factory=list)


class LineageNode(Model):
    """A version in a provenance graph."""

    version_id: UUID
    asset_id: UUID
    kind: str
    name: str
    number: int
    owner_id: UUID
    owner_name: str
    contributors: int
    proof: ChainProof


class LineageEdge(Model):
    """`child` was built on `parent`."""

    child_id: UUID
    parent_id: UUID
    weight_bps: int


class Contributor(Model):
    """Who helped to make a version."""

    organisation_id: UUID
    organisation_name: str
    role: str
    weight: int
    version_id: UUID


class ShareLine(Model):
    """A part of the revenue, exact as numerator over denominator."""

    rule: str
    version_id: UUID
    asset_name: str
    party: str
    payees: int
    numerator: int
    denominator: int


class Lineage(Model):
    """Provenance and revenue split of a version."""

    root_id: UUID
    nodes: list[LineageNode]
    edges: list[LineageEdge]
    contributors: list[Contributor]
    shares: list[ShareLine]


class Check(Model):
    """One comparison of a verification."""

    name: str
    expected: str
    found: str
    ok: bool


class Verification(Model):
    """A version's hashes, recomputed and compared."""

    version_id: UUID
    ok: bool
    checks: list[Check]


class Listing(Model):
    """An offer on the marketplace."""

    id: UUID
    asset_id: UUID
    seller_id: UUID
    kind: str
    name: str
    right: str
    price: Money
    period_days: int | None
    terms: str
    state: str


class Licence(Model):
    """A right that was bought."""

    id: UUID
    asset_id: UUID
    right: str
    price: Money
    expires_at: datetime | None
    state: str


class Purchase(Model):
    """What a purchase gave."""

    sale_id: UUID
    licence: Licence


class SaleLine(Model):
    """One payment out of a sale."""

    payee_id: UUID | None
    payee_name: str
    amount: Money
    rule: str
    role: str
    path: list[UUID]
    weight: str


class Sale(Model):
    """A sale with the split of its price."""

    id: UUID
    listing_id: UUID
    asset_id: UUID
    buyer_id: UUID
    price: Money
    fee: Money
    licence_id: UUID
    lines: list[SaleLine]
