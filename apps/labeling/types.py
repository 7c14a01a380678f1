"""Words and values of the labelling room that other apps and pages may hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from apps.core.money import Money

TaskData = dict[str, Any]
"""What a task shows: {input name: value}, JSON; the input's type says which (`apps.labeling.design`)."""

Answer = dict[str, Any]
"""What an annotator says: {control name: value}, JSON; the control's type says which (`apps.labeling.controls`)."""

LEASE_SECONDS = 300
"""How long an annotator holds a task before it may go to somebody else."""

MAX_LIVE_LEASES = 50
"""Tasks one annotator may hold at a time in one order."""

UNDO_DEPTH = 10
"""How many of the latest answers can be taken back."""

MAX_LEASE_SECONDS = 3600
"""However often it is extended, a task is held no longer than this."""

FLAGS_TO_CLOSE = 2
"""An item that this many annotators flag as unusable is taken out of the order."""


class LabelingPermission(StrEnum):
    """What a role may be allowed to do here."""

    ORDER_VIEW = "labeling:order:view"
    ORDER_CREATE = "labeling:order:create"
    ORDER_LAUNCH = "labeling:order:launch"
    ORDER_CANCEL = "labeling:order:cancel"
    ORDER_REVIEW = "labeling:order:review"
    TASK_WORK = "labeling:task:work"
    ITEM_UNMASK = "labeling:item:unmask"
    SKILL_MANAGE = "labeling:skill:manage"


class OrderState(StrEnum):
    """draft -> running <-> paused -> closing -> finished | cancelled; a draft can be cancelled too.

    A paused order lends no tasks; those in hand are answered and paid as ever.
    """

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    CLOSING = "closing"
    FINISHED = "finished"
    CANCELLED = "cancelled"


#: Orders that take answers.
OPEN_ORDER_STATES = (OrderState.RUNNING, OrderState.PAUSED)


class TaskState(StrEnum):
    """open: labels missing; complete: has them all, its answers are being decided; settled; unusable: flagged."""

    OPEN = "open"
    COMPLETE = "complete"
    SETTLED = "settled"
    UNUSABLE = "unusable"


class AssignmentState(StrEnum):
    """What became of a lease."""

    LEASED = "leased"
    SUBMITTED = "submitted"
    SKIPPED = "skipped"
    FLAGGED = "flagged"
    EXPIRED = "expired"
    VOID = "void"


class MadeBy(StrEnum):
    """Whose work a task's result is: annotators' (their consensus), a model's, the requester's own known answer, or an
    adjudicator's, who decided where annotators did not agree."""

    HUMAN = "human"
    MACHINE = "machine"
    REQUESTER = "requester"
    ADJUDICATED = "adjudicated"


class AnnotationState(StrEnum):
    """What became of an answer."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Rule(StrEnum):
    """Why an answer is pending, accepted or rejected; `apps.labeling.acceptance` has the rules in words."""

    AWAITING_LABELS = "awaiting_labels"
    AWAITING_STANDING = "awaiting_standing"
    GOLD_MATCH = "gold_match"
    GOLD_MISMATCH = "gold_mismatch"
    AGREES_WITH_CONSENSUS = "agrees_with_consensus"
    TRUSTED_BY_GOLD = "trusted_by_gold"
    DIFFERS_FROM_CONSENSUS = "differs_from_consensus"
    FAILED_CHECKS = "failed_checks"
    ITEM_UNUSABLE = "item_unusable"
    AUTO_APPROVED = "auto_approved"
    AWAITING_ADJUDICATION = "awaiting_adjudication"
    AGREES_WITH_ADJUDICATION = "agrees_with_adjudication"
    DIFFERS_FROM_ADJUDICATION = "differs_from_adjudication"
    REVIEW_ACCEPTED = "review_accepted"
    REVIEW_REJECTED = "review_rejected"
    APPEAL_UPHELD = "appeal_upheld"
    APPEAL_DISMISSED = "appeal_dismissed"


@dataclass(frozen=True)
class LabelClass:
    """One choice: its name and the key that picks it."""

    name: str
    key: str

    def as_json(self) -> dict[str, str]:
        """For the API and the database."""
        return {"name": self.name, "key": self.key}


@dataclass(frozen=True)
class WantedLabel:
    """A task that wants another label, and which of the order's annotators would tell most about it, best first."""

    task_id: UUID
    annotators: tuple[UUID, ...]


@dataclass(frozen=True)
class Quote:
    """What an order costs at most: `items * redundancy` labels at the price, and the platform's fee on top.

    With a budget below that total only the budget is held, and it pays for `affordable` of the labels.
    """

    items: int
    redundancy: int
    labels: int
    price_per_label: Money
    cost: Money
    fee_bps: int
    fee: Money
    total: Money
    held: Money
    affordable: int

    @property
    def is_limited(self) -> bool:
        """Whether a budget pays for fewer labels than were asked for."""
        return self.affordable < self.labels

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "items": self.items,
            "redundancy": self.redundancy,
            "labels": self.labels,
            "price_per_label": self.price_per_label.as_json(),
            "cost": self.cost.as_json(),
            "fee_bps": self.fee_bps,
            "fee": self.fee.as_json(),
            "total": self.total.as_json(),
            "held": self.held.as_json(),
            "affordable_labels": self.affordable,
        }


@dataclass(frozen=True)
class Extension:
    """What more answers, or a higher budget, add to an order that runs."""

    redundancy: int
    labels_added: int
    held_now: Money
    held_after: Money

    @property
    def added(self) -> Money:
        """What is held in addition."""
        return self.held_after - self.held_now

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "redundancy": self.redundancy,
            "labels_added": self.labels_added,
            "held_now": self.held_now.as_json(),
            "held_after": self.held_after.as_json(),
            "added": self.added.as_json(),
        }


@dataclass(frozen=True)
class Item:
    """One item to be labelled; `gold`, the known answer, is set on hidden check questions."""

    data: TaskData
    external_id: str = ""
    gold: Answer | None = None
    row: int = 0


@dataclass(frozen=True)
class LeasedTask:
    """What an annotator gets to see of a task. The same for check questions and all others, on purpose."""

    assignment_id: UUID
    data: TaskData
    expires_at: datetime

    def as_json(self, now: datetime) -> dict[str, Any]:
        """For the API; `expires_in_ms` spares the browser from trusting its clock."""
        return {
            "id": str(self.assignment_id),
            "data": self.data,
            "expires_at": self.expires_at.isoformat(),
            "expires_in_ms": max(0, int((self.expires_at - now).total_seconds() * 1000)),
        }


@dataclass(frozen=True)
class WorkTotals:
    """An annotator's count and earnings in one order."""

    submitted: int = 0
    pending: int = 0
    accepted: int = 0
    rejected: int = 0
    earned: Money = field(default_factory=lambda: Money(0))

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "submitted": self.submitted,
            "pending": self.pending,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "earned": self.earned.as_json(),
        }


@dataclass(frozen=True)
class LeaseBatch:
    """Result of asking for tasks. `remaining` is False when the order has none left for this annotator."""

    tasks: tuple[LeasedTask, ...]
    remaining: bool
    retry_after_s: int
    totals: WorkTotals


@dataclass(frozen=True)
class AnnotationInfo:
    """One answer, as its annotator sees it; `text` and `answer_text` are task and answer in a few words."""

    id: UUID
    assignment_id: UUID
    order_id: UUID
    order_title: str
    text: str
    answer: Answer
    answer_text: str
    state: AnnotationState
    rule: Rule
    reason: str
    amount: Money
    submitted_at: datetime
    decided_at: datetime | None
    auto_approve_at: datetime | None = None
    appeal_until: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "id": str(self.id),
            "assignment_id": str(self.assignment_id),
            "order_id": str(self.order_id),
            "order_title": self.order_title,
            "text": self.text,
            "answer": self.answer,
            "answer_text": self.answer_text,
            "state": self.state.value,
            "rule": self.rule.value,
            "reason": self.reason,
            "amount": self.amount.as_json(),
            "submitted_at": self.submitted_at.isoformat(),
            "decided_at": self.decided_at.isoformat() if self.decided_at else None,
            "auto_approve_at": self.auto_approve_at.isoformat() if self.auto_approve_at else None,
            "appeal_until": self.appeal_until.isoformat() if self.appeal_until else None,
        }


@dataclass(frozen=True)
class BoardEntry:
    """A running order as everybody may see it: no item text, no requester's secrets."""

    order_id: UUID
    requester_id: UUID
    requester_name: str
    title: str
    instruction: str
    example: dict[str, Any]
    design: dict[str, Any]
    price: Money
    open_labels: int
    total_labels: int
    seconds_per_label: int
    is_paused: bool = False
    requirements: dict[str, Any] = field(default_factory=dict)

    @property
    def hourly_rate(self) -> Money:
        """Pay for an hour at the typical speed."""
        return Money(self.price.minor * 3600 // max(1, self.seconds_per_label), self.price.currency)

    @property
    def minutes(self) -> int:
        """Time for all open labels, up to an hour of them, in minutes."""
        return min(60, max(1, round(self.open_labels * self.seconds_per_label / 60)))

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "order_id": str(self.order_id),
            "requester": self.requester_name,
            "title": self.title,
            "instruction": self.instruction,
            "example": self.example,
            "design": self.design,
            "price_per_label": self.price.as_json(),
            "open_labels": self.open_labels,
            "total_labels": self.total_labels,
            "seconds_per_label": self.seconds_per_label,
            "hourly_rate": self.hourly_rate.as_json(),
            "minutes": self.minutes,
            "requirements": self.requirements,
        }
