"""Reading what a statement is asked for: days, and the place to continue from. Shared by pages and API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from apps.ledger.errors import StatementQueryInvalid

MOST_LINES = 100
LINES = 25


@dataclass(frozen=True, slots=True)
class StatementQuery:
    """First and last day (UTC), the sequence number to continue before, and how many lines."""

    since: date | None = None
    until: date | None = None
    before: int | None = None
    limit: int = LINES

    @classmethod
    def read(cls, given: Mapping[str, str]) -> StatementQuery:
        """From `?from=&to=&cursor=&limit=`. Raises StatementQueryInvalid."""
        query = cls(
            since=_day(given, "from"),
            until=_day(given, "to"),
            before=_number(given, "cursor"),
            limit=min(_number(given, "limit") or LINES, MOST_LINES),
        )
        if query.since is not None and query.until is not None and query.since > query.until:
            raise StatementQueryInvalid("to", "The last day is before the first.")
        return query

    def link(self, **changes: object) -> str:
        """The query string of this query with something else in it."""
        values = {"from": self.since, "to": self.until, "cursor": self.before, **changes}
        return "?" + urlencode({name: str(value) for name, value in values.items() if value is not None})


def _day(given: Mapping[str, str], field: str) -> date | None:
    text = given.get(field, "").strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise StatementQueryInvalid(field, "A day is written like 2026-11-22.") from None


def _number(given: Mapping[str, str], field: str) -> int | None:
    text = given.get(field, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 18 and int(text) > 0):
        raise StatementQueryInvalid(field, "A whole number above 0 is needed.")
    return int(text)
