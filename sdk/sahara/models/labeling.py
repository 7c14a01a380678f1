"""Orders and the work on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sahara.models.base import Model, Money


class Quote(Model):
    """What an order costs at most."""

    items: int
    labels: int
    cost: Money
    fee: Money
    total: Money


class OrderProgress(Model):
    """How far an order is."""

    items: int
    items_settled: int
    labels_wanted: int
    labels_given: int
    percent: int
    accepted: int
    rejected: int
    pending: int
    annotators: int
    gold_seen: int
    gold_right: int
    spent: Money


class Order(Model):
    """An order for labels."""

    id: UUID
    title: str
    state: str
    items: int
    gold_items: int
    redundancy: int
    design: dict[str, Any]
    quote: Quote
    progress: OrderProgress | None = None
    dataset_id: UUID | None
    dataset_version_id: UUID | None

    @property
    def class_names(self) -> list[str]:
        """The choices of the first question that has any."""
        for control in self.design["controls"]:
            if control.get("classes"):
                return [one["name"] for one in control["classes"]]
        return []


class Task(Model):
    """A task in hand; `data` has a value for each input of the order's design."""

    id: UUID
    data: dict[str, Any]
    expires_at: datetime


class WorkTotals(Model):
    """An annotator's answers and pay in an order."""

    submitted: int
    pending: int
    accepted: int
    rejected: int
    earned: Money


class LeaseBatch(Model):
    """Tasks lent; without any, `remaining` says whether to ask again."""

    tasks: list[Task]
    remaining: bool
    retry_after_s: int
    totals: WorkTotals


class Annotation(Model):
    """An answer and what became of it; `text` and `answer_text` are task and answer in a few words."""

    id: UUID
    order_id: UUID
    text: str
    answer: dict[str, Any]
    answer_text: str
    state: str
    rule: str
    reason: str
    amount: Money
