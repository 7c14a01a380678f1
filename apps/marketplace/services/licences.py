"""The end of licences: by their time, or by their seller where the terms say so."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import Q

from apps.assets import services as asset_registry
from apps.core import clock
from apps.core.errors import InvalidInput, NotFound
from apps.core.live import notify
from apps.core.outbox import publish
from apps.core.tenant import all_tenants, tenant_scope
from apps.marketplace.errors import LicenceNotRevocable, RecordNotRetryable
from apps.marketplace.events import LicenceRevoked
from apps.marketplace.models import Licence
from apps.marketplace.policies import MarketplacePermission, require
from apps.marketplace.selectors.trades import licence_info, may_retry_revocation
from apps.marketplace.services.recording import request_revocation
from apps.marketplace.terms import TEMPLATES
from apps.marketplace.types import LicenceInfo, LicenceState, RecordState
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

MAX_REASON = 500


@transaction.atomic
def expire_licences() -> int:
    """Mark licences whose time is over (their rights ended by themselves). Returns how many."""
    with all_tenants(reason="licences of every organisation expire"):
        due = Licence.objects.filter(state=LicenceState.ACTIVE, expires_at__lte=clock.now())
        return due.update(state=LicenceState.EXPIRED, updated_at=clock.now())


@transaction.atomic
def revoke_licence(*, actor: Actor, licence_id: UUID, reason: str) -> LicenceInfo:
    """End a licence that the actor's organisation has sold, here at once and on chain as soon as it is confirmed.

    Args:
        reason: shown to the buyer; its hash goes on chain.

    Raises:
        NotFound: it was not sold by this organisation.
        LicenceNotRevocable: its terms do not allow this.
        InvalidInput: no reason. Repeats change nothing.
    """
    require(actor, MarketplacePermission.LIST)
    row = _lock_sold(actor, licence_id)
    if not TEMPLATES[row.terms].revocable:
        raise LicenceNotRevocable(licence_id)
    if row.state != LicenceState.ACTIVE:
        return licence_info(row)
    reason = reason.strip()
    if not 1 <= len(reason) <= MAX_REASON:
        message = f"Say why, in 1 to {MAX_REASON} characters: the buyer will read it."
        raise InvalidInput("reason_missing", message, errors=[{"field": "reason", "message": message}])
    with tenant_scope(row.tenant_id):
        row.state, row.end_reason = LicenceState.REVOKED, reason
        row.save(update_fields=["state", "end_reason", "updated_at"])
        publish(LicenceRevoked(row.id, row.asset_id, actor.organisation_id, reason))
        if row.chain_state in (RecordState.PENDING, RecordState.RECORDED):
            request_revocation(row)
    with tenant_scope(row.seller_id):
        asset_registry.set_access_of_source(
            source_type="marketplace.licence", source_id=str(row.id), active=False, expires_at=row.expires_at
        )
    record_audit(
        actor, action="licence.revoked", target_type="licence", target_id=licence_id, detail={"reason": reason}
    )
    notify(f"licences:{row.tenant_id}", {"state": row.state})
    return licence_info(row)


@transaction.atomic
def retry_revocation(*, actor: Actor, licence_id: UUID) -> LicenceInfo:
    """Ask the chain once more to end a licence that it did not end at first.

    Raises:
        NotFound: it was not sold by this organisation.
        RecordNotRetryable: its end on chain has not failed, and the contract has it no more.
    """
    require(actor, MarketplacePermission.LIST)
    row = _lock_sold(actor, licence_id)
    if not may_retry_revocation(licence_info(row)):
        raise RecordNotRetryable(row.revocation_state or "not on chain")
    with tenant_scope(row.tenant_id):
        request_revocation(row)
    record_audit(actor, action="licence.revocation_retried", target_type="licence", target_id=licence_id)
    return licence_info(row)


def _lock_sold(actor: Actor, licence_id: UUID) -> Licence:
    with all_tenants(reason="the seller ends a licence of the buyer"):
        rows = Licence.objects.select_for_update(of=("self",))
        row = rows.filter(Q(seller_id=actor.organisation_id), id=licence_id).first()
    if row is None:
        raise NotFound("licence_not_found", "There is no such licence.", licence_id=str(licence_id))
    return row
