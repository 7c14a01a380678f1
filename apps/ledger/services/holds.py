"""Holds: money set aside, then paid out in parts, given back, or given back by itself when its time is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F

from apps.core import clock
from apps.core.money import Amount
from apps.core.tenant import all_tenants
from apps.ledger import posting
from apps.ledger.models import Hold
from apps.ledger.services.transfers import check_units, post
from apps.ledger.types import AccountRef, HoldInfo, SourceRef, TransferInfo, TransferSpec, currency_of, units_of

#: Holds that one run of `expire_holds` looks at; the next run takes the rest.
EXPIRED_AT_ONCE = 500


@dataclass(frozen=True)
class HoldPart:
    """A payment out of a hold."""

    credit: AccountRef
    amount: Amount
    idempotency_key: str
    reason: str
    source: SourceRef


def place_hold(
    *,
    account: AccountRef,
    amount: Amount,
    idempotency_key: str,
    reason: str,
    source: SourceRef,
    expires_at: datetime | None = None,
) -> HoldInfo:
    """Set an amount aside, so that nothing else can spend it.

    Args:
        expires_at: from then on nothing more is captured, and what is open is released; never, where left out.

    Raises:
        InsufficientFunds: less is available; nothing was held.
        TransferKeyReused: the key was used for another hold.
    """
    if units_of(amount) <= 0 or currency_of(amount) != account.currency:
        raise ValueError("a hold is more than nothing, in the currency of its account")
    return posting.place_hold(
        account=account,
        units=units_of(amount),
        idempotency_key=idempotency_key,
        reason=reason,
        source=source,
        expires_at=expires_at,
    )


def capture_hold(
    *, hold_id: UUID, credit: AccountRef, amount: Amount, idempotency_key: str, reason: str, source: SourceRef
) -> TransferInfo:
    """Pay a part of a hold to an account; may be called many times until the hold is used up.

    Raises:
        HoldNotFound, HoldExceeded, TransferKeyReused
    """
    return capture_hold_for_many(hold_id=hold_id, parts=[HoldPart(credit, amount, idempotency_key, reason, source)])[0]


def capture_hold_for_many(*, hold_id: UUID, parts: Sequence[HoldPart]) -> list[TransferInfo]:
    """`capture_hold` for several parts, all or none, in one round trip. Their keys differ.

    Raises:
        HoldNotFound, HoldExceeded, TransferKeyReused: nothing was paid.
    """
    # The hold's account is debited; only the database knows which that is.
    specs = [
        TransferSpec(part.credit, part.credit, part.amount, part.idempotency_key, part.reason, part.source)
        for part in parts
    ]
    for spec in specs:
        check_units(spec)
    return post(specs, hold_id=hold_id)


def release_hold(*, hold_id: UUID, amount: Amount | None = None) -> HoldInfo:
    """Give back a part of a hold, or all that is left of it (which may be nothing).

    Raises:
        HoldNotFound, HoldExceeded
    """
    return posting.release_hold(hold_id, None if amount is None else units_of(amount))


def expire_holds() -> int:
    """Release what is open of every hold whose time is over; what was captured stays. Safe to repeat.

    Returns:
        How many holds were released.
    """
    with all_tenants(reason="holds of every organisation expire"):
        due = Hold.objects.filter(expires_at__lte=clock.now(), amount__gt=F("captured") + F("released"))
        ids = list(due.order_by("expires_at").values_list("id", flat=True)[:EXPIRED_AT_ONCE])
    for hold_id in ids:
        posting.release_hold(hold_id, None)
    return len(ids)
