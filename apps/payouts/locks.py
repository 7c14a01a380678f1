"""Locks of payouts."""

from __future__ import annotations

from django.db import connection

from apps.payouts.models import Withdrawal
from apps.payouts.types import WithdrawalState

#: Any fixed number; it names this lock among the database's advisory locks.
EPOCHS = 0x7061796F757473


def lock_epochs() -> None:
    """Only one epoch is made or ended at a time, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [EPOCHS])


def lock_waiting() -> list[Withdrawal]:
    """All withdrawals that wait for an epoch, in primary-key order (needs an `all_tenants` scope)."""
    return list(Withdrawal.objects.select_for_update().filter(state=WithdrawalState.WAITING).order_by("id"))
