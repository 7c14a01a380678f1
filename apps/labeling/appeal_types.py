"""Words and values of appeals against rejected answers, and of their blind reviews."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from apps.core.money import Money

#: For so long after its rejection an answer can be appealed; the order's hold keeps its price meanwhile.
APPEAL_WINDOW = timedelta(days=7)
#: Appeals that one annotator may have open at a time.
MAX_OPEN_APPEALS = 20
MIN_APPEAL, MAX_APPEAL = 10, 1_000
#: A reviewer holds a review for so long before it may go to somebody else.
REVIEW_LEASE = timedelta(minutes=30)
#: Verdicts before one is needed to break a tie, and with it.
FIRST_REVIEWS, MOST_REVIEWS = 2, 3
#: What a reviewer has to show: so many decided answers, and this share of them accepted.
REVIEWER_ANSWERS, REVIEWER_PERCENT = 10, 80
#: What a review pays, whatever its verdict. The platform pays it, for its own rules rejected the answer.
REVIEW_PRICE = Money(5)


class AppealState(StrEnum):
    """open -> upheld (the answer is accepted and paid) | dismissed (it stays rejected)."""

    OPEN = "open"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


class Verdict(StrEnum):
    """Which of two values a reviewer finds right. Which of them is the annotator's is not shown."""

    FIRST = "first"
    SECOND = "second"
    BOTH = "both"
    NEITHER = "neither"


@dataclass(frozen=True)
class AppealInfo:
    """An appeal, as both its annotator and the requester may see it; `before` is what was decided first."""

    id: UUID
    annotation_id: UUID
    order_id: UUID
    text: str
    state: AppealState
    filed_at: datetime
    decided_at: datetime | None
    rule_before: str
    reason_before: str
    rule: str
    reason: str
    task_text: str
    answer_text: str
    expected_text: str
    amount: Money

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "id": str(self.id),
            "annotation_id": str(self.annotation_id),
            "order_id": str(self.order_id),
            "text": self.text,
            "state": self.state.value,
            "filed_at": self.filed_at.isoformat(),
            "decided_at": self.decided_at.isoformat() if self.decided_at else None,
            "rule_before": self.rule_before,
            "reason_before": self.reason_before,
            "rule": self.rule,
            "reason": self.reason,
            "task_text": self.task_text,
            "answer_text": self.answer_text,
            "expected_text": self.expected_text,
            "amount": self.amount.as_json(),
        }


@dataclass(frozen=True)
class ReviewInfo:
    """A review in hand: the item and two values for it, in an order that tells nothing.

    `second` is None where both are the same; then `both` says that it is right, `neither` that it is not.
    """

    id: UUID
    title: str
    instruction: str
    design: dict[str, Any]
    data: dict[str, Any]
    first: dict[str, Any]
    second: dict[str, Any] | None
    expires_at: datetime

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What can be said about it."""
        return (Verdict.BOTH, Verdict.NEITHER) if self.second is None else tuple(Verdict)

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "id": str(self.id),
            "title": self.title,
            "instruction": self.instruction,
            "design": self.design,
            "data": self.data,
            "first": self.first,
            "second": self.second,
            "verdicts": [verdict.value for verdict in self.verdicts],
            "price": REVIEW_PRICE.as_json(),
            "expires_at": self.expires_at.isoformat(),
        }
