"""Who holds which right on an asset."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet

from apps.assets.errors import AssetNotFound
from apps.assets.models import AccessGrant, Asset
from apps.assets.types import AccessRight, GrantInfo
from apps.core import clock
from apps.core.tenant import all_tenants
from apps.tenancy.types import Actor

_SATISFIED_BY = {
    AccessRight.USE: (AccessRight.USE, AccessRight.DEVELOP),
    AccessRight.DEVELOP: (AccessRight.DEVELOP,),
}


def grant_info(row: AccessGrant) -> GrantInfo:
    """The facts of a grant's row."""
    return GrantInfo(
        id=row.id,
        asset_id=row.asset_id,
        grantee_id=row.grantee_id,
        right=AccessRight(row.right),
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        royalty_bps=row.royalty_bps,
        source=f"{row.source_type}:{row.source_id}",
    )


def has_right(organisation_id: UUID, asset_id: UUID, right: AccessRight | str) -> bool:
    """Whether the organisation owns the asset or holds the right now; `develop` includes `use`."""
    with all_tenants(reason="rights are granted across organisations"):
        if Asset.objects.filter(id=asset_id, tenant_id=organisation_id).exists():
            return True
        return _active(organisation_id, asset_id, AccessRight(right)).exists()


def has_grant(organisation_id: UUID, asset_id: UUID) -> bool:
    """Whether the organisation was ever granted a right on the asset: it may keep seeing what it had."""
    with all_tenants(reason="rights are granted across organisations"):
        return AccessGrant.objects.filter(asset_id=asset_id, grantee_id=organisation_id).exists()


def royalty_floor(organisation_id: UUID, asset_id: UUID) -> int:
    """Smallest part (bps) of its revenue that something built on the asset must pass on; 0 for its owner.

    Where several development grants are active, the one with the lowest royalty counts.
    """
    with all_tenants(reason="rights are granted across organisations"):
        if Asset.objects.filter(id=asset_id, tenant_id=organisation_id).exists():
            return 0
        rates = _active(organisation_id, asset_id, AccessRight.DEVELOP).values_list("royalty_bps", flat=True)
        return min(rates, default=0)


def grants_to(organisation_id: UUID, asset_id: UUID) -> list[GrantInfo]:
    """Grants on an asset that the organisation holds now."""
    with all_tenants(reason="rights are granted across organisations"):
        return [grant_info(row) for row in _active(organisation_id, asset_id, AccessRight.USE)]


def granted_asset_ids(organisation_id: UUID, right: AccessRight) -> set[UUID]:
    """The assets of others that the organisation may use or develop now."""
    with all_tenants(reason="rights are granted across organisations"):
        rows = AccessGrant.objects.filter(grantee_id=organisation_id, right__in=_SATISFIED_BY[right])
        return set(rows.filter(_holds_now()).values_list("asset_id", flat=True))


def active_grants(actor: Actor, asset_id: UUID) -> list[GrantInfo]:
    """Grants that the actor's organisation has given on its own asset and that hold now. Raises AssetNotFound."""
    if not Asset.objects.filter(tenant_id=actor.organisation_id, id=asset_id).exists():
        raise AssetNotFound(asset_id)
    rows = AccessGrant.objects.filter(tenant_id=actor.organisation_id, asset_id=asset_id)
    return [grant_info(row) for row in rows.filter(_holds_now()).order_by("-id")]


def _holds_now() -> Q:
    return Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=clock.now()))


def _active(organisation_id: UUID, asset_id: UUID, right: AccessRight) -> QuerySet[AccessGrant]:
    rows = AccessGrant.objects.filter(asset_id=asset_id, grantee_id=organisation_id, right__in=_SATISFIED_BY[right])
    return rows.filter(_holds_now())
