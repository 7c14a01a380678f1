"""A calendar year of income and withdrawals for the tax return, per organisation. Days are UTC."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models.functions import ExtractYear

from apps.core.errors import InvalidInput
from apps.core.money import Money
from apps.ledger.types import units_of
from apps.payouts.export import Echo, inert
from apps.payouts.models import Withdrawal
from apps.payouts.policies import require
from apps.payouts.selectors import earned, earned_lines
from apps.payouts.types import CURRENCY, PayoutsPermission, WithdrawalState
from apps.tenancy.selectors import organisation_names
from apps.tenancy.types import Actor

HEADINGS = (
    "date_utc",
    "kind",
    "amount_minor",
    "currency",
    "what_for",
    "source",
    "counterparty",
    "tx_hash",
    "tokens_raw",
)
FIRST_YEAR = 2020
LAST_YEAR = 9998
#: Transfers of this source are withdrawals and their return: they are no income.
OWN_SOURCE = "payouts.withdrawal"


@dataclass(frozen=True, slots=True)
class TaxLine:
    """One income or one withdrawal that has reached the wallet."""

    at: datetime
    kind: str
    amount: Money
    what_for: str
    source: str
    counterparty: str = ""
    tx_hash: str = ""
    tokens_raw: int | None = None

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "date": self.at.date().isoformat(),
            "kind": self.kind,
            "amount": self.amount.as_json(),
            "what_for": self.what_for,
            "source": self.source,
            "counterparty": self.counterparty,
            "tx_hash": self.tx_hash or None,
            "tokens_raw": None if self.tokens_raw is None else str(self.tokens_raw),
        }


@dataclass(frozen=True, slots=True)
class TaxReport:
    """A year: `gross` was earned in it, `withdrawn` reached the wallet in it (earned then or before)."""

    year: int
    lines: tuple[TaxLine, ...]
    gross: Money
    withdrawn: Money


def years(actor: Actor) -> list[TaxReport]:
    """The years in which something was earned or withdrawn, newest first."""
    require(actor, PayoutsPermission.VIEW)
    found = set(
        earned(actor).order_by().annotate(year=ExtractYear("created_at")).values_list("year", flat=True).distinct()
    )
    found |= {at.year for at in Withdrawal.objects.exclude(claimed_at=None).values_list("claimed_at", flat=True) if at}
    return [report(actor, year) for year in sorted(found, reverse=True)]


def report(actor: Actor, year: int) -> TaxReport:
    """One calendar year, oldest line first.

    Raises:
        NotPermitted, InvalidInput: no such year.
    """
    require(actor, PayoutsPermission.VIEW)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise InvalidInput("year_unknown", f"There is no report of the year {year}.")
    first, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    income, withdrawals = _income(actor, first, end), _withdrawals(actor, first, end)
    lines = tuple(sorted([*income, *withdrawals], key=lambda line: line.at))
    return TaxReport(
        year,
        lines,
        gross=Money(sum(line.amount.minor for line in income), CURRENCY),
        withdrawn=Money(sum(line.amount.minor for line in withdrawals), CURRENCY),
    )


def csv_lines(found: TaxReport) -> Iterator[str]:
    """The file, line by line, with the totals last."""
    writer = csv.writer(Echo())
    yield writer.writerow(HEADINGS)
    for line in found.lines:
        cells = (
            line.at.date().isoformat(), line.kind, line.amount.minor, line.amount.currency, line.what_for, line.source,
            line.counterparty, line.tx_hash, "" if line.tokens_raw is None else line.tokens_raw,
        )  # fmt: skip
        yield writer.writerow([inert(cell) for cell in cells])
    for what, total in (("total earned", found.gross), ("total withdrawn", found.withdrawn)):
        yield writer.writerow([f"{found.year}", what, total.minor, total.currency, "", "", "", "", ""])


def _income(actor: Actor, first: datetime, end: datetime) -> list[TaxLine]:
    """What came in, less what earlier income was corrected by (negative)."""
    rows = [line for line in earned_lines(actor) if first <= line.created_at < end and line.source.type != OWN_SOURCE]
    names = organisation_names(line.counterparty_id for line in rows if line.counterparty_id is not None)
    return [
        TaxLine(
            at=line.created_at,
            kind="income" if line.incoming else "correction",
            amount=Money(units_of(line.amount) if line.incoming else -units_of(line.amount), CURRENCY),
            what_for=line.reason,
            source=line.source.type,
            counterparty=line.counterparty_among(names),
        )
        for line in rows
    ]


def _withdrawals(actor: Actor, first: datetime, end: datetime) -> list[TaxLine]:
    rows = Withdrawal.objects.filter(
        tenant_id=actor.organisation_id, state=WithdrawalState.CLAIMED, claimed_at__gte=first, claimed_at__lt=end
    )
    return [
        TaxLine(
            at=row.claimed_at,
            kind="withdrawal",
            amount=Money(row.amount_minor, CURRENCY),
            what_for=f"Paid to {row.address}",
            source=OWN_SOURCE,
            tx_hash=row.tx_hash,
            tokens_raw=row.token_raw,
        )
        for row in rows.order_by("id")
        if row.claimed_at is not None
    ]
