"""What can be said about a version's rows in figures, gathered while they pass by: for the card and its plots."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from typing import Any

from apps.datasets.types import Row

MAX_DISTINCT = 100_000
"""Above this many different values a column is said to have "more than" these."""
MAX_CLASSES = 200
"""A column with more different values than these has no counts by value."""
_LENGTHS = (0, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
_CONFIDENCE = tuple(range(0, 10_000, 1_000))


class _Histogram:
    """Counts by ranges; each starts at one of `starts`, the last is open."""

    def __init__(self, starts: tuple[int, ...]) -> None:
        self.starts = starts
        self.counts = [0] * len(starts)

    def add(self, value: int) -> None:
        self.counts[max(0, bisect_right(self.starts, value) - 1)] += 1

    def as_json(self) -> list[dict[str, int]]:
        last = max((place for place, count in enumerate(self.counts) if count), default=-1)
        return [{"from": self.starts[place], "count": self.counts[place]} for place in range(last + 1)]


class _Sizes:
    """Least, middle and greatest of many integers. The middle is exact while few differ."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()

    def add(self, value: int) -> None:
        self.counts[value] += 1

    def as_json(self) -> dict[str, int]:
        ordered = sorted(self.counts)
        half, seen = (self.counts.total() + 1) // 2, 0
        middle = ordered[-1]
        for value in ordered:
            seen += self.counts[value]
            if seen >= half:
                middle = value
                break
        return {"shortest": ordered[0], "median": middle, "longest": ordered[-1]}


class ColumnFigures:
    """One column."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.empty = 0
        self.seen: set[bytes] = set()
        self.values: Counter[str] = Counter()
        self.labels: Counter[str] = Counter()
        self.texts = _Sizes()
        self.lengths = _Histogram(_LENGTHS)
        self.parts = _Sizes()
        self.least: int | None = None
        self.most: int | None = None
        self.total = 0
        self.integers = 0
        self.confidence = _Histogram(_CONFIDENCE)

    def add(self, value: Any) -> None:
        """Count one row's value."""
        if value is None or value == "":
            self.empty += 1
            return
        if isinstance(value, int):
            self._integer(value)
        elif isinstance(value, str):
            self.texts.add(len(value))
            self.lengths.add(len(value))
        else:
            self._nested(value)
            return
        text = str(value)
        if len(self.values) <= MAX_CLASSES:
            self.values[text] += 1
        if len(self.seen) < MAX_DISTINCT:
            self.seen.add(hashlib.blake2b(text.encode(), digest_size=8).digest())

    def _integer(self, value: int) -> None:
        self.integers += 1
        self.total += value
        self.least = value if self.least is None else min(self.least, value)
        self.most = value if self.most is None else max(self.most, value)
        if self.name == "confidence_bps":
            self.confidence.add(value)

    def _nested(self, value: Any) -> None:
        parts = value.get("spans", []) if isinstance(value, dict) else value
        if isinstance(parts, list):
            self.parts.add(len(parts))
            self.labels.update(str(one["label"]) for one in parts if isinstance(one, dict) and "label" in one)

    def as_json(self) -> dict[str, Any]:
        """The figures."""
        found: dict[str, Any] = {}
        if self.empty:
            found["empty"] = self.empty
        if self.seen:
            found["distinct"] = len(self.seen)
        if self.texts.counts:
            found["characters"] = self.texts.as_json()
            found["lengths"] = self.lengths.as_json()
        if self.integers:
            found |= {"least": self.least, "mean": round(self.total / self.integers, 2), "most": self.most}
        if any(self.confidence.counts):
            found["histogram"] = self.confidence.as_json()
        if self.parts.counts:
            found["parts"] = self.parts.as_json()
        if self.labels:
            found["labels"] = dict(self.labels.most_common(MAX_CLASSES))
        elif 1 < len(self.values) <= MAX_CLASSES and self.values.most_common(1)[0][1] > 1:
            found["values"] = dict(self.values.most_common(MAX_CLASSES))
        return found


class Figures:
    """All columns of a version."""

    def __init__(self) -> None:
        self.rows = 0
        self.columns: dict[str, ColumnFigures] = {}
        self.classes: Counter[str] = Counter()
        self.splits: Counter[str] = Counter()
        self.texts: set[bytes] = set()

    def add(self, row: Row) -> None:
        """Count one row."""
        self.rows += 1
        for name, value in row.items():
            if name not in self.columns:
                self.columns[name] = ColumnFigures(name)
            self.columns[name].add(value)
        for name, counts in (("label", self.classes), ("split", self.splits)):
            value = row.get(name)
            if isinstance(value, str | int):
                counts[str(value)] += 1
        if "text" in row:
            self.texts.add(hashlib.blake2b(str(row["text"]).encode(), digest_size=8).digest())

    def as_json(self) -> dict[str, Any]:
        """For the card: counts by class and split, length of the texts, repeated texts, and each column's figures."""
        found: dict[str, Any] = {
            "rows": self.rows,
            "classes": dict(self.classes.most_common()),
            "splits": dict(self.splits),
        }
        text = self.columns.get("text")
        if text is not None and text.texts.counts:
            found["characters"] = text.texts.as_json()
            found["repeated_texts"] = self.rows - len(self.texts)
        found["columns"] = {name: one.as_json() for name, one in self.columns.items()}
        return found


def describe(rows: Iterable[Row]) -> dict[str, Any]:
    """The figures of all these rows."""
    figures = Figures()
    for row in rows:
        figures.add(row)
    return figures.as_json()
