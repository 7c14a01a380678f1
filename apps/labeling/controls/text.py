"""Free text."""

from __future__ import annotations

import re
from collections import Counter
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
from apps.labeling.controls.opinions import most_agreed

MAX_CHARACTERS = 10_000
_WORD = re.compile(r"\w+")


@control_type
@dataclass(frozen=True, kw_only=True)
class Text(Control):
    """An answer in own words; answers are compared by the words they share, not by case or punctuation."""

    type: ClassVar[str] = "text"
    inputs: ClassVar[frozenset[str]] = ANY_INPUT
    same_from: ClassVar[float] = 0.8

    most_characters: int = 2_000

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Self:
        most = whole_number(config, "most_characters", default=2_000, least=1, most=MAX_CHARACTERS)
        return cls(**common_from_json(config), most_characters=most)

    def as_json(self) -> dict[str, Any]:
        return super().as_json() | {"most_characters": self.most_characters}

    @property
    def described(self) -> str:
        return "free text"

    def parse(self, text: str) -> Value:
        return text.strip()

    def clean(self, value: Value, data: Mapping[str, Any]) -> str:
        if not isinstance(value, str):
            raise AnswerProblem("This answer is text.")
        text = value.replace("\r\n", "\n").strip()
        if len(text) > self.most_characters:
            most = f"{self.most_characters:,}"
            raise AnswerProblem(f"The text has {len(text):,} characters; at most {most} are asked for.")
        if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise AnswerProblem("The text holds something that is not a character.")
        return text

    def similarity(self, one: Value, other: Value) -> float:
        """Share of the words that both have (Dice); texts without words are compared as they stand."""
        first, second = (Counter(_WORD.findall(text.casefold())) for text in (one, other))
        size = first.total() + second.total()
        return 2 * (first & second).total() / size if size else float(one == other)

    def consensus(self, answers: Sequence[GivenAnswer], data: Mapping[str, Any]) -> ControlConsensus:
        """The text that the prevailing opinion's others are most like."""
        opinion, confidence = most_agreed(answers, self.similarity, self.same_from)
        return ControlConsensus(opinion[0].value, confidence)
