"""What happened in the asset registry."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apps.core.outbox import Event


@dataclass(frozen=True)
class AssetVersionReleased(Event):
    """A new version exists; its on-chain registration has been asked for."""

    asset_id: UUID
    asset_version_id: UUID
    kind: str
    number: int


@dataclass(frozen=True)
class AssetVersionRegistered(Event):
    """A version's registration is confirmed on chain."""

    asset_id: UUID
    asset_version_id: UUID
    tx_hash: str
    block_number: int


@dataclass(frozen=True)
class AssetChanged(Event):
    """An asset's name, summary or visibility changed."""

    asset_id: UUID


@dataclass(frozen=True)
class AccessGranted(Event):
    """An organisation received a right on an asset."""

    asset_id: UUID
    grantee_id: UUID
    right: str


@dataclass(frozen=True)
class AccessRevoked(Event):
    """An organisation lost a right on an asset before it expired."""

    asset_id: UUID
    grantee_id: UUID
    right: str


@dataclass(frozen=True)
class AssetChainFactsChanged(Event):
    """A confirmed event of a contract about an asset came, or was undone by the chain."""

    asset_id: UUID
    contract: str


@dataclass(frozen=True)
class AssetHolderChanged(Event):
    """The token of an asset, or shares of it, are held by others than before."""

    asset_id: UUID


@dataclass(frozen=True)
class CustodyMoveEnded(Event):
    """Something that was to leave the platform's custody has left it (`failure` is empty) or never will."""

    move_id: UUID
    asset_id: UUID
    failure: str
