"""Which assets and versions there are, and who may see them."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from apps.assets.errors import AssetNotFound, VersionNotFound
from apps.assets.models import Asset, AssetVersion, Contribution
from apps.assets.policies import AssetsPermission, require
from apps.assets.selectors.access import has_grant
from apps.assets.selectors.lineage import in_public_lineage
from apps.assets.selectors.ownership import is_holder
from apps.assets.types import (
    AssetInfo,
    AssetKind,
    AssetVersionInfo,
    ChainProof,
    ChainState,
    Visibility,
)
from apps.core.tenant import all_tenants
from apps.tenancy.types import Actor


def asset_info(row: Asset) -> AssetInfo:
    """The public facts of an asset's row."""
    return AssetInfo(
        id=row.id,
        owner_id=row.tenant_id,
        kind=AssetKind(row.kind),
        name=row.name,
        slug=row.slug,
        summary=row.summary,
        token_id=int(row.token_id),
        chain_state=ChainState(row.chain_state),
        visibility=Visibility(row.visibility),
        created_at=row.created_at,
    )


def chain_proof(row: AssetVersion) -> ChainProof:
    """Where on chain a version (with its asset loaded) is recorded."""
    return ChainProof(
        state=ChainState(row.chain_state),
        token_id=int(row.asset.token_id),
        tx_hash=row.tx_hash,
        block_number=row.block_number,
        failure=row.chain_failure,
    )


def version_info(row: AssetVersion) -> AssetVersionInfo:
    """The facts of a version's row (with its asset loaded)."""
    return AssetVersionInfo(
        id=row.id,
        asset_id=row.asset_id,
        owner_id=row.asset.tenant_id,
        kind=AssetKind(row.asset.kind),
        asset_name=row.asset.name,
        number=row.number,
        content_root=row.content_root,
        metadata_hash=row.metadata_hash,
        metadata=row.metadata,
        contributor_bps=row.contributor_bps,
        proof=chain_proof(row),
        released_at=row.created_at,
    )


def asset(asset_id: UUID) -> AssetInfo:
    """An asset of any organisation. Raises AssetNotFound."""
    with all_tenants(reason="public facts of an asset"):
        row = Asset.objects.filter(id=asset_id).first()
    if row is None:
        raise AssetNotFound(asset_id)
    return asset_info(row)


def visible_asset(actor: Actor | None, asset_id: UUID) -> AssetInfo:
    """An asset that the actor may know of; raises AssetNotFound for any other.

    These are: own ones, public ones and what public ones were built on, and those that the actor's organisation
    holds a right on, contributed to, or holds the token or shares of.
    """
    found = asset(asset_id)
    if found.visibility == Visibility.PUBLIC or in_public_lineage(asset_id):
        return found
    if actor is None:
        raise AssetNotFound(asset_id)
    if found.owner_id == actor.organisation_id or has_grant(actor.organisation_id, asset_id):
        return found
    if _contributed(actor.organisation_id, asset_id) or is_holder(actor.organisation_id, asset_id):
        return found
    raise AssetNotFound(asset_id)


def version(version_id: UUID) -> AssetVersionInfo:
    """A version of any organisation. Raises VersionNotFound."""
    with all_tenants(reason="public facts of an asset version"):
        row = AssetVersion.objects.select_related("asset").filter(id=version_id).first()
    if row is None:
        raise VersionNotFound(version_id)
    return version_info(row)


def versions(asset_id: UUID) -> list[AssetVersionInfo]:
    """All versions of an asset, newest first."""
    with all_tenants(reason="public facts of an asset's versions"):
        rows = AssetVersion.objects.select_related("asset").filter(asset_id=asset_id).order_by("-number")
        return [version_info(row) for row in rows]


def latest_version(asset_id: UUID) -> AssetVersionInfo | None:
    """The newest version of an asset, or None before its first release."""
    with all_tenants(reason="public facts of an asset version"):
        row = AssetVersion.objects.select_related("asset").filter(asset_id=asset_id).order_by("-number").first()
    return None if row is None else version_info(row)


def owned_assets(actor: Actor, kind: AssetKind | None = None) -> QuerySet[Asset]:
    """The organisation's own assets, newest first, lazily (for pages of them)."""
    require(actor, AssetsPermission.VIEW)
    rows = Asset.objects.filter(tenant_id=actor.organisation_id)
    return rows if kind is None else rows.filter(kind=kind)


def contributed_assets(organisation_id: UUID) -> list[AssetInfo]:
    """Assets of any owner that the organisation helped to make."""
    with all_tenants(reason="assets that an organisation contributed to"):
        rows = Asset.objects.filter(versions__contributions__contributor_id=organisation_id).distinct().order_by("-id")
        return [asset_info(row) for row in rows]


def _contributed(organisation_id: UUID, asset_id: UUID) -> bool:
    with all_tenants(reason="whether an organisation contributed"):
        return Contribution.objects.filter(contributor_id=organisation_id, version__asset_id=asset_id).exists()
