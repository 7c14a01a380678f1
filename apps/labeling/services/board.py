"""The task board's rows: what everybody may see of running orders."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Avg, Count, Sum

from apps.core import clock
from apps.core.tenant import tenant_scope
from apps.labeling.models import Annotation, BoardListing, Order, Task
from apps.labeling.pricing import LONGEST_MS, seconds_per_label
from apps.labeling.selectors.orders import quote_of

#: Answers within the last hour from which the typical time is taken, once there are this many.
MEASURED_FROM = 20
RECENT = timedelta(hours=1)


def list_order(order: Order) -> None:
    """Put a launched order on the board."""
    labels = quote_of(order).affordable
    BoardListing.objects.create(
        order_id=order.id,
        requester_id=order.tenant_id,
        title=order.title,
        instruction=order.instruction,
        example=order.example,
        design=order.design,
        price_minor=order.price_minor,
        currency=order.currency,
        open_labels=labels,
        total_labels=labels,
        seconds_per_label=seconds_per_label(order.word_count, order.item_count),
        launched_at=order.launched_at or clock.now(),
        requirements=order.requirements,
        reserved_for=order.reserved_for,
    )


def close_listing(order_id: UUID) -> None:
    """Take an order off the board; its page stays, for those who come by a link."""
    BoardListing.objects.filter(order_id=order_id).update(open=False, paused=False, open_labels=0)


def pause_listing(order_id: UUID, *, paused: bool) -> None:
    """Hide an order that lends nothing for now, or show it again."""
    BoardListing.objects.filter(order_id=order_id).update(open=not paused, paused=paused)


def relist_order(order: Order, labels: int) -> None:
    """Show that more labels are asked for than at the launch."""
    BoardListing.objects.filter(order_id=order.id).update(total_labels=labels)
    _refresh(order.id)


def refresh_board() -> int:
    """Bring counts and typical times of all open orders up to date. Returns how many there are.

    On a schedule and not with each answer: a counter that all annotators write would make them wait for each other.
    """
    listings = list(BoardListing.objects.filter(open=True).values_list("order_id", "requester_id"))
    for order_id, requester_id in listings:
        with tenant_scope(requester_id), transaction.atomic():
            _refresh(order_id)
    return len(listings)


def _refresh(order_id: UUID) -> None:
    slots = Task.objects.filter(order_id=order_id, open_slots__gt=0).aggregate(total=Sum("open_slots"))
    changes = {"open_labels": slots["total"] or 0}
    measured = Annotation.objects.filter(
        order_id=order_id, submitted_at__gt=clock.now() - RECENT, elapsed_ms__gt=0, elapsed_ms__lte=LONGEST_MS
    ).aggregate(mean=Avg("elapsed_ms"), count=Count("id"))
    if measured["count"] >= MEASURED_FROM:
        changes["seconds_per_label"] = max(1, round(measured["mean"] / 1000))
    BoardListing.objects.filter(order_id=order_id, open=True).update(**changes)
