"""Earnings as CSV, for bookkeeping and tax."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from apps.ledger.types import StatementLine, currency_of, units_of

HEADINGS = ("id", "time_utc", "amount_minor", "currency", "what_for", "source", "source_id", "rule")
#: A cell that starts like this would be run as a formula by spreadsheet programs.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Echo:
    """Hands each written line back, so that the answer streams."""

    def write(self, value: str) -> str:
        """The line itself."""
        return value


def csv_lines(lines: Iterable[StatementLine]) -> Iterator[str]:
    """The file, line by line; outgoing amounts are negative."""
    writer = csv.writer(Echo())
    yield writer.writerow(HEADINGS)
    for line in lines:
        yield writer.writerow([inert(cell) for cell in _cells(line)])


def _cells(line: StatementLine) -> tuple[Any, ...]:
    units = units_of(line.amount)
    return (
        line.id,
        line.created_at.isoformat(),
        units if line.incoming else -units,
        currency_of(line.amount),
        line.reason,
        line.source.type,
        line.source.id,
        str(line.source.detail.get("rule", "")),
    )


def inert(cell: Any) -> Any:
    """A cell that no spreadsheet program runs as a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell
