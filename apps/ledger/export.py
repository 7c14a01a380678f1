"""Statements as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from apps.ledger.types import StatementLine, currency_of, units_of

HEADINGS = ("number", "id", "time_utc", "amount", "balance", "currency", "what_for", "source", "source_id", "rule")
#: A cell that starts like this would be run as a formula by spreadsheet programs.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    """Hands each written line back, so that the answer streams."""

    def write(self, value: str) -> str:
        return value


def csv_lines(lines: Iterable[StatementLine]) -> Iterator[str]:
    """The file, line by line; amounts and balances in minor or raw units, outgoing amounts negative."""
    writer = csv.writer(_Echo())
    yield writer.writerow(HEADINGS)
    for line in lines:
        yield writer.writerow([_inert(cell) for cell in _cells(line)])


def _cells(line: StatementLine) -> tuple[Any, ...]:
    units = units_of(line.amount)
    return (
        line.sequence,
        line.id,
        line.created_at.isoformat(),
        units if line.incoming else -units,
        units_of(line.balance) if line.balance is not None else "",
        currency_of(line.amount),
        line.reason,
        line.source.type,
        line.source.id,
        str(line.source.detail.get("rule", "")),
    )


def _inert(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell
