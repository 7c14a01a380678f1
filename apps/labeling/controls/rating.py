"""A grade on a scale."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    whole_number,
)
from apps.labeling.controls.voting import MAX_CONFIDENCE, within

#: How much less likely an error of one grade more is.
_STEP = 0.4
_GRADE = re.compile(r"[0-9]{1,2}")


@control_type
@dataclass(frozen=True, kw_only=True)
class Rating(Control):
    """How much, from 1 to `most`; `low` and `high` say what the ends of the scale mean."""

    type: ClassVar[str] = "rating"
    inputs: ClassVar[frozenset[str]] = ANY_INPUT
    #: One grade apart on a scale of five counts as the same, on a scale of three not.
    same_from: ClassVar[float] = 0.75

    most: int = 5
    low: str = ""
    high: str = ""

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Self:
        most = whole_number(config, "most", default=5, least=2, most=10)
        ends = {end: str(config.get(end) or "").strip()[:80] for end in ("low", "high")}
        return cls(**common_from_json(config), most=most, **ends)

    def as_json(self) -> dict[str, Any]:
        return super().as_json() | {"most": self.most, "low": self.low, "high": self.high}

    @property
    def grades(self) -> range:
        """1 to `most`."""
        return range(1, self.most + 1)

    @property
    def described(self) -> str:
        return f"a rating from 1 to {self.most}"

    def clean(self, value: Value, data: Mapping[str, Any]) -> int:
        grade = int(value) if isinstance(value, str) and _GRADE.fullmatch(value) else value
        if isinstance(grade, bool) or not isinstance(grade, int) or not 1 <= grade <= self.most:
            raise AnswerProblem(f"“{str(value)[:20]}” is no whole number from 1 to {self.most}.")
        return grade

    def similarity(self, one: Value, other: Value) -> float:
        return 1.0 - abs(int(one) - int(other)) / (self.most - 1)

    def consensus(self, answers: Sequence[GivenAnswer], data: Mapping[str, Any]) -> ControlConsensus:
        """The median of the grades' posterior, where nearer errors are likelier than farther ones.

        The confidence is the posterior of the grades that count as the same.
        """
        scores = {grade: math.fsum(self._log_likelihood(answer, grade) for answer in answers) for grade in self.grades}
        top = max(scores.values())
        weights = {grade: math.exp(score - top) for grade, score in scores.items()}
        total = sum(weights.values())
        reached = 0.0
        median = self.most
        for grade in self.grades:
            reached += weights[grade]
            if reached * 2 >= total:
                median = grade
                break
        near = sum(weights[grade] for grade in self.grades if self.similarity(grade, median) >= self.same_from)
        return ControlConsensus(median, min(MAX_CONFIDENCE, near / total))

    def _log_likelihood(self, answer: GivenAnswer, true: int) -> float:
        if answer.value == true:
            return math.log(within(answer.accuracy))
        errors = math.fsum(_STEP ** abs(grade - true) for grade in self.grades if grade != true)
        return math.log((1 - within(answer.accuracy)) * _STEP ** abs(answer.value - true) / errors)
