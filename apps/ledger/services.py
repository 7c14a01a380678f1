"""Movements of money. Every one is idempotent, balanced by construction, and done under primary-key-ordered locks."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from apps.core import live
from apps.core.money import Amount
from apps.core.tenant import all_tenants
from apps.ledger.errors import HoldExceeded, InsufficientFunds, TransferKeyReused
from apps.ledger.locks import lock_accounts, lock_hold
from apps.ledger.models import Account, Hold, Transfer
from apps.ledger.selectors import hold_info, transfer_info
from apps.ledger.types import (
    OUTSIDE_KINDS,
    AccountKind,
    AccountRef,
    HoldInfo,
    SourceRef,
    TransferInfo,
    TransferSpec,
    amount_of,
    currency_of,
    units_of,
)

BOTH_SIDES = "a transfer touches the accounts of both sides"


def transfer(
    *, debit: AccountRef, credit: AccountRef, amount: Amount, idempotency_key: str, reason: str, source: SourceRef
) -> TransferInfo:
    """Move an amount from the debited to the credited account.

    Raises:
        InsufficientFunds: the debited account has less available.
        TransferKeyReused: the key was used for another transfer.
    """
    return post_batch([TransferSpec(debit, credit, amount, idempotency_key, reason, source)])[0]


def post_batch(specs: Sequence[TransferSpec]) -> list[TransferInfo]:
    """Make several transfers, all or none, in the order given.

    Raises:
        InsufficientFunds, TransferKeyReused: as `transfer`; nothing was posted.
    """
    for spec in specs:
        _check_units(spec)
    with all_tenants(reason=BOTH_SIDES), transaction.atomic():
        accounts = lock_accounts(ref for spec in specs for ref in (spec.debit, spec.credit))
        rows = [_row(spec, accounts[spec.debit], accounts[spec.credit]) for spec in specs]
        return [transfer_info(row) for row in _post(rows, list(accounts.values()))]


def place_hold(
    *, account: AccountRef, amount: Amount, idempotency_key: str, reason: str, source: SourceRef
) -> HoldInfo:
    """Set an amount aside, so that nothing else can spend it.

    Raises:
        InsufficientFunds: less is available; nothing was held.
        TransferKeyReused: the key was used for another hold.
    """
    with all_tenants(reason=BOTH_SIDES), transaction.atomic():
        row = lock_accounts([account])[account]
        existing = Hold.objects.select_related("account").filter(
            tenant_id=row.tenant_id, idempotency_key=idempotency_key
        )
        for hold in existing:
            if hold.amount != units_of(amount) or hold.account_id != row.id:
                raise TransferKeyReused(idempotency_key)
            return hold_info(hold)
        _require_available(row, units_of(amount))
        return hold_info(
            Hold.objects.create(
                tenant_id=row.tenant_id,
                account=row,
                amount=units_of(amount),
                idempotency_key=idempotency_key,
                reason=reason,
                source_type=source.type,
                source_id=source.id,
            )
        )


def capture_hold(
    *, hold_id: UUID, credit: AccountRef, amount: Amount, idempotency_key: str, reason: str, source: SourceRef
) -> TransferInfo:
    """Pay a part of a hold to an account; may be called many times until the hold is used up.

    Raises:
        HoldNotFound, HoldExceeded, TransferKeyReused
    """
    with all_tenants(reason=BOTH_SIDES), transaction.atomic():
        hold = lock_hold(hold_id)
        debit = _ref_of(hold.account)
        accounts = lock_accounts([debit, credit])
        row = _row(TransferSpec(debit, credit, amount, idempotency_key, reason, source), hold.account, accounts[credit])
        row.hold = hold
        existing = _existing([row])
        if existing:
            return transfer_info(existing[row.idempotency_key])
        _require_open(hold, units_of(amount))
        hold.captured += units_of(amount)
        hold.save(update_fields=["captured"])
        row.save(force_insert=True)
        _tell_payees([accounts[credit]])
        return transfer_info(row)


def release_hold(*, hold_id: UUID, amount: Amount | None = None) -> HoldInfo:
    """Give back a part of a hold, or all that is left of it (which may be nothing).

    Raises:
        HoldNotFound, HoldExceeded
    """
    with all_tenants(reason=BOTH_SIDES), transaction.atomic():
        hold = lock_hold(hold_id)
        lock_accounts([_ref_of(hold.account)])
        still_open = hold.amount - hold.captured - hold.released
        units = still_open if amount is None else units_of(amount)
        if units:
            _require_open(hold, units)
            hold.released += units
            hold.save(update_fields=["released"])
        return hold_info(hold)


def move_earnings_to_successor(*, source_id: UUID, target_id: UUID, currency: str) -> None:
    """A guest became a user: the guest's earnings, now and later, are the user's."""
    source = AccountRef(source_id, AccountKind.EARNINGS, currency)
    target = AccountRef(target_id, AccountKind.EARNINGS, currency)
    with all_tenants(reason=BOTH_SIDES), transaction.atomic():
        accounts = lock_accounts([source, target])
        old, new = accounts[source], accounts[target]
        if old.id == new.id:
            return
        if old.posted:
            spec = TransferSpec(
                source,
                target,
                amount_of(old.posted, currency),
                f"guest-merged:{source_id}",
                "Earnings from before you signed in",
                SourceRef("accounts.guest", str(source_id)),
            )
            _post([_row(spec, old, new)], [old, new])
        Account.objects.filter(id=old.id).update(successor=new)


def _ref_of(account: Account) -> AccountRef:
    return AccountRef(account.tenant_id, AccountKind(account.kind), account.currency, account.reference)


def _check_units(spec: TransferSpec) -> None:
    currency = currency_of(spec.amount)
    if units_of(spec.amount) <= 0:
        raise ValueError("a transfer moves more than nothing")
    if currency != spec.debit.currency or currency != spec.credit.currency:
        raise ValueError("a transfer stays in one currency")


def _row(spec: TransferSpec, debit: Account, credit: Account) -> Transfer:
    return Transfer(
        debit_account=debit,
        credit_account=credit,
        debit_tenant_id=debit.tenant_id,
        credit_tenant_id=credit.tenant_id,
        amount=units_of(spec.amount),
        currency=currency_of(spec.amount),
        idempotency_key=spec.idempotency_key,
        reason=spec.reason,
        source_type=spec.source.type,
        source_id=spec.source.id,
        detail=spec.source.detail,
    )


def _existing(rows: Sequence[Transfer]) -> dict[str, Transfer]:
    """Earlier transfers with the same keys; the account locks make sure that none is on its way."""
    keys = [row.idempotency_key for row in rows]
    tenants = {row.debit_tenant_id for row in rows}
    found = {
        (row.debit_tenant_id, row.idempotency_key): row
        for row in Transfer.objects.filter(debit_tenant_id__in=tenants, idempotency_key__in=keys)
    }
    matching = {}
    for row in rows:
        earlier = found.get((row.debit_tenant_id, row.idempotency_key))
        if earlier is None:
            continue
        same = (earlier.amount, earlier.currency, earlier.debit_account_id, earlier.credit_account_id) == (
            row.amount,
            row.currency,
            row.debit_account_id,
            row.credit_account_id,
        )
        if not same:
            raise TransferKeyReused(row.idempotency_key)
        matching[row.idempotency_key] = earlier
    return matching


def _post(rows: list[Transfer], accounts: Sequence[Account]) -> list[Transfer]:
    existing = _existing(rows)
    new = [row for row in rows if row.idempotency_key not in existing]
    available = {account.id: account.posted - account.held for account in accounts}
    by_id = {account.id: account for account in accounts}
    for row in new:
        debit = by_id[row.debit_account_id]
        if debit.kind not in OUTSIDE_KINDS and available[debit.id] < row.amount:
            raise InsufficientFunds(
                needed=amount_of(row.amount, row.currency), available=amount_of(available[debit.id], row.currency)
            )
        available[debit.id] -= row.amount
        available[row.credit_account_id] += row.amount
    Transfer.objects.bulk_create(new)
    _tell_payees([by_id[row.credit_account_id] for row in new])
    return [existing.get(row.idempotency_key, row) for row in rows]


def _tell_payees(credited: Sequence[Account]) -> None:
    """Earnings are seen at once: open pages of the payees hear of them after the commit."""
    for organisation_id in {account.tenant_id for account in credited if account.kind == AccountKind.EARNINGS}:
        live.notify(f"earnings:{organisation_id}")


def _require_available(account: Account, units: int) -> None:
    available = account.posted - account.held
    if account.kind not in OUTSIDE_KINDS and available < units:
        raise InsufficientFunds(
            needed=amount_of(units, account.currency), available=amount_of(available, account.currency)
        )


def _require_open(hold: Hold, units: int) -> None:
    still_open = hold.amount - hold.captured - hold.released
    if units > still_open:
        currency = hold.account.currency
        raise HoldExceeded(asked=amount_of(units, currency), still_held=amount_of(still_open, currency))
