"""Stopping and releasing an organisation's withdrawals.

A freeze stops new requests and keeps what waits out of the next payout round. What a published root promises is the
payee's: anybody can have it paid with its proof, and no freeze can take that back.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.core import clock, live
from apps.core.tenant import tenant_scope
from apps.payouts.errors import FrozenAlready, NotFrozen, ReasonMissing
from apps.payouts.locks import lock_epochs, lock_requests
from apps.payouts.models import PayoutFreeze
from apps.payouts.policies import require_person_of_staff
from apps.tenancy.selectors import organisation
from apps.tenancy.services import record_audit
from apps.tenancy.types import PLATFORM_ID, Actor, Role


@transaction.atomic
def freeze_payouts(*, actor: Actor, organisation_id: UUID, reason: str) -> None:
    """Stop an organisation's withdrawals.

    Args:
        reason: what the holder reads.

    Raises:
        NotFound, ReasonMissing, OrganisationNotFound, FrozenAlready
    """
    user_id = require_person_of_staff(actor)
    if not reason.strip():
        raise ReasonMissing
    organisation(organisation_id)
    _settle_order()
    with tenant_scope(organisation_id):
        if PayoutFreeze.objects.filter(lifted_at=None).exists():
            raise FrozenAlready
        PayoutFreeze.objects.create(reason=reason.strip(), frozen_by=user_id)
    _record(user_id, organisation_id, "payouts.frozen", reason.strip())


@transaction.atomic
def unfreeze_payouts(*, actor: Actor, organisation_id: UUID) -> None:
    """Let an organisation withdraw again; what waited is in the next payout round. Raises NotFound, NotFrozen."""
    user_id = require_person_of_staff(actor)
    _settle_order()
    with tenant_scope(organisation_id):
        lifted = PayoutFreeze.objects.filter(lifted_at=None).update(
            lifted_at=clock.now(), lifted_by=user_id, updated_at=clock.now()
        )
    if not lifted:
        raise NotFrozen
    _record(user_id, organisation_id, "payouts.unfrozen", "")


def _settle_order() -> None:
    """Requests and rounds that are being made now come before the freeze, all later ones after it."""
    lock_requests()
    lock_epochs()


def _record(user_id: UUID, organisation_id: UUID, action: str, reason: str) -> None:
    for trail in (organisation_id, PLATFORM_ID):
        record_audit(
            Actor(user_id, trail, Role.OWNER),
            action=action,
            target_type="organisation",
            target_id=organisation_id,
            detail={"reason": reason},
        )
    live.notify(f"earnings:{organisation_id}")
