"""Any number of choices out of several."""

from __future__ import annotations

import math
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
from apps.labeling.controls.classes import class_named, classes_from_json
from apps.labeling.controls.votes import decide
from apps.labeling.controls.voting import MAX_CONFIDENCE
from apps.labeling.types import LabelClass


@control_type
@dataclass(frozen=True, kw_only=True)
class Choices(Control):
    """Which classes apply; the value is the list of their names in the design's order.

    Args:
        least: how many must be chosen; 0 lets “none of them” be an answer.
        most: how many may be chosen.
    """

    type: ClassVar[str] = "choices"
    inputs: ClassVar[frozenset[str]] = ANY_INPUT
    #: At least half of what either chose, both chose.
    same_from: ClassVar[float] = 0.5

    classes: tuple[LabelClass, ...]
    least: int = 1
    most: int = 1

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Self:
        classes = classes_from_json(config, least=2)
        least = whole_number(config, "least", default=1, least=0, most=len(classes))
        most = whole_number(config, "most", default=len(classes), least=max(1, least), most=len(classes))
        return cls(**common_from_json(config), classes=classes, least=least, most=most)

    def as_json(self) -> dict[str, Any]:
        own = {"classes": [one.as_json() for one in self.classes], "least": self.least, "most": self.most}
        return super().as_json() | own

    @property
    def described(self) -> str:
        return f"any of {len(self.classes)} choices"

    def clean(self, value: Value, data: Mapping[str, Any]) -> list[str]:
        given = value if isinstance(value, list) else [value]
        chosen = {class_named(self.classes, one) for one in given}
        if not self.least <= len(chosen) <= self.most:
            raise AnswerProblem(f"Choose {self.least} to {self.most}; these are {len(chosen)}.")
        return [one.name for one in self.classes if one.name in chosen]

    def is_empty(self, value: Value) -> bool:
        return value is None or (value in ("", []) and not (value == [] and self.least == 0))

    def from_form(self, values: Sequence[str]) -> Value:
        return list(values)

    def similarity(self, one: Value, other: Value) -> float:
        either = set(one) | set(other)
        return len(set(one) & set(other)) / len(either) if either else 1.0

    def consensus(self, answers: Sequence[GivenAnswer], data: Mapping[str, Any]) -> ControlConsensus:
        """Each class is voted on by itself; the confidence is that of all these votes together."""
        applies: dict[str, float] = {}
        for one in self.classes:
            decided = decide([(one.name in answer.value, answer.accuracy) for answer in answers], wrong_options=1)
            applies[one.name] = decided.probability if decided.option else 1 - decided.probability
        likely = sorted(applies, key=lambda name: -applies[name])
        count = min(max(sum(share > 0.5 for share in applies.values()), self.least), self.most)
        chosen = set(likely[:count])
        confidence = math.prod(share if name in chosen else 1 - share for name, share in applies.items())
        return ControlConsensus([name for name in applies if name in chosen], min(MAX_CONFIDENCE, confidence))

    def shown(self, value: Value) -> str:
        return ", ".join(value) or "none of them"
