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
    held: Money
    affordable_labels: int


class Extension(Model):
    """What more answers, or a higher budget, add to an order."""

    redundancy: int
    labels_added: int
    held_now: Money
    held_after: Money
    added: Money


class OrderMoney(Model):
    """An order's money: `held` is the sum of the other three."""

    held: Money
    spent: Money
    still_held: Money
    returned: Money


class Estimate(Model):
    """A share with its 95 % interval, taken from so many cases."""

    share: float
    low: float
    high: float
    cases: int


class OrderQuality(Model):
    """How many results are right, as far as it can be told."""

    checked_items: Estimate | None
    decided_items: Estimate | None


class OrderForecast(Model):
    """Where an order ends at the pace of the last hour."""

    labels_left: int
    labels_per_hour: float
    ends_at: datetime | None
    cost: Money


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
    money: OrderMoney | None
    quality: OrderQuality
    forecast: OrderForecast | None


class Machine(Model):
    """What the machine of an order has done; precisions are None before an audit has passed."""

    state: str
    settings: dict[str, Any]
    model: str
    problem: str
    items_asked: int
    items_accepted: int
    items_proposed: int
    audits: int
    audits_passed: int
    audited: int
    audited_right: int
    measured_precision: float | None
    measured_precision_low: float | None
    measured_precision_high: float | None


class OrderReview(Model):
    """Who decides beside the consensus: an adjudicator, and annotators with a skill who are paid for it."""

    adjudication: bool
    skill_id: UUID | None
    price_minor: int


class Order(Model):
    """An order for labels."""

    id: UUID
    title: str
    state: str
    items: int
    gold_items: int
    redundancy: int
    target: float | None
    budget: Money | None
    deadline: datetime | None
    design: dict[str, Any]
    requirements: dict[str, Any]
    review: OrderReview
    quote: Quote
    progress: OrderProgress | None = None
    machine: Machine | None = None
    dataset_id: UUID | None
    dataset_version_id: UUID | None

    @property
    def class_names(self) -> list[str]:
        """The choices of the first question that has any."""
        for control in self.design["controls"]:
            if control.get("classes"):
                return [one["name"] for one in control["classes"]]
        return []


class SampleTask(Model):
    """An item of a draft's free sample."""

    id: UUID
    data: dict[str, Any]


class SampleForecast(Model):
    """What a draft would cost and take; dates are None where nobody works on the board."""

    items: int
    answered: int
    seconds_per_label: int
    is_measured: bool
    hourly_rate: Money
    costs_at_most: Money
    done_soonest: datetime | None
    done_latest: datetime | None


class Sample(Model):
    """The items of the sample that are not answered yet, and the forecast."""

    tasks: list[SampleTask]
    forecast: SampleForecast


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
