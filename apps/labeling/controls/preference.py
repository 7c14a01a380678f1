"""Choosing the best of a few candidates, such as two answers of language models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from apps.labeling.controls.base import (
    AnswerProblem,
    Control,
    ControlConsensus,
    GivenAnswer,
    Value,
    common_from_json,
    control_type,
)
from apps.labeling.controls.candidates import candidate_keys
from apps.labeling.controls.votes import decide

TIE = "tie"


@control_type
@dataclass(frozen=True, kw_only=True)
class Preference(Control):
    """Value: the key of the best candidate, or `"tie"`. Two answers agree or they do not.

    Args:
        tie: whether “equally good” is an answer.
    """

    type: ClassVar[str] = "preference"
    inputs: ClassVar[frozenset[str]] = frozenset({"candidates"})

    tie: bool = False

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Self:
        """From a design's JSON."""
        tie = config.get("tie", False)
        if not isinstance(tie, bool):
            raise AnswerProblem("“tie” is true or false.", "tie")
        return cls(**common_from_json(config), tie=tie)

    def as_json(self) -> dict[str, Any]:
        """The design's JSON."""
        return super().as_json() | {"tie": self.tie}

    @property
    def described(self) -> str:
        """For the task board."""
        return "the better one"

    def parse(self, text: str) -> Value:
        """The text as it is."""
        return text.strip()

    def clean(self, value: Value, data: Mapping[str, Any]) -> Value:
        """A key of the task's candidates, or a tie where that is an answer."""
        options = self._options(data)
        if not isinstance(value, str) or value not in options:
            raise AnswerProblem(f"“{value}” is no candidate; choose one of {', '.join(options)}.")
        return value

    def similarity(self, one: Value, other: Value) -> float:
        """1 if both prefer the same."""
        return float(one == other)

    def consensus(self, answers: Sequence[GivenAnswer], data: Mapping[str, Any]) -> ControlConsensus:
        """A vote, weighted by the annotators' accuracy; the first in the alphabet of equally likely ones."""
        votes = [(one.value, one.accuracy) for one in answers if one.value is not None]
        if not votes:
            return ControlConsensus(None, 0.0)
        decided = decide(votes, wrong_options=max(1, len(self._options(data)) - 1))
        return ControlConsensus(decided.option, decided.probability)

    def shown(self, value: Value) -> str:
        """The key, or that there is none better."""
        return "equally good" if value == TIE and self.tie else str(value or "no answer")

    def _options(self, data: Mapping[str, Any]) -> list[str]:
        return candidate_keys(data, self.input) + ([TIE] if self.tie else [])
