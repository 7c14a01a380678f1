"""Row locks of the ledger, always in primary-key order."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from apps.ledger.errors import HoldNotFound
from apps.ledger.models import Account, Hold
from apps.ledger.types import AccountRef


def lock_accounts(refs: Iterable[AccountRef]) -> dict[AccountRef, Account]:
    """Find or make the accounts and lock them in primary-key order; follows successors for credits later.

    Must run in a transaction and in an `all_tenants` scope (a transfer has two sides).
    """
    wanted = list(dict.fromkeys(refs))
    found = _find(wanted)
    missing = [ref for ref in wanted if ref not in found]
    if missing:
        Account.objects.bulk_create(
            [
                Account(tenant_id=ref.organisation_id, kind=ref.kind, currency=ref.currency, reference=ref.reference)
                for ref in missing
            ],
            ignore_conflicts=True,
        )
        found = _find(wanted)
    ids = {account_id for pair in found.values() for account_id in pair if account_id is not None}
    locked = {account.id: account for account in Account.objects.select_for_update().filter(id__in=ids).order_by("id")}
    return {ref: _resolve(locked, found[ref]) for ref in wanted}


def _resolve(locked: dict[UUID, Account], pair: tuple[UUID, UUID | None]) -> Account:
    account_id, successor_id = pair
    return locked[successor_id or account_id]


def _find(refs: list[AccountRef]) -> dict[AccountRef, tuple[UUID, UUID | None]]:
    rows = Account.objects.filter(
        tenant_id__in={ref.organisation_id for ref in refs},
        kind__in={ref.kind for ref in refs},
        currency__in={ref.currency for ref in refs},
    ).values_list("tenant_id", "kind", "currency", "reference", "id", "successor_id")
    by_name = {tuple(row[:4]): (row[4], row[5]) for row in rows}
    found: dict[AccountRef, tuple[UUID, UUID | None]] = {}
    for ref in refs:
        pair = by_name.get((ref.organisation_id, str(ref.kind), ref.currency, ref.reference))
        if pair is not None:
            found[ref] = pair
    return found


def lock_hold(hold_id: UUID) -> Hold:
    """Lock a hold's row. Raises HoldNotFound."""
    hold = Hold.objects.select_for_update(of=("self",)).select_related("account").filter(id=hold_id).first()
    if hold is None:
        raise HoldNotFound
    return hold
