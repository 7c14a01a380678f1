"""What a running order has cost and still holds, how good its results look, and when it will be done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Avg, Count, Exists, OuterRef, Q, QuerySet, Sum

from apps.core import clock
from apps.core.money import Money
from apps.labeling.consensus import Record
from apps.labeling.forecasting import Estimate, Forecast, estimate, when
from apps.labeling.models import Annotation, AnnotatorStats, Assignment, Order, Task
from apps.labeling.outcomes import Given, item_outcome
from apps.labeling.selectors.orders import design_of, price_of, quote_of
from apps.labeling.slots import in_use
from apps.labeling.types import (
    OPEN_ORDER_STATES,
    AnnotationState,
    AssignmentState,
    MadeBy,
    OrderState,
    TaskState,
)
from apps.ledger import selectors as ledger
from apps.ledger.types import units_of

#: Check questions that the estimate is taken from: the newest, so that the page stays quick.
MOST_CHECKS = 100
#: The same for items at rest.
MOST_RESTING = 200
RECENT = timedelta(hours=1)
#: Items that must be at rest before their answers say how many the others will take.
LEAST_AT_REST = 5


@dataclass(frozen=True)
class Funds:
    """An order's money, to the cent: `held` is always the sum of the other three."""

    held: Money
    spent: Money
    still_held: Money
    returned: Money

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "held": self.held.as_json(),
            "spent": self.spent.as_json(),
            "still_held": self.still_held.as_json(),
            "returned": self.returned.as_json(),
        }


@dataclass(frozen=True)
class Outlook:
    """All of it; what cannot be told yet is None.

    Attributes:
        checked: of the check questions with all their answers, the share that came out right by the answers alone.
        decided: of the items decided so far, the share expected to be right by their confidences.
    """

    funds: Funds | None
    checked: Estimate | None
    decided: Estimate | None
    forecast: Forecast | None

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "money": self.funds.as_json() if self.funds else None,
            "quality": {
                "checked_items": self.checked.as_json() if self.checked else None,
                "decided_items": self.decided.as_json() if self.decided else None,
            },
            "forecast": self.forecast.as_json() if self.forecast else None,
        }


def outlook(order: Order) -> Outlook:
    """Figures of a launched order; of a draft, none."""
    if order.hold_id is None:
        return Outlook(None, None, None, None)
    found = funds(order)
    ahead = _forecast(order, found) if order.state in OPEN_ORDER_STATES else None
    return Outlook(found, _checked(order), _decided(order), ahead)


def funds(order: Order) -> Funds | None:
    """The order's money; None before its launch."""
    if order.hold_id is None:
        return None
    hold = ledger.hold(order.hold_id)
    held = Money(order.captured_before_minor + units_of(hold.amount), order.currency)
    paid = Annotation.objects.filter(order=order).aggregate(total=Sum("amount_minor"))["total"] or 0
    spent = _with_fee(order, paid)
    returned = Money(units_of(hold.released), order.currency)
    return Funds(held, spent, held - spent - returned, returned)


def _with_fee(order: Order, paid_minor: int) -> Money:
    paid = Money(paid_minor, order.currency)
    return paid + paid.fraction_bps(order.fee_bps)


def _checked(order: Order) -> Estimate | None:
    """How often the answers alone lead to the known answer."""
    done = Task.objects.filter(order=order, gold__isnull=False).exclude(state=TaskState.UNUSABLE)
    full = done.filter(labels_done__gte=order.redundancy) if order.target is None else done.filter(labels_done__gt=0)
    tasks = {task.id: task for task in full.order_by("-position")[:MOST_CHECKS]}
    given = _answers(tasks)
    design = design_of(order)
    right = sum(
        design.same(item_outcome(design, answers, {}, tasks[task_id].data).result, tasks[task_id].gold or {})
        for task_id, answers in given.items()
    )
    return estimate(right, len(given))


def _decided(order: Order) -> Estimate | None:
    """What the confidences of the decided items promise; with a target, of items at rest, which are decided last."""
    if order.target is not None and order.state in OPEN_ORDER_STATES:
        return _at_rest(order)
    found = Task.objects.filter(
        order=order, state=TaskState.SETTLED, gold__isnull=True, confidence__isnull=False
    ).aggregate(mean=Avg("confidence"), count=Count("id"))
    return estimate(found["mean"] * found["count"], found["count"]) if found["count"] else None


def _at_rest(order: Order) -> Estimate | None:
    """The same for the newest items of which no label is wanted or in hand, their answers weighed by their records."""
    tasks = {task.id: task for task in _resting(order).order_by("-position")[:MOST_RESTING]}
    stats = AnnotatorStats.objects.filter(order=order)
    records = {str(row.annotator_id): Record(row.gold_seen, row.gold_right) for row in stats}
    design = design_of(order)
    sure = [
        item_outcome(design, answers, records, tasks[task_id].data).confidence
        for task_id, answers in _answers(tasks).items()
    ]
    return estimate(sum(sure), len(sure))


def _answers(tasks: Iterable[UUID]) -> dict[UUID, list[Given]]:
    """The answers to each of these tasks."""
    given: dict[UUID, list[Given]] = defaultdict(list)
    rows = Annotation.objects.filter(task_id__in=list(tasks)).values_list("task_id", "annotator_id", "answer")
    for task_id, annotator_id, answer in rows:
        given[task_id].append(Given(str(task_id), str(annotator_id), answer))
    return given


def _resting(order: Order) -> QuerySet[Task]:
    """Items of an order with a target that have answers and want none."""
    in_hand = Assignment.objects.filter(task_id=OuterRef("id"), state=AssignmentState.LEASED)
    resting = Task.objects.filter(order=order, gold__isnull=True, open_slots=0, labels_done__gt=0)
    return resting.exclude(state=TaskState.UNUSABLE).exclude(made_by=MadeBy.MACHINE).filter(~Exists(in_hand))


def _forecast(order: Order, found: Funds | None) -> Forecast:
    now = clock.now()
    used = in_use(order.id)
    left = _labels_left(order, used.given) if order.target is not None else used.lent + used.offered
    since = max(now - RECENT, order.launched_at or now - RECENT)
    recent = Annotation.objects.filter(order=order, submitted_at__gt=since).count()
    hours = max((now - since) / timedelta(hours=1), 1 / 60)
    pace = recent / hours if order.state == OrderState.RUNNING else 0.0
    decided = Annotation.objects.filter(order=order).aggregate(
        accepted=Count("id", filter=Q(state=AnnotationState.ACCEPTED)),
        rejected=Count("id", filter=Q(state=AnnotationState.REJECTED)),
    )
    known = decided["accepted"] + decided["rejected"]
    coming = used.given - known + left
    accepted = decided["accepted"] + (round(coming * decided["accepted"] / known) if known else coming)
    cost = _with_fee(order, price_of(order).minor * accepted)
    if found is not None:
        cost = min(cost, found.held)
    return Forecast(left, pace, when(now, left, pace), cost)


def _labels_left(order: Order, given: int) -> int:
    """Answers that an order with a target still needs, by what the items at rest took; at most what is paid for."""
    most: int = max(0, quote_of(order).affordable - given)
    rest = _resting(order).aggregate(mean=Avg("labels_done"), count=Count("id"))
    if rest["count"] < LEAST_AT_REST:
        return most
    items = Task.objects.filter(order=order, gold__isnull=True, made_by=MadeBy.HUMAN).count()
    on_checks = Annotation.objects.filter(order=order, task__gold__isnull=False).count()
    expected = round(float(rest["mean"]) * items) + on_checks
    return min(most, max(0, expected - given))
