"""Writing a dialogue, or the next turns of one, as examples for language models."""

from __future__ import annotations

import json
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
from apps.labeling.controls.voting import MAX_CONFIDENCE
from apps.labeling.controls.words import check_text

ROLES = ("user", "assistant")
MOST_TURNS = 50
MOST_CHARACTERS = 20_000
SHOWN_CHARACTERS = 80


@control_type
@dataclass(frozen=True, kw_only=True)
class Dialogue(Control):
    """Value: `[{"role", "content"}]`, the turns that the annotator writes, after those shown.

    Free writing is not judged by agreement: two good dialogues differ. What is paid follows from check questions,
    review and flags; the consensus is the most reliable annotator's dialogue.

    Args:
        roles: whose turns are written, of `user` and `assistant`.
        least: fewest turns.
        most: most turns.
    """

    type: ClassVar[str] = "dialogue"
    inputs: ClassVar[frozenset[str]] = frozenset({"text", "dialogue"})
    same_from: ClassVar[float] = 0.0
    agreement: ClassVar[bool] = False

    roles: tuple[str, ...] = ROLES
    least: int = 1
    most: int = MOST_TURNS

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Self:
        """From a design's JSON."""
        roles = config.get("roles", list(ROLES))
        if not isinstance(roles, list) or not roles or any(role not in ROLES for role in roles):
            raise AnswerProblem("“roles” is a list of “user”, “assistant” or both.", "roles")
        least, most = config.get("least", 1), config.get("most", MOST_TURNS)
        if type(least) is not int or type(most) is not int or not 1 <= least <= most <= MOST_TURNS:
            raise AnswerProblem(f"“least” and “most” are turns, 1 to {MOST_TURNS}, least not above most.", "least")
        ordered = tuple(role for role in ROLES if role in roles)
        return cls(**common_from_json(config), roles=ordered, least=least, most=most)

    def as_json(self) -> dict[str, Any]:
        """The design's JSON."""
        return super().as_json() | {"roles": list(self.roles), "least": self.least, "most": self.most}

    @property
    def described(self) -> str:
        """For the task board."""
        return "a written dialogue"

    def clean(self, value: Value, data: Mapping[str, Any]) -> Value:
        """Turns of known roles with something in each; an empty list where nothing was written."""
        if not isinstance(value, list):
            raise AnswerProblem("A dialogue comes as a list of turns, {“role”, “content”}.")
        turns = [self._turn(one, number) for number, one in enumerate(value, start=1)]
        if turns and not self.least <= len(turns) <= self.most:
            wanted = str(self.least) if self.least == self.most else f"{self.least} to {self.most}"
            raise AnswerProblem(f"The dialogue has {len(turns)} turns; write {wanted}.")
        return turns

    def similarity(self, one: Value, other: Value) -> float:
        """1 if they are the same, word by word."""
        return float(one == other)

    def consensus(self, answers: Sequence[GivenAnswer], data: Mapping[str, Any]) -> ControlConsensus:
        """The dialogue of the annotator who is right most often, with that accuracy as confidence."""
        written = [one for one in answers if one.value]
        if not written:
            return ControlConsensus(None, 0.0)
        best = min(written, key=lambda one: (-one.accuracy, json.dumps(one.value, sort_keys=True)))
        return ControlConsensus(best.value, min(MAX_CONFIDENCE, best.accuracy))

    def shown(self, value: Value) -> str:
        """How many turns, and how it begins."""
        if not value:
            return "no answer"
        count = f"{len(value)} turn{'s' if len(value) > 1 else ''}: "
        text = " ".join(value[0]["content"].split())
        return count + (text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…")

    def _turn(self, given: Any, number: int) -> dict[str, str]:
        field = str(number - 1)
        if not isinstance(given, Mapping):
            raise AnswerProblem(f"Turn {number} comes as {{“role”, “content”}}.", field)
        if given.get("role") not in self.roles:
            raise AnswerProblem(
                f"Turn {number} is by “{given.get('role')}”; write turns of {' and '.join(self.roles)}.",
                f"{field}.role",
            )
        content = check_text(given.get("content", ""), f"Turn {number}", MOST_CHARACTERS, f"{field}.content").strip()
        if not content:
            raise AnswerProblem(f"Turn {number} is empty; write something, or remove it.", f"{field}.content")
        return {"role": given["role"], "content": content}
