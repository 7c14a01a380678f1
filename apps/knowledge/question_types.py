"""Words and values of question sets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class CheckState(StrEnum):
    """Where the asking of a question set stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class QuestionMiss:
    """A question whose document does not come first: what was found instead, and its place if it was found at all."""

    question: str
    documents: tuple[str, ...]
    found: tuple[str, ...]
    place: int | None


@dataclass(frozen=True)
class QuestionRunInfo:
    """What the search found for a question set: for each mode the means by name, and what was missed."""

    id: UUID
    state: CheckState
    cause: str
    figures: dict[str, dict[str, float]]
    misses: tuple[QuestionMiss, ...]
    created_at: datetime
    ended_at: datetime | None

    @property
    def is_busy(self) -> bool:
        """True while it waits or runs."""
        return self.state in (CheckState.QUEUED, CheckState.RUNNING)


@dataclass(frozen=True)
class QuestionSetInfo:
    """A question set with its last runs, newest first."""

    id: UUID
    knowledge_base_id: UUID
    name: str
    questions: int
    runs: tuple[QuestionRunInfo, ...]
    created_at: datetime

    @property
    def last(self) -> QuestionRunInfo | None:
        """The newest run."""
        return self.runs[0] if self.runs else None
