"""The free sample of a draft: its items, and what they say about price and date before anything is paid."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Sum

from apps.core import clock
from apps.core.money import Money
from apps.core.tenant import all_tenants
from apps.labeling.forecasting import when
from apps.labeling.models import Annotation, BoardListing, Order, Task
from apps.labeling.pricing import LONGEST_MS, seconds_per_label
from apps.labeling.selectors.imports import with_urls
from apps.labeling.selectors.orders import price_of, quote_of
from apps.labeling.types import Quote

SAMPLE_ITEMS = 10
#: Own answers from which the time for one is taken, once there are this many.
MEASURED_FROM = 3
PACE_OVER = timedelta(days=1)


@dataclass(frozen=True)
class Pace:
    """The board's last day: hours that annotators spent on orders that are open now, how many did, and on how many."""

    hours: float
    annotators: int
    orders: int

    @property
    def in_words(self) -> str:
        """The time spent, as people say it."""
        if self.hours >= 2:
            return f"{self.hours:,.0f} hours"
        minutes = max(1, round(self.hours * 60))
        return "1 minute" if minutes == 1 else f"{minutes} minutes"


@dataclass(frozen=True)
class Prospects:
    """What a draft would cost and take.

    Attributes:
        seconds: typical time for one answer; measured from the requester's own where there are enough.
        hourly: what annotators earn in an hour at that speed.
        soonest: when it is done if all of the board's pace goes to it; None where nobody works now.
        latest: the same if it shares that pace with the orders that are open.
    """

    wanted: int
    answered: int
    seconds: int
    is_measured: bool
    hourly: Money
    pace: Pace
    quote: Quote
    soonest: datetime | None
    latest: datetime | None

    @property
    def is_complete(self) -> bool:
        """Whether the whole sample is answered."""
        return self.answered >= self.wanted

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "items": self.wanted,
            "answered": self.answered,
            "seconds_per_label": self.seconds,
            "is_measured": self.is_measured,
            "hourly_rate": self.hourly.as_json(),
            "board_hours_last_day": round(self.pace.hours, 2),
            "board_annotators_last_day": self.pace.annotators,
            "costs_at_most": self.quote.held.as_json(),
            "done_soonest": self.soonest.isoformat() if self.soonest else None,
            "done_latest": self.latest.isoformat() if self.latest else None,
        }


def prospects(order: Order) -> Prospects:
    """What is known of a draft before its launch."""
    times = [one["elapsed_ms"] for one in order.sample if one["elapsed_ms"]]
    is_measured = len(times) >= MEASURED_FROM
    guessed = seconds_per_label(order.word_count, order.item_count)
    seconds = max(1, round(statistics.median(times) / 1000)) if is_measured else guessed
    quote = quote_of(order)
    pace = board_pace()
    now = clock.now()
    work = quote.affordable * seconds / 3600
    per_hour = pace.hours / (PACE_OVER / timedelta(hours=1))
    plain = order.item_count - order.gold_count
    return Prospects(
        wanted=min(SAMPLE_ITEMS, max(plain, len(order.sample))),
        answered=len(order.sample),
        seconds=seconds,
        is_measured=is_measured,
        hourly=Money(price_of(order).minor * 3600 // seconds, order.currency),
        pace=pace,
        quote=quote,
        soonest=when(now, work, per_hour),
        latest=when(now, work, per_hour / (pace.orders + 1)),
    )


def board_pace() -> Pace:
    """How much work the open orders got in the last day."""
    open_orders = list(BoardListing.objects.filter(open=True).values_list("order_id", flat=True))
    with all_tenants(reason="the board's pace is that of everybody's orders; only sums leave"):
        found = Annotation.objects.filter(
            order_id__in=open_orders, submitted_at__gt=clock.now() - PACE_OVER, elapsed_ms__lte=LONGEST_MS
        ).aggregate(spent=Sum("elapsed_ms"), annotators=Count("annotator_id", distinct=True))
    return Pace((found["spent"] or 0) / 3_600_000, found["annotators"], len(open_orders))


def sample_tasks(order: Order) -> list[Task]:
    """The items of the sample that the requester has not answered, spread over the order; check questions left out."""
    answered = {one["task"] for one in order.sample}
    room = SAMPLE_ITEMS - len(answered)
    step = max(1, order.item_count / SAMPLE_ITEMS)
    plain = Task.objects.filter(order=order, gold__isnull=True).order_by("position")
    found: dict[Any, Task] = {}
    for place in range(min(SAMPLE_ITEMS, order.item_count)):
        task = plain.filter(position__gte=int(place * step)).exclude(id__in=list(found)).first()
        if task is not None:
            found[task.id] = task
    return [task for task in found.values() if str(task.id) not in answered][:room]


def shown_task(task: Task) -> dict[str, Any]:
    """A sample item as it is shown, files with an address."""
    return {"id": str(task.id), "data": with_urls(task.tenant_id, [task.data])[0]}


def has_unused_answers(order: Order) -> bool:
    """Whether some of the sample's answers are no check questions yet."""
    return Task.objects.filter(order=order, id__in=[one["task"] for one in order.sample], gold__isnull=True).exists()
