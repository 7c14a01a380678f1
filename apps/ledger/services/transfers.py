"""Transfers: idempotent, balanced by construction, made under primary-key-ordered locks in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.core import live
from apps.core.money import Amount
from apps.core.tenant import all_tenants
from apps.ledger import posting
from apps.ledger.errors import TransferKeyReused
from apps.ledger.models import Account, Transfer
from apps.ledger.selectors import transfer_info
from apps.ledger.types import (
    AccountKind,
    AccountRef,
    SourceRef,
    TransferInfo,
    TransferSpec,
    amount_of,
    currency_of,
    units_of,
)

BOTH_SIDES = "a transfer touches the accounts of both sides"
#: Reads a key that another account of the organisation used at the same moment as what it is: a key used twice.
KEY_CONSTRAINT = "ledger_transfer_once"


def transfer(
    *, debit: AccountRef, credit: AccountRef, amount: Amount, idempotency_key: str, reason: str, source: SourceRef
) -> TransferInfo:
    """Move an amount from the debited to the credited account.

    Raises:
        InsufficientFunds: the debited account has less available.
        TransferKeyReused: the key was used for another transfer.
    """
    spec = TransferSpec(debit, credit, amount, idempotency_key, reason, source)
    _check(spec)
    return post([spec])[0]


def post_batch(specs: Sequence[TransferSpec]) -> list[TransferInfo]:
    """Make several transfers, all or none, in the order given.

    Raises:
        InsufficientFunds, TransferKeyReused: as `transfer`; nothing was posted.
    """
    for spec in specs:
        _check(spec)
    places: dict[tuple[UUID, str], int] = {}
    distinct: list[TransferSpec] = []
    order = []
    for spec in specs:
        key = (spec.debit.organisation_id, spec.idempotency_key)
        if key not in places:
            places[key] = len(distinct)
            distinct.append(spec)
        elif not _is_same(distinct[places[key]], spec):
            raise TransferKeyReused(spec.idempotency_key)
        order.append(places[key])
    made = post(distinct)
    return [made[place] for place in order]


def _is_same(one: TransferSpec, other: TransferSpec) -> bool:
    return (one.debit, one.credit, one.amount) == (other.debit, other.credit, other.amount)


def _check(spec: TransferSpec) -> None:
    check_units(spec)
    if currency_of(spec.amount) != spec.debit.currency:
        raise ValueError("a transfer stays in one currency")


def check_units(spec: TransferSpec) -> None:
    """Raise ValueError for what no caller may ask: nothing or less, or another currency than the payee's."""
    if units_of(spec.amount) <= 0:
        raise ValueError("a transfer moves more than nothing")
    if currency_of(spec.amount) != spec.credit.currency:
        raise ValueError("a transfer stays in one currency")


def post(specs: Sequence[TransferSpec], *, hold_id: UUID | None = None) -> list[TransferInfo]:
    """Post checked specs whose keys differ, tell the payees, and answer what was made, now or before."""
    if not specs:
        return []
    try:
        posted = posting.post(specs, hold_id=hold_id)
    except IntegrityError as error:
        if KEY_CONSTRAINT in str(error):
            raise TransferKeyReused(specs[0].idempotency_key) from error
        raise
    for organisation_id in posted.payees:
        # Earnings are seen at once: open pages of the payees hear of them after the commit.
        live.notify(f"earnings:{organisation_id}")
    known = _transfers([transfer_id for transfer_id in posted.earlier if transfer_id is not None])
    return [
        known[earlier] if earlier is not None else TransferInfo(made, spec.amount, spec.reason, spec.source, posted.at)
        for spec, made, earlier in zip(specs, posted.ids, posted.earlier, strict=True)
    ]


def _transfers(ids: Sequence[UUID]) -> dict[UUID, TransferInfo]:
    if not ids:
        return {}
    with all_tenants(reason=BOTH_SIDES):
        return {row.id: transfer_info(row) for row in Transfer.objects.filter(id__in=ids)}


def move_earnings_to_successor(*, source_id: UUID, target_id: UUID, currency: str) -> None:
    """A guest became a user: the guest's earnings, now and later, are the user's."""
    source = AccountRef(source_id, AccountKind.EARNINGS, currency)
    target = AccountRef(target_id, AccountKind.EARNINGS, currency)
    if source == target:
        return
    with all_tenants(reason=BOTH_SIDES), transaction.atomic():
        pair = [posting.open_account(ref) for ref in (source, target)]
        accounts = {
            row.id: row for row in Account.objects.select_for_update(no_key=True).filter(id__in=pair).order_by("id")
        }
        old = accounts[pair[0]]
        if old.successor_id is not None:
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
            post([spec])
        Account.objects.filter(id=old.id).update(successor=pair[1])
