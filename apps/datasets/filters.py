"""Conditions on rows: which of them a version that is made of another one keeps."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.core.errors import FieldProblem, InvalidInput
from apps.datasets.types import Row

MAX_CONDITIONS = 20
MAX_VALUES = 1_000
_MAX_TEXT = 1_000


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _compared(test: Callable[[float, float], bool]) -> Callable[[Any, Any], bool]:
    def check(value: Any, wanted: Any) -> bool:
        one, other = _number(value), _number(wanted)
        return one is not None and other is not None and test(one, other)

    return check


def _text(value: Any) -> str:
    return "" if value is None else str(value)


OPERATORS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "eq": ("is", lambda value, wanted: _text(value) == _text(wanted)),
    "ne": ("is not", lambda value, wanted: _text(value) != _text(wanted)),
    "in": ("is one of", lambda value, wanted: _text(value) in wanted),
    "contains": ("contains", lambda value, wanted: _text(wanted).casefold() in _text(value).casefold()),
    "lt": ("is less than", _compared(lambda one, other: one < other)),
    "le": ("is at most", _compared(lambda one, other: one <= other)),
    "gt": ("is more than", _compared(lambda one, other: one > other)),
    "ge": ("is at least", _compared(lambda one, other: one >= other)),
    "empty": ("is empty", lambda value, _wanted: value is None or value in ("", [], {})),
    "filled": ("is not empty", lambda value, _wanted: value is not None and value not in ("", [], {})),
}
"""Operator -> how it is read, and whether a value passes. Orders compare numbers: other values never pass."""


@dataclass(frozen=True)
class Condition:
    """`column operator value`."""

    column: str
    operator: str
    value: Any = None

    def holds(self, row: Row) -> bool:
        """Whether a row passes."""
        return OPERATORS[self.operator][1](row.get(self.column), self.value)

    def as_json(self) -> dict[str, Any]:
        """For the card."""
        found = {"column": self.column, "operator": self.operator}
        if self.operator in ("empty", "filled"):
            return found
        return found | {"value": sorted(self.value) if isinstance(self.value, frozenset) else self.value}


@dataclass(frozen=True)
class Selection:
    """Which rows are kept: all conditions hold; of those a seeded sample of `sample` rows, where it is above 0."""

    conditions: tuple[Condition, ...] = ()
    sample: int = 0
    seed: int = 0

    def apply(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows that pass, before sampling."""
        return (row for row in rows if all(condition.holds(row) for condition in self.conditions))

    def chosen(self, count: int) -> frozenset[int] | None:
        """Which of `count` passing rows (from 0) are sampled; None for all of them."""
        if not self.sample or self.sample >= count:
            return None
        return frozenset(random.Random(self.seed).sample(range(count), self.sample))  # noqa: S311  # reproducible

    def as_json(self) -> dict[str, Any]:
        """For the card."""
        found: dict[str, Any] = {"filters": [condition.as_json() for condition in self.conditions]}
        return found | ({"sample": self.sample, "sample_seed": self.seed} if self.sample else {})


def conditions_from_json(raw: Sequence[Mapping[str, Any]], columns: Iterable[str]) -> tuple[Condition, ...]:
    """Checked conditions on these columns. Raises InvalidInput naming each that is wrong."""
    known = set(columns)
    problems: list[FieldProblem] = []
    found: list[Condition] = []
    if len(raw) > MAX_CONDITIONS:
        problems.append({"field": "filters", "message": f"At most {MAX_CONDITIONS} conditions."})
    for place, one in enumerate(raw[:MAX_CONDITIONS]):
        column, operator, value = str(one.get("column", "")), str(one.get("operator", "")), one.get("value")
        message = _fault(column, operator, value, known)
        if message:
            problems.append({"field": f"filters[{place}]", "message": message})
            continue
        if operator == "in":
            value = frozenset(_text(part) for part in one["value"])
        found.append(Condition(column, operator, value))
    if problems:
        raise InvalidInput("invalid_filter", problems[0]["message"], errors=problems)
    return tuple(found)


def _fault(column: str, operator: str, value: Any, known: set[str]) -> str:
    if column not in known:
        return f"There is no column “{column[:80]}”; there are {', '.join(sorted(known))}."
    if operator not in OPERATORS:
        return f"“{operator[:20]}” is no operator; there are {', '.join(OPERATORS)}."
    if operator == "in":
        good = isinstance(value, list) and 1 <= len(value) <= MAX_VALUES
        return "" if good else f"“in” takes a list of 1 to {MAX_VALUES:,} values."
    if operator in ("lt", "le", "gt", "ge") and _number(value) is None:
        return f"“{operator}” takes a number."
    if operator not in ("empty", "filled") and (isinstance(value, list | dict) or len(_text(value)) > _MAX_TEXT):
        return f"The value is a text of at most {_MAX_TEXT:,} characters, or a number."
    return ""
