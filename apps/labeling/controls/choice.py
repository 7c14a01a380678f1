"""One choice out of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from apps.labeling.controls.base import (
    ANY_INPUT,
    Control,
    ControlConsensus,
    GivenAnswer,
    Value,
    common_from_json,
    control_type,
)
from apps.labeling.controls.classes import class_named, classes_from_json
from apps.labeling.controls.votes import decide
from apps.labeling.types import LabelClass


@control_type
@dataclass(frozen=True, kw_only=True)
class Choice(Control):
    """Which class it is; the value is the class's name."""

    type: ClassVar[str] = "choice"
    inputs: ClassVar[frozenset[str]] = ANY_INPUT

    classes: tuple[LabelClass, ...]

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Self:
        return cls(**common_from_json(config), classes=classes_from_json(config, least=2))

    def as_json(self) -> dict[str, Any]:
        return super().as_json() | {"classes": [one.as_json() for one in self.classes]}

    @property
    def names(self) -> list[str]:
        """The classes by name."""
        return [one.name for one in self.classes]

    @property
    def described(self) -> str:
        return f"one choice of {len(self.classes)}"

    def parse(self, text: str) -> Value:
        return text.strip()

    def clean(self, value: Value, data: Mapping[str, Any]) -> str:
        return class_named(self.classes, value)

    def similarity(self, one: Value, other: Value) -> float:
        return float(one == other)

    def consensus(self, answers: Sequence[GivenAnswer], data: Mapping[str, Any]) -> ControlConsensus:
        """A vote, weighted by the annotators' accuracy; the earlier class of equally likely ones."""
        votes = [(answer.value, answer.accuracy) for answer in answers]
        decided = decide(votes, wrong_options=len(self.classes) - 1, order=self.names.index)
        return ControlConsensus(decided.option, decided.probability)
