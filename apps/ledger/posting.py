"""The ledger's functions in PostgreSQL (migrations 0005 and 0006), as Python calls: one round trip each.

They need no tenant scope and no transaction of their own: what they refuse they refuse before anything is written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.db import connection

from apps.core import clock
from apps.core.ids import uuid7
from apps.ledger.errors import HoldExceeded, HoldNotFound, InsufficientFunds, TransferKeyReused
from apps.ledger.types import (
    AccountKind,
    AccountRef,
    HoldInfo,
    SourceRef,
    TransferSpec,
    amount_of,
    currency_of,
    units_of,
)

if TYPE_CHECKING:
    from apps.core.postgresql.base import DatabaseWrapper

#: What stands for the account of a hold, which only the database knows.
HOLD_ACCOUNT = 1


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a batch: one id a transfer, which of them had been made before, and who earned."""

    ids: list[UUID]
    earlier: list[UUID | None]
    payees: list[UUID]
    at: datetime


def post(specs: Sequence[TransferSpec], *, hold_id: UUID | None = None) -> Posted:
    """Make transfers, all or none; with a hold the money comes from it and `debit` of the specs is not read.

    Raises:
        InsufficientFunds, TransferKeyReused, HoldNotFound, HoldExceeded: nothing was posted.
    """
    if len(specs) == 1 and hold_id is None and (posted := _post_one(specs[0])) is not None:
        return posted
    places = _places(specs, hold_id)
    transfers = []
    ids = []
    for spec in specs:
        transfer_id = uuid7()
        ids.append(transfer_id)
        transfers.append(
            (
                places[spec.debit] if hold_id is None else HOLD_ACCOUNT,
                places[spec.credit],
                str(transfer_id),
                units_of(spec.amount),
                spec.idempotency_key,
                spec.reason,
                spec.source.type,
                spec.source.id,
                spec.source.detail,
            )
        )
    accounts = [_name(ref) for ref in places]
    at = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT problem, place, available, earlier, payees FROM ledger_post(%s::jsonb, %s::jsonb, %s, %s)",
            (json.dumps([None, *accounts] if hold_id else accounts), json.dumps(transfers), at, hold_id),
        )
        problem, place, available, earlier, payees = cursor.fetchone()
    if problem is not None:
        raise _refusal(problem, specs[place - 1] if place else None, available)
    return Posted(ids, earlier, payees, at)


POST_ONE = f"SELECT ledger_post_one({', '.join(['%s'] * 15)})"


def _post_one(spec: TransferSpec) -> Posted | None:
    """Make a transfer of the plainest kind; None, and nothing changed, where `ledger_post` has to decide."""
    transfer_id, at = uuid7(), clock.now()
    debit, credit, source = spec.debit, spec.credit, spec.source
    (made,) = cast("DatabaseWrapper", connection).fetch_prepared(
        POST_ONE,
        (
            transfer_id,
            debit.organisation_id,
            str(debit.kind),
            debit.reference,
            credit.organisation_id,
            str(credit.kind),
            credit.reference,
            credit.currency,
            units_of(spec.amount),
            spec.idempotency_key,
            spec.reason,
            source.type,
            source.id,
            json.dumps(source.detail) if source.detail else "{}",
            at,
        ),
    )
    if not made:
        return None
    return Posted([transfer_id], [None], [credit.organisation_id] if credit.kind == AccountKind.EARNINGS else [], at)


def _places(specs: Sequence[TransferSpec], hold_id: UUID | None) -> dict[AccountRef, int]:
    """Each account once, in the order of names (new ones are made in it), with its place from 1 on."""
    refs = {ref for spec in specs for ref in ((spec.debit, spec.credit) if hold_id is None else (spec.credit,))}
    ordered = sorted(refs, key=lambda ref: (ref.organisation_id, ref.kind, ref.currency, ref.reference))
    return {ref: place for place, ref in enumerate(ordered, 1 if hold_id is None else HOLD_ACCOUNT + 1)}


def _name(ref: AccountRef) -> tuple[str, str, str, str, str]:
    return (str(ref.organisation_id), str(ref.kind), ref.currency, ref.reference, str(uuid7()))


def _refusal(problem: str, spec: TransferSpec | None, available: int | None) -> Exception:
    if spec is None:
        return HoldNotFound()
    if problem == "key_reused":
        return TransferKeyReused(spec.idempotency_key)
    left = amount_of(available or 0, currency_of(spec.amount))
    if problem == "hold_exceeded":
        return HoldExceeded(asked=spec.amount, still_held=left)
    return InsufficientFunds(needed=spec.amount, available=left)


def place_hold(
    *,
    account: AccountRef,
    units: int,
    idempotency_key: str,
    reason: str,
    source: SourceRef,
    expires_at: datetime | None,
) -> HoldInfo:
    """Set units aside. Raises InsufficientFunds, TransferKeyReused."""
    row, (problem, available) = _hold_call(
        "SELECT (placed.hold).*, problem, available"
        " FROM ledger_place_hold(%s::jsonb, %s, %s, %s, %s, %s, %s, %s, %s) AS placed",
        (
            json.dumps(_name(account)),
            uuid7(),
            units,
            idempotency_key,
            reason,
            source.type,
            source.id,
            clock.now(),
            expires_at,
        ),
        2,
    )
    if problem == "key_reused":
        raise TransferKeyReused(idempotency_key)
    if problem is not None:
        raise InsufficientFunds(
            needed=amount_of(units, account.currency), available=amount_of(available, account.currency)
        )
    return _hold_info(row, account.currency)


def release_hold(hold_id: UUID, units: int | None) -> HoldInfo:
    """Give units of a hold back, or all that is open. Raises HoldNotFound, HoldExceeded."""
    row, (problem, currency) = _hold_call(
        "SELECT (done.hold).*, problem, currency FROM ledger_release_hold(%s, %s) AS done", (hold_id, units), 2
    )
    if problem == "hold_not_found":
        raise HoldNotFound
    info = _hold_info(row, currency)
    if problem is not None:
        raise HoldExceeded(asked=amount_of(units or 0, currency), still_held=info.open)
    return info


def _hold_call(sql: str, params: tuple[Any, ...], extra: int) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """A row of holds by column name, and the answer's last columns."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        values = cursor.fetchone()
        names = [column.name for column in cursor.description]
    return dict(zip(names[:-extra], values[:-extra], strict=True)), values[-extra:]


def _hold_info(row: dict[str, Any], currency: str) -> HoldInfo:
    return HoldInfo(
        row["id"],
        amount_of(row["amount"], currency),
        amount_of(row["captured"], currency),
        amount_of(row["released"], currency),
        row["expires_at"],
    )


def open_account(ref: AccountRef) -> UUID:
    """The id of an account, made if it is not there. Runs in an `all_tenants` scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger_open_account(%s::jsonb, %s)", (json.dumps(_name(ref)), clock.now()))
        opened: UUID = cursor.fetchone()[0]
    return opened
