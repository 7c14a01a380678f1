"""Locks of payouts, in the order in which they are taken: requests, epochs, withdrawals by id, the ledger's."""

from __future__ import annotations

from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from apps.payouts.errors import WithdrawalNotFound
from apps.payouts.models import PayoutFreeze, Withdrawal
from apps.payouts.types import WithdrawalState

#: Any fixed numbers; they name these locks among the database's advisory locks.
EPOCHS = 0x7061796F757473
REQUESTS = 0x7061796F757474


def lock_requests() -> None:
    """Only one withdrawal is asked for at a time, so that limits and freezes hold for each; until the end."""
    _lock(REQUESTS)


def lock_epochs() -> None:
    """Only one epoch is made or ended at a time, until the transaction ends."""
    _lock(EPOCHS)


def waiting() -> QuerySet[Withdrawal]:
    """Withdrawals that the next epoch pays: not those of frozen organisations (needs an `all_tenants` scope)."""
    frozen = PayoutFreeze.objects.filter(tenant_id=OuterRef("tenant_id"), lifted_at=None)
    return Withdrawal.objects.filter(~Exists(frozen), state=WithdrawalState.WAITING)


def lock_waiting() -> list[Withdrawal]:
    """The withdrawals that the next epoch pays, in primary-key order (needs an `all_tenants` scope)."""
    return list(waiting().select_for_update(of=("self",)).order_by("id"))


def lock_withdrawal(withdrawal_id: UUID) -> Withdrawal:
    """One withdrawal of the running scope. Raises WithdrawalNotFound."""
    rows = Withdrawal.objects.select_for_update(of=("self",)).select_related("epoch")
    row = rows.filter(id=withdrawal_id).first()
    if row is None:
        raise WithdrawalNotFound
    return row


def _lock(number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
