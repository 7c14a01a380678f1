"""Writing down what is said in sound or video."""

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
from apps.labeling.controls.words import MAX_WORDS, check_text, normalised, rover, word_similarity, words

MOST_CHARACTERS = 20_000
SHOWN_CHARACTERS = 80


@control_type
@dataclass(frozen=True, kw_only=True)
class Transcription(Control):
    """Value: the text, with single spaces. Similarity is 1 - word error rate; case and punctuation do not count."""

    type: ClassVar[str] = "transcription"
    inputs: ClassVar[frozenset[str]] = frozenset({"audio", "video"})
    same_from: ClassVar[float] = 0.85

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Self:
        """From a design's JSON."""
        return cls(**common_from_json(config))

    @property
    def described(self) -> str:
        """For the task board."""
        return "what is said"

    def parse(self, text: str) -> Value:
        """The text as it is."""
        return text.strip()

    def clean(self, value: Value, data: Mapping[str, Any]) -> Value:
        """The text in NFC, every run of white space one space."""
        text = normalised(check_text(value, "The transcription", MOST_CHARACTERS))
        count = len(words(text))
        if count > MAX_WORDS:
            raise AnswerProblem(
                f"The transcription has {count:,} words; at most {MAX_WORDS:,} are taken. Ask for shorter recordings."
            )
        return text

    def similarity(self, one: Value, other: Value) -> float:
        """1 - word error rate, over the longer text."""
        return word_similarity(one or "", other or "")

    def consensus(self, answers: Sequence[GivenAnswer], data: Mapping[str, Any]) -> ControlConsensus:
        """ROVER, weighted; the confidence is the share of words expected to be right."""
        text, share = rover([(one.value or "", one.accuracy) for one in answers])
        return ControlConsensus(text, share)

    def shown(self, value: Value) -> str:
        """Its beginning."""
        text = value or ""
        return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"
