"""Statements: an account's transfers in its own order, with the balance after each, paged by its sequence numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.ledger.errors import AccountNotFound
from apps.ledger.models import Account, Transfer
from apps.ledger.selectors.lines import line_of
from apps.ledger.types import StatementLine, StatementPage, amount_of
from apps.tenancy.types import Actor

EXPORT_CHUNK = 500


def account_of(actor: Actor, account_id: UUID) -> Account:
    """One account of the actor's organisation. Raises AccountNotFound."""
    row = Account.objects.filter(id=account_id, tenant_id=actor.organisation_id).first()
    if row is None:
        raise AccountNotFound
    return row


def account_statement(
    actor: Actor,
    account_id: UUID,
    *,
    before: int | None = None,
    limit: int = 50,
    since: date | None = None,
    until: date | None = None,
) -> StatementPage:
    """A page of an account's statement, newest first.

    Args:
        before: the `next` of the page before.
        since, until: first and last day (UTC).

    Raises:
        AccountNotFound
    """
    account = account_of(actor, account_id)
    highest = account.sequence + 1 if before is None else before
    within = _within(since, until)
    debits = _side(account, "debit", within).filter(debit_sequence__lt=highest).order_by("-debit_sequence")
    credits_ = _side(account, "credit", within).filter(credit_sequence__lt=highest).order_by("-credit_sequence")
    rows = [_line(account, row) for row in (*debits[: limit + 1], *credits_[: limit + 1])]
    rows.sort(key=lambda line: line.sequence, reverse=True)
    return StatementPage(rows[:limit], rows[limit - 1].sequence if len(rows) > limit else None)


def account_lines(
    actor: Actor, account_id: UUID, *, since: date | None = None, until: date | None = None
) -> Iterator[StatementLine]:
    """All lines of an account, oldest first, read in pieces (export). Raises AccountNotFound."""
    account = account_of(actor, account_id)
    within = _within(since, until)

    def lines() -> Iterator[StatementLine]:
        after = 0
        while True:
            debits = _side(account, "debit", within).filter(debit_sequence__gt=after).order_by("debit_sequence")
            credits_ = _side(account, "credit", within).filter(credit_sequence__gt=after).order_by("credit_sequence")
            rows = [_line(account, row) for row in (*debits[:EXPORT_CHUNK], *credits_[:EXPORT_CHUNK])]
            rows.sort(key=lambda line: line.sequence)
            if not rows:
                return
            yield from rows[:EXPORT_CHUNK]
            after = rows[:EXPORT_CHUNK][-1].sequence

    return lines()


def _within(since: date | None, until: date | None) -> Q:
    condition = Q()
    if since is not None:
        condition &= Q(created_at__gte=datetime.combine(since, time.min, UTC))
    if until is not None:
        condition &= Q(created_at__lt=datetime.combine(until, time.min, UTC) + timedelta(days=1))
    return condition


def _side(account: Account, side: str, within: Q) -> QuerySet[Transfer]:
    return Transfer.objects.filter(within, **{f"{side}_account_id": account.id})


def _line(account: Account, row: Transfer) -> StatementLine:
    incoming = row.credit_account_id == account.id
    return line_of(
        row,
        incoming=incoming,
        balance=amount_of(row.credit_balance if incoming else row.debit_balance, row.currency),
        sequence=row.credit_sequence if incoming else row.debit_sequence,
    )
