"""Answers that wait for a person's decision and go on after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.agents.types.tools import PendingCallInfo


@dataclass(frozen=True)
class Paused:
    """Where an answer stands while calls with side effects wait for the one who asked.

    Attributes:
        said: the model's words so far.
        calls: ids of the waiting calls by the model's own ids of them.
        history: the messages between us and the model in pydantic-ai's JSON; empty where a small model picked the tool.
        used_calls: how much of the budget of calls is spent.
    """

    said: str
    calls: dict[str, str]
    history: list[Any]
    used_calls: int

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON column."""
        return dict(vars(self))


@dataclass(frozen=True)
class Resumed:
    """A paused answer whose calls are all decided: what became of each, by the model's own ids."""

    paused: Paused
    outcomes: dict[str, PendingCallInfo]

    @property
    def prefix(self) -> str:
        """The words that the answer begins with."""
        said = self.paused.said.strip()
        return f"{said}\n\n" if said else ""
