"""Large withdrawals are approved by the platform's staff: by one, above a second threshold by two."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.core import live
from apps.core.tenant import all_tenants
from apps.payouts.errors import DecidedAlready, NotAwaitingApproval, NotIndependent, ReasonMissing
from apps.payouts.locks import lock_withdrawal
from apps.payouts.models import Withdrawal, WithdrawalDecision
from apps.payouts.policies import require_person_of_staff
from apps.payouts.selectors import withdrawal_info
from apps.payouts.services.returning import give_back
from apps.payouts.types import WithdrawalInfo, WithdrawalState
from apps.tenancy.selectors import is_member
from apps.tenancy.services import record_audit
from apps.tenancy.types import PLATFORM_ID, Actor, Role

REASON = "the staff decides on any organisation's withdrawals"


@transaction.atomic
def approve_withdrawal(*, actor: Actor, withdrawal_id: UUID) -> WithdrawalInfo:
    """Approve; with the last approval that is needed, the withdrawal waits for the next payout round.

    Raises:
        NotFound, WithdrawalNotFound, NotAwaitingApproval, NotIndependent, DecidedAlready
    """
    user_id = require_person_of_staff(actor)
    with all_tenants(reason=REASON):
        row = _locked(withdrawal_id)
        if user_id == row.requested_by or is_member(user_id, row.tenant_id):
            raise NotIndependent
        if row.decisions.filter(user_id=user_id).exists():
            raise DecidedAlready
        _decide(row, user_id, approved=True, reason="")
        if row.decisions.filter(approved=True).count() >= row.approvals_needed:
            row.state = WithdrawalState.WAITING
            row.save(update_fields=["state", "updated_at"])
        live.notify(f"earnings:{row.tenant_id}")
        return withdrawal_info(row)


@transaction.atomic
def reject_withdrawal(*, actor: Actor, withdrawal_id: UUID, reason: str) -> WithdrawalInfo:
    """Refuse a withdrawal that waits for approval; its money is earnings again, to the cent.

    Args:
        reason: what the payee reads.

    Raises:
        NotFound, WithdrawalNotFound, NotAwaitingApproval, ReasonMissing
    """
    user_id = require_person_of_staff(actor)
    if not reason.strip():
        raise ReasonMissing
    with all_tenants(reason=REASON):
        row = _locked(withdrawal_id)
        row.reason = reason.strip()
        if not row.decisions.filter(user_id=user_id).exists():
            _decide(row, user_id, approved=False, reason=row.reason)
        else:
            _audit(row, user_id, approved=False, reason=row.reason)
        give_back(row, WithdrawalState.REJECTED, "Withdrawal rejected")
        return withdrawal_info(row)


def _locked(withdrawal_id: UUID) -> Withdrawal:
    row = lock_withdrawal(withdrawal_id)
    if row.state != WithdrawalState.APPROVAL:
        raise NotAwaitingApproval(row.state)
    return row


def _decide(row: Withdrawal, user_id: UUID, *, approved: bool, reason: str) -> None:
    WithdrawalDecision.objects.create(
        tenant_id=row.tenant_id, withdrawal=row, user_id=user_id, approved=approved, reason=reason
    )
    _audit(row, user_id, approved=approved, reason=reason)


def _audit(row: Withdrawal, user_id: UUID, *, approved: bool, reason: str) -> None:
    """In the trail of the organisation, which may know who decided, and in the platform's own."""
    for organisation_id in (row.tenant_id, PLATFORM_ID):
        record_audit(
            Actor(user_id, organisation_id, Role.OWNER),
            action="withdrawal.approved" if approved else "withdrawal.rejected",
            target_type="withdrawal",
            target_id=row.id,
            detail={"amount_minor": str(row.amount_minor), "reason": reason},
        )
