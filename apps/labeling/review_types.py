"""Words and values of reviews of answers and of adjudication."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from apps.labeling.types import Answer, TaskData

MIN_REASON, MAX_REASON = 5, 200
MAX_REVIEW_PRICE_MINOR = 10_000
MAX_REVIEWS = 100_000
#: Items that the queue shows, the most disputed first.
QUEUE_LENGTH = 100


class Decided(StrEnum):
    """What was done."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ADJUDICATED = "adjudicated"


@dataclass(frozen=True)
class QueuedItem:
    """An item whose answers differ."""

    task_id: UUID
    row: int
    text: str
    answers: int
    disagreement: float
    waits: bool
    made_by: str
    result_text: str

    @property
    def percent(self) -> int:
        """Disagreement in percent."""
        return round(self.disagreement * 100)

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "task_id": str(self.task_id),
            "row": self.row,
            "text": self.text,
            "answers": self.answers,
            "disagreement": self.disagreement,
            "waits": self.waits,
            "made_by": self.made_by,
            "result_text": self.result_text,
        }


@dataclass(frozen=True)
class GivenAnswer:
    """One answer to an item under review; the annotator is a number."""

    id: UUID
    number: int
    answer: Answer
    text: str
    state: str
    rule: str
    reason: str
    may_accept: bool
    may_reject: bool


@dataclass(frozen=True)
class ReviewedItem:
    """An item with its answers, as a reviewer sees it."""

    order_id: UUID
    task_id: UUID
    row: int
    title: str
    instruction: str
    design: dict[str, Any]
    data: TaskData
    answers: tuple[GivenAnswer, ...]
    disagreement: float
    made_by: str
    result: Answer | None
    result_text: str
    may_adjudicate: bool
    history: tuple[tuple[str, str, datetime], ...]

    @property
    def stamp(self) -> str:
        """Changes with whatever was decided about the item or its answers."""
        seen = [self.made_by, self.result_text, len(self.history), [(str(one.id), one.state) for one in self.answers]]
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]

    def as_json(self) -> dict[str, Any]:
        """For the API and the page's element."""
        return {
            "order_id": str(self.order_id),
            "task_id": str(self.task_id),
            "row": self.row,
            "design": self.design,
            "data": self.data,
            "answers": [
                {
                    "id": str(one.id),
                    "annotator": one.number,
                    "answer": one.answer,
                    "state": one.state,
                    "rule": one.rule,
                    "reason": one.reason,
                }
                for one in self.answers
            ],
            "disagreement": self.disagreement,
            "made_by": self.made_by,
            "result": self.result,
        }
