"""Why an amount came, and what became of it: which earnings a payment took, unit by unit.

Money on an account is not marked, so the platform says which units leave first: those that came first (FIFO). An
account's incoming units stand in a row, in the order of its transfers; so do its outgoing ones. The n-th unit that left
is the n-th that came. Every unit that left thus has exactly one cause, and every unit that came one use or none yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet, Sum, Window

from apps.core.tenant import all_tenants
from apps.ledger.errors import TransferNotFound
from apps.ledger.explanations import explain
from apps.ledger.models import Account, Transfer
from apps.ledger.selectors.books import statement_line, transfer_info, transfers_of_source
from apps.ledger.types import AccountKind, Explanation, Share, TransferUse, amount_of
from apps.tenancy.selectors import organisation_names
from apps.tenancy.types import Actor

WHOLE_PATH = "the units of a payment are followed from account to account"
#: Transfers by which earnings change their account and stay the same person's.
MOVES = ("accounts.guest",)


def uses(transfer_id: UUID) -> list[Share]:
    """What became of a transfer's units on the account that they came to; less than all while some are still there.

    Earnings from before a sign-up are followed to the account that they moved to.
    """
    with all_tenants(reason=WHOLE_PATH):
        row = Transfer.objects.get(id=transfer_id)
        return list(_followed(row, 0, row.amount))


def causes(transfer_id: UUID) -> list[Share]:
    """Which incoming transfers the units of an outgoing one are from; they make up its whole amount, unless its
    account stands for the outside."""
    with all_tenants(reason=WHOLE_PATH):
        row = Transfer.objects.get(id=transfer_id)
        start = _total(
            Transfer.objects.filter(debit_account_id=row.debit_account_id, debit_sequence__lt=row.debit_sequence)
        )
        return [
            _share(other, high - low)
            for other, low, high in _overlapping(_credits(row.debit_account_id), start, start + row.amount)
        ]


def explanation(actor: Actor, transfer_id: UUID) -> Explanation:
    """Why a transfer was made, as one of its organisations may read it. Raises TransferNotFound."""
    row = Transfer.objects.filter(id=transfer_id).first()
    if row is None or actor.organisation_id not in (row.debit_tenant_id, row.credit_tenant_id):
        raise TransferNotFound
    line = statement_line(row, actor.organisation_id)
    earned = line.incoming and Account.objects.filter(id=row.credit_account_id, kind=AccountKind.EARNINGS).exists()
    used = [_use(actor, share) for share in uses(row.id)] if earned else []
    left = row.amount - sum(share.units for share in (use.share for use in used))
    with all_tenants(reason="the other side's name is told to whom it paid"):
        names = organisation_names([line.counterparty_id] if line.counterparty_id else [])
    return Explanation(
        line=line,
        counterparty=line.counterparty_among(names),
        facts=explain(line.source, actor.organisation_id),
        uses=used,
        left=amount_of(left, row.currency) if earned else None,
    )


def _use(actor: Actor, share: Share) -> TransferUse:
    steps = transfers_of_source(share.source.type, share.source.id)
    paid = next((step for step in reversed(steps) if "tx_hash" in step.source.detail), None)
    detail = paid.source.detail if paid is not None else {}
    return TransferUse(
        share=share,
        amount=amount_of(share.units, share.currency),
        facts=explain(share.source, actor.organisation_id),
        tx_hash=str(detail.get("tx_hash", "")),
        block_number=detail.get("block_number"),
        paid_at=paid.created_at if paid is not None else None,
    )


def _followed(row: Transfer, low: int, high: int) -> Iterator[Share]:
    """The uses of the units [low, high) of an incoming transfer."""
    earlier = Transfer.objects.filter(credit_account_id=row.credit_account_id, credit_sequence__lt=row.credit_sequence)
    start = _total(earlier)
    for other, first, last in _overlapping(_debits(row.credit_account_id), start + low, start + high):
        if other.source_type in MOVES:
            yield from _followed(other, first, last)
        else:
            yield _share(other, last - first)


def _overlapping(rows: QuerySet[Any], low: int, high: int) -> Iterator[tuple[Transfer, int, int]]:
    """Transfers of one side that hold units [low, high) of that side's row, each with its part, from its own start."""
    for row in rows.filter(end__gt=low, end__lt=F("amount") + high):
        start = row.end - row.amount
        yield row, max(low - start, 0), min(high - start, row.amount)


def _debits(account_id: UUID) -> QuerySet[Any]:
    end = Window(Sum("amount"), order_by=F("debit_sequence").asc())
    return Transfer.objects.filter(debit_account_id=account_id).annotate(end=end).order_by("debit_sequence")


def _credits(account_id: UUID) -> QuerySet[Any]:
    end = Window(Sum("amount"), order_by=F("credit_sequence").asc())
    return Transfer.objects.filter(credit_account_id=account_id).annotate(end=end).order_by("credit_sequence")


def _total(rows: QuerySet[Transfer]) -> int:
    return int(rows.aggregate(total=Sum("amount"))["total"] or 0)


def _share(row: Transfer, units: int) -> Share:
    info = transfer_info(row)
    return Share(row.id, units, row.currency, info.reason, info.source, info.created_at)
