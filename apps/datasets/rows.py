"""Rows of a dataset: their one canonical form, what they may hold, and their split."""

from __future__ import annotations

import hashlib
import json
import math
import random
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.datasets.errors import UnusableRows
from apps.datasets.types import Row, Split

TEST_PERCENT = 20
SPLIT_SEED = 20_260
_SHOWN_PROBLEMS = 20
_DECIMALS = 4
_LARGEST = 1e15
_MAX_DEPTH = 12


def canonical_row(row: Row) -> bytes:
    """The bytes that a row's leaf commits to: JSON with sorted names, no spaces, UTF-8. One line of rows.jsonl."""
    return json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class RowCheck:
    """Checks rows as they come by: equal columns, each value text, an integer, or lists and objects of JSON.

    A column may be empty (None) in some rows. Fractions are for lists and objects only and are kept to four decimals,
    a form that every language writes alike; so is the content root.
    """

    def __init__(self) -> None:
        self.count = 0
        self.columns: tuple[str, ...] = ()
        self.errors: list[dict[str, object]] = []
        #: Column -> what was seen in it: "integer", "text", "nested".
        self.kinds: dict[str, set[str]] = {}

    def clean(self, row: Row) -> Row:
        """The row as it will be stored; what is wrong with it is noted."""
        self.count += 1
        if self.count == 1:
            self.columns = tuple(row)
            self.kinds = {name: set() for name in row}
        elif row.keys() != self.kinds.keys():
            self._refuse("", f"Row {self.count} has other columns than row 1.")
            return row
        return {name: self._value(name, value) for name, value in row.items()}

    def raise_if_any(self) -> None:
        """Refuse the rows if there are none, or anything is wrong with them."""
        if not self.count:
            raise UnusableRows([{"field": "rows", "message": "There are no rows."}])
        for name, kinds in self.kinds.items():
            if not kinds and not self.errors:
                self._refuse(name, f"The column “{name}” is empty in every row.")
        if self.errors:
            raise UnusableRows(self.errors)

    def _value(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, list | dict):
            self.kinds[name].add("nested")
            try:
                return _nested(value)
            except ValueError as error:
                self._refuse(name, f"Row {self.count}: “{name}” {error}.")
                return value
        if isinstance(value, bool) or not isinstance(value, str | int):
            self._refuse(name, f"Row {self.count}: “{name}” must be text or an integer.")
            return value
        self.kinds[name].add("integer" if isinstance(value, int) else "text")
        return value

    def _refuse(self, name: str, message: str) -> None:
        if len(self.errors) < _SHOWN_PROBLEMS:
            self.errors.append({"row": self.count, "field": name, "message": message})


def _nested(value: Any, depth: int = 0) -> Any:
    if depth > _MAX_DEPTH:
        raise ValueError("is nested too deeply")
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value) or abs(value) > _LARGEST:
            raise ValueError("holds a number that is too large")
        rounded = round(value, _DECIMALS)
        return int(rounded) if rounded == int(rounded) else rounded
    if isinstance(value, Mapping):
        return {str(key): _nested(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_nested(inner, depth + 1) for inner in value]
    raise ValueError(f"holds a {type(value).__name__}, which is not JSON")


@dataclass(frozen=True)
class SplitPlan:
    """How rows are set aside, reproducibly.

    Args:
        seed: another seed sets other rows aside.
        test_percent, validation_percent: shares, of each class (column `label`) alike.
        group_by: rows with the same value in this column stay together; shares are then met on average.
    """

    seed: int = SPLIT_SEED
    test_percent: int = TEST_PERCENT
    validation_percent: int = 0
    group_by: str = ""

    def assign(self, rows: Iterable[Row]) -> Sequence[int]:
        """For each row the place of its split in `Split`. A class with one row stays in training."""
        if self.group_by:
            return array("B", (self._of_group(str(row.get(self.group_by, ""))) for row in rows))
        by_class: dict[str, array[int]] = defaultdict(lambda: array("L"))
        count = 0
        for row in rows:
            by_class[str(row.get("label", ""))].append(count)
            count += 1
        found = array("B", bytes(count))
        for name in sorted(by_class):
            indices = by_class[name]
            random.Random(f"{self.seed}:{name}").shuffle(indices)  # noqa: S311  # reproducible, not a secret
            tested = min(len(indices) - 1, math.ceil(len(indices) * self.test_percent / 100))
            validated = min(len(indices) - 1 - tested, math.ceil(len(indices) * self.validation_percent / 100))
            for place, index in enumerate(indices[: tested + validated]):
                found[index] = _TEST if place < tested else _VALIDATION
        return found

    def _of_group(self, value: str) -> int:
        digest = hashlib.sha256(f"{self.seed}:{value}".encode()).digest()
        percent = int.from_bytes(digest[:8]) * 100 / 2**64
        if percent < self.test_percent:
            return _TEST
        return _VALIDATION if percent < self.test_percent + self.validation_percent else 0

    def as_json(self) -> dict[str, Any]:
        """For the card."""
        found: dict[str, Any] = {"seed": self.seed, "test_percent": self.test_percent}
        if self.validation_percent:
            found["validation_percent"] = self.validation_percent
        return found | ({"group_by": self.group_by} if self.group_by else {"stratified_by": "label"})


SPLITS = (Split.TRAIN.value, Split.TEST.value, Split.VALIDATION.value)
_TEST, _VALIDATION = 1, 2


def with_split(rows: Sequence[Row], plan: SplitPlan | None = None) -> list[Row]:
    """The rows with a `split` column. Rows that already have a split keep it."""
    if rows and "split" in rows[0]:
        return list(rows)
    places = (plan or SplitPlan()).assign(rows)
    return [row | {"split": SPLITS[place]} for row, place in zip(rows, places, strict=True)]


def column_order(names: Iterable[str]) -> list[str]:
    """Columns as people expect them: id, text, label, then the rest by name."""
    first = ("id", "text", "label")
    return sorted(names, key=lambda name: (first.index(name) if name in first else len(first), name))


def classes_of(counts: Counter[str]) -> list[str]:
    """The values of the column `label`, most frequent first."""
    return [name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def lines_of(rows: Iterable[Row]) -> Iterator[bytes]:
    """The canonical rows."""
    return (canonical_row(row) for row in rows)
