"""What differs between two versions, found on disk: memory stays flat whatever their size.

Rows are the same row where their `id` is. Where either version has no `id`, or one that repeats, rows are the same
where all else but their split is, and nothing counts as changed but the split.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from apps.datasets.rows import canonical_row
from apps.datasets.types import Row

_BATCH = 2_000


class Change(StrEnum):
    """What became of a row."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True)
class RowChange:
    """One row that differs: as it was and as it is; `columns` are those that changed."""

    change: Change
    key: str
    before: Row | None
    after: Row | None
    columns: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "change": self.change.value,
            "key": self.key,
            "before": self.before,
            "after": self.after,
            "columns": list(self.columns),
        }


@dataclass
class Diff:
    """Counts over all rows, and one page of those that differ."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    unchanged: int = 0
    columns: Counter[str] = field(default_factory=Counter)
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()
    page: list[RowChange] = field(default_factory=list)
    offset: int = 0
    total: int = 0

    @property
    def next_offset(self) -> int | None:
        """Where the next page starts."""
        following = self.offset + len(self.page)
        return following if following < self.total else None


def diff_rows(
    before: Callable[[], Iterable[Row]],
    after: Callable[[], Iterable[Row]],
    *,
    change: Change | None = None,
    offset: int = 0,
    limit: int = 50,
) -> Diff:
    """Compare two versions, each given as a function that reads its rows anew.

    Args:
        change: page through these alone.
        offset, limit: the page, in the order of the newer version, with what was removed at the end.
    """
    with tempfile.NamedTemporaryFile(suffix=".sqlite") as file, closing(sqlite3.connect(file.name)) as store:
        store.execute("PRAGMA journal_mode=OFF")
        store.execute("PRAGMA synchronous=OFF")
        store.execute("CREATE TABLE old (key TEXT PRIMARY KEY, line BLOB, met INTEGER DEFAULT 0) WITHOUT ROWID")
        by_id = _load(store, before, by_id=True) and _all_differ(after)
        if not by_id:
            store.execute("DELETE FROM old")
            _load(store, before, by_id=False)
        return _Comparison(store, by_id=by_id, change=change, offset=offset, limit=limit).run(before, after)


def _keys(rows: Iterable[Row], *, by_id: bool) -> Iterator[tuple[str, Row]]:
    """Rows with what they are recognised by; equal rows without an id are told apart by their count."""
    met: Counter[bytes] = Counter()
    for row in rows:
        if by_id:
            yield str(row["id"]), row
            continue
        digest = hashlib.blake2b(
            canonical_row({name: value for name, value in row.items() if name != "split"}), digest_size=16
        ).digest()
        met[digest] += 1
        yield f"{digest.hex()}:{met[digest]}", row


def _load(store: sqlite3.Connection, rows: Callable[[], Iterable[Row]], *, by_id: bool) -> bool:
    """Put the older rows into the store; False where ids are missing or repeat."""
    batch: list[tuple[str, bytes]] = []
    try:
        for key, row in _keys(rows(), by_id=by_id):
            batch.append((key, canonical_row(row)))
            if len(batch) >= _BATCH:
                store.executemany("INSERT INTO old (key, line) VALUES (?, ?)", batch)
                batch.clear()
        store.executemany("INSERT INTO old (key, line) VALUES (?, ?)", batch)
    except (sqlite3.IntegrityError, KeyError):
        return False
    return True


def _all_differ(rows: Callable[[], Iterable[Row]]) -> bool:
    """Whether each row has an id of its own."""
    seen: set[bytes] = set()
    for row in rows():
        if "id" not in row:
            return False
        digest = hashlib.blake2b(str(row["id"]).encode(), digest_size=8).digest()
        if digest in seen:
            return False
        seen.add(digest)
    return True


class _Comparison:
    """One pass over the newer rows, then one over what is left of the older ones."""

    def __init__(
        self, store: sqlite3.Connection, *, by_id: bool, change: Change | None, offset: int, limit: int
    ) -> None:
        self.store, self.by_id, self.only, self.limit = store, by_id, change, limit
        self.found = Diff(offset=offset)

    def run(self, before: Callable[[], Iterable[Row]], after: Callable[[], Iterable[Row]]) -> Diff:
        old, new = (set(next(iter(rows()), {})) for rows in (before, after))
        self.found.columns_added, self.found.columns_removed = tuple(sorted(new - old)), tuple(sorted(old - new))
        for key, row in _keys(after(), by_id=self.by_id):
            line = self.store.execute("SELECT line FROM old WHERE key = ?", (key,)).fetchone()
            if line is None:
                self.found.added += 1
                self._note(Change.ADDED, key, None, row)
                continue
            self.store.execute("UPDATE old SET met = 1 WHERE key = ?", (key,))
            self._compare(key, json.loads(line[0]), row)
        for key, line in self.store.execute("SELECT key, line FROM old WHERE met = 0"):
            self.found.removed += 1
            self._note(Change.REMOVED, key, json.loads(line), None)
        return self.found

    def _compare(self, key: str, before: Row, after: Row) -> None:
        common = before.keys() & after.keys()
        columns = tuple(sorted(name for name in common if before[name] != after[name]))
        if not columns:
            self.found.unchanged += 1
            return
        self.found.changed += 1
        self.found.columns.update(columns)
        self._note(Change.CHANGED, key, before, after, columns)

    def _note(
        self, change: Change, key: str, before: Row | None, after: Row | None, columns: tuple[str, ...] = ()
    ) -> None:
        if self.only not in (None, change):
            return
        place = self.found.total
        self.found.total += 1
        if self.found.offset <= place < self.found.offset + self.limit:
            self.found.page.append(RowChange(change, key if self.by_id else "", before, after, columns))
