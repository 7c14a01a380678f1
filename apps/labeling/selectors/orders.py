"""Reads of orders, for their requester."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.fields.json import KeyTextTransform

from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.labeling.controls.choice import Choice
from apps.labeling.design import Design
from apps.labeling.errors import OrderNotFound
from apps.labeling.models import Annotation, AnnotatorStats, Assignment, Order, Task
from apps.labeling.policies import require
from apps.labeling.pricing import quote
from apps.labeling.types import (
    OPEN_ORDER_STATES,
    AnnotationState,
    AssignmentState,
    LabelingPermission,
    OrderState,
    Quote,
    TaskState,
)
from apps.tenancy.types import Actor


@dataclass(frozen=True)
class OrderProgress:
    """How far an order is, what it has cost, how good the answers look so far."""

    items: int
    items_settled: int
    items_unusable: int
    labels_wanted: int
    labels_given: int
    accepted: int
    rejected: int
    pending: int
    annotators: int
    working_now: int
    gold_seen: int
    gold_right: int
    spent: Money
    quote: Quote

    @property
    def percent(self) -> int:
        """Share of the labels that were given, rounded down."""
        return min(100, self.labels_given * 100 // max(1, self.labels_wanted))

    @property
    def gold_percent(self) -> int | None:
        """Share of check questions answered right, or None before any."""
        return round(self.gold_right * 100 / self.gold_seen) if self.gold_seen else None

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "items": self.items,
            "items_settled": self.items_settled,
            "items_unusable": self.items_unusable,
            "labels_wanted": self.labels_wanted,
            "labels_given": self.labels_given,
            "percent": self.percent,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "pending": self.pending,
            "annotators": self.annotators,
            "working_now": self.working_now,
            "gold_seen": self.gold_seen,
            "gold_right": self.gold_right,
            "spent": self.spent.as_json(),
        }


def design_of(order: Order) -> Design:
    """What the order's tasks show and ask."""
    return Design.from_json(order.design)


def price_of(order: Order) -> Money:
    """Pay for one label."""
    return Money(order.price_minor, order.currency)


def budget_of(order: Order) -> Money | None:
    """The most that the requester wants to spend; None: what all labels cost."""
    return None if order.budget_minor is None else Money(order.budget_minor, order.currency)


def quote_of(order: Order) -> Quote:
    """The most that an order can cost."""
    return quote_with(order, redundancy=order.redundancy, budget_minor=order.budget_minor)


def quote_with(order: Order, *, redundancy: int, budget_minor: int | None) -> Quote:
    """The same with other terms."""
    return quote(
        items=order.item_count,
        redundancy=redundancy,
        price=price_of(order),
        fee_bps=order.fee_bps,
        budget=None if budget_minor is None else Money(budget_minor, order.currency),
    )


def orders(actor: Actor) -> QuerySet[Order]:
    """The organisation's orders, newest first, lazily (for pages of them)."""
    require(actor, LabelingPermission.ORDER_VIEW)
    return Order.objects.filter(skill=None).order_by("-id")


def order(actor: Actor, order_id: UUID) -> Order:
    """An order of the actor's organisation. Raises OrderNotFound."""
    row = Order.objects.filter(id=order_id).first()
    if row is None or row.tenant_id != actor.organisation_id:
        raise OrderNotFound
    require(actor, LabelingPermission.ORDER_VIEW, row)
    return row


def preview(row: Order, count: int = 5) -> list[dict[str, Any]]:
    """The first items of an order in a few words."""
    design = design_of(row)
    return [
        {
            "row": task.row,
            "id": task.external_id,
            "text": design.shown_data(task.data),
            "gold": design.shown_answer(task.gold) if task.gold is not None else "",
        }
        for task in Task.objects.filter(order=row).order_by("row")[:count]
    ]


def progress(row: Order) -> OrderProgress:
    """Figures of an order."""
    annotations = Annotation.objects.filter(order=row).aggregate(
        accepted=Count("id", filter=Q(state=AnnotationState.ACCEPTED)),
        rejected=Count("id", filter=Q(state=AnnotationState.REJECTED)),
        pending=Count("id", filter=Q(state=AnnotationState.PENDING)),
        spent=Sum("amount_minor"),
    )
    stats = AnnotatorStats.objects.filter(order=row, submitted__gt=0).aggregate(
        annotators=Count("id"), seen=Sum("gold_seen"), right=Sum("gold_right")
    )
    working = (
        Assignment.objects.filter(order=row, state=AssignmentState.LEASED).values("annotator_id").distinct().count()
    )
    unusable = Task.objects.filter(order=row, state=TaskState.UNUSABLE).count() if row.state != OrderState.DRAFT else 0
    counts = [annotations[name] for name in ("accepted", "rejected", "pending")]
    return OrderProgress(
        items=row.item_count,
        items_settled=row.items_done - unusable,
        items_unusable=unusable,
        labels_wanted=quote_of(row).affordable,
        labels_given=sum(counts),
        accepted=counts[0],
        rejected=counts[1],
        pending=counts[2],
        annotators=stats["annotators"],
        working_now=working if row.state in OPEN_ORDER_STATES else 0,
        gold_seen=stats["seen"] or 0,
        gold_right=stats["right"] or 0,
        spent=Money(annotations["spent"] or 0, row.currency),
        quote=quote_of(row),
    )


def choice_counts(row: Order) -> list[tuple[str, int]]:
    """How often each class was chosen so far, in their order; for the first question that is a choice."""
    choice = next((control for control in design_of(row).controls if isinstance(control, Choice)), None)
    if choice is None:
        return []
    chosen = KeyTextTransform(choice.name, "answer")
    counts = dict(Annotation.objects.filter(order=row).values_list(chosen).annotate(Count("id")))
    return [(name, counts.get(name, 0)) for name in choice.names]


def answers(row: Order, batch: int = 5_000) -> Iterator[list[dict[str, Any]]]:
    """Every answer of an order in batches, oldest first. Annotators are numbered, not named.

    It enters the requester's scope by itself, for it is read after the request that asked for it has ended.
    """
    numbers: dict[UUID, int] = {}
    last: UUID | None = None
    while True:
        with tenant_scope(row.tenant_id):
            rows = Annotation.objects.filter(order=row).order_by("id")
            found = list(
                (rows if last is None else rows.filter(id__gt=last)).values_list(
                    "id", "task__row", "task__external_id", "task__data", "annotator_id", "answer", "state", "rule"
                )[:batch]
            )
        if not found:
            return
        last = found[-1][0]
        yield [
            {
                "row": item_row,
                "id": external_id,
                "data": data,
                "annotator": numbers.setdefault(annotator_id, len(numbers) + 1),
                "answer": answer,
                "state": state,
                "rule": rule,
            }
            for _, item_row, external_id, data, annotator_id, answer, state, rule in found
        ]
