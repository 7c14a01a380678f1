"""Granting and revoking rights on assets."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.assets.errors import AssetNotFound, GrantNotRevocable
from apps.assets.events import AccessGranted, AccessRevoked
from apps.assets.locks import lock_asset
from apps.assets.models import AccessGrant
from apps.assets.policies import AssetsPermission, require
from apps.assets.selectors.access import grant_info
from apps.assets.types import BPS, AccessRight, GrantInfo
from apps.core import clock
from apps.core.errors import InvalidInput, NotFound
from apps.core.outbox import publish
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor


@transaction.atomic
def grant_access(
    *,
    actor: Actor,
    asset_id: UUID,
    grantee_id: UUID,
    right: AccessRight | str,
    source_type: str,
    source_id: str,
    expires_at: datetime | None = None,
    royalty_bps: int = 0,
    revocable: bool = True,
) -> GrantInfo:
    """Give another organisation a right on an own asset. The same source grants once.

    Args:
        source_type, source_id: what it was granted for, e.g. a licence; makes repeats harmless.
        royalty_bps: least part of its revenue that something built on the asset must pass on (`develop` only).
        revocable: False for a right that was paid for; it ends when it expires.
    """
    row = lock_asset(asset_id)
    require(actor, AssetsPermission.GRANT, row)
    if not 0 <= royalty_bps < BPS:
        raise InvalidInput("invalid_royalty", "A royalty is between 0 and 9,999 basis points.")
    grant, created = AccessGrant.objects.get_or_create(
        tenant_id=row.tenant_id,
        asset=row,
        grantee_id=grantee_id,
        right=AccessRight(right),
        source_type=source_type,
        source_id=source_id,
        defaults={"expires_at": expires_at, "royalty_bps": royalty_bps, "revocable": revocable},
    )
    if created:
        publish(AccessGranted(row.id, grantee_id, grant.right))
        record_audit(
            actor,
            action="asset.access_granted",
            target_type="asset",
            target_id=row.id,
            detail={"grantee": str(grantee_id), "right": grant.right},
        )
    return grant_info(grant)


@transaction.atomic
def revoke_access(*, actor: Actor, grant_id: UUID) -> GrantInfo:
    """End a grant on an own asset now. Repeats change nothing; a right that was sold is refused (GrantNotRevocable)."""
    grant = AccessGrant.objects.select_for_update(of=("self",)).select_related("asset").filter(id=grant_id).first()
    if grant is None:
        raise NotFound("grant_not_found", "There is no such grant.", grant_id=str(grant_id))
    if grant.asset.tenant_id != actor.organisation_id:
        raise AssetNotFound(grant.asset_id)
    require(actor, AssetsPermission.GRANT, grant)
    if not grant.revocable:
        raise GrantNotRevocable(grant_id)
    if grant.revoked_at is None:
        grant.revoked_at = clock.now()
        grant.save(update_fields=["revoked_at", "updated_at"])
        publish(AccessRevoked(grant.asset_id, grant.grantee_id, grant.right))
        record_audit(
            actor,
            action="asset.access_revoked",
            target_type="asset",
            target_id=grant.asset_id,
            detail={"grantee": str(grant.grantee_id), "right": grant.right},
        )
    return grant_info(grant)


@transaction.atomic
def set_access_of_source(
    *, source_type: str, source_id: str, active: bool, expires_at: datetime | None = None
) -> GrantInfo | None:
    """Let a granted right follow what it was granted for: ended with it, taken up or prolonged with it.

    For the app that granted it, in the owner's scope; repeats change nothing. None where nothing was granted for it.
    """
    grant = (
        AccessGrant.objects.select_for_update(of=("self",))
        .filter(source_type=source_type, source_id=source_id)
        .order_by("id")
        .first()
    )
    if grant is None:
        return None
    was_active = grant.revoked_at is None
    if active and (not was_active or grant.expires_at != expires_at):
        grant.revoked_at, grant.expires_at = None, expires_at
        grant.save(update_fields=["revoked_at", "expires_at", "updated_at"])
        publish(AccessGranted(grant.asset_id, grant.grantee_id, grant.right))
    elif not active and was_active:
        grant.revoked_at = clock.now()
        grant.save(update_fields=["revoked_at", "updated_at"])
        publish(AccessRevoked(grant.asset_id, grant.grantee_id, grant.right))
    return grant_info(grant)
