"""A number, right within a tolerance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Self

from apps.labeling.controls.base import (
    ANY_INPUT,
    AnswerProblem,
    Control,
    ControlConsensus,
    GivenAnswer,
    Value,
    common_from_json,
    control_type,
)
from apps.labeling.controls.opinions import most_agreed

MAX_DIGITS = 30


@control_type
@dataclass(frozen=True, kw_only=True)
class Number(Control):
    """A number; the value is a decimal as text, so that nothing is rounded on the way.

    Args:
        tolerance: two numbers no farther apart than this are the same.
        relative_tolerance: the same as a share of the larger one; the wider of both holds.
        unit: shown beside the field.
    """

    type: ClassVar[str] = "number"
    inputs: ClassVar[frozenset[str]] = ANY_INPUT

    tolerance: Decimal = Decimal(0)
    relative_tolerance: Decimal = Decimal(0)
    unit: str = ""

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Self:
        tolerances = {name: _tolerance(config, name) for name in ("tolerance", "relative_tolerance")}
        return cls(**common_from_json(config), **tolerances, unit=str(config.get("unit") or "").strip()[:40])

    def as_json(self) -> dict[str, Any]:
        own = {"tolerance": str(self.tolerance), "relative_tolerance": str(self.relative_tolerance), "unit": self.unit}
        return super().as_json() | own

    @property
    def described(self) -> str:
        return "a number"

    def parse(self, text: str) -> Value:
        return text.strip()

    def clean(self, value: Value, data: Mapping[str, Any]) -> str:
        return _plain(_decimal(value))

    def similarity(self, one: Value, other: Value) -> float:
        first, second = Decimal(one), Decimal(other)
        allowed = max(self.tolerance, self.relative_tolerance * max(abs(first), abs(second)))
        return float(abs(first - second) <= allowed)

    def consensus(self, answers: Sequence[GivenAnswer], data: Mapping[str, Any]) -> ControlConsensus:
        """The median of the prevailing opinion."""
        opinion, confidence = most_agreed(answers, self.similarity, self.same_from)
        inside = sorted((answer.value for answer in opinion), key=Decimal)
        return ControlConsensus(inside[(len(inside) - 1) // 2], confidence)

    def shown(self, value: Value) -> str:
        return f"{value} {self.unit}".strip()


def _tolerance(config: Mapping[str, Any], name: str) -> Decimal:
    try:
        found = _decimal(str(config.get(name) or "0"))
    except AnswerProblem as problem:
        raise AnswerProblem(problem.message, name) from None
    if found < 0:
        raise AnswerProblem("A tolerance is not negative.", name)
    return found


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise AnswerProblem("A number is given as text, with a point before its decimals.")
    text = str(value).strip().replace("\N{MINUS SIGN}", "-")
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise AnswerProblem(f"“{text[:40]}” is not a number; decimals come after a point, as in 3.5.") from None
    if not found.is_finite() or len(_plain(found)) > MAX_DIGITS:
        raise AnswerProblem(f"“{text[:40]}” has more than {MAX_DIGITS} digits.")
    return found


def _plain(number: Decimal) -> str:
    """Without an exponent and without zeros at its end: equal numbers are equal text."""
    if number.is_zero():
        return "0"
    if abs(number.adjusted()) > MAX_DIGITS:
        return "9" * (MAX_DIGITS + 1)
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
