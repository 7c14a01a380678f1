"""Lending tasks to annotators: never beyond an item's redundancy, never the same item twice to one annotator.

Each use case is one transaction of a few statements. It reads `BoardListing` first, which is public and says whose
tenant scope to enter.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from apps.core import clock
from apps.core.errors import NotPermitted
from apps.core.tenant import scope_that_was_set, tenant_scope
from apps.labeling import locks
from apps.labeling.eligibility import Requirements
from apps.labeling.errors import NotPersonal, OrderNotFound, OrderNotOpen, OrderPaused, OwnOrder
from apps.labeling.models import AnnotatorStats, Assignment, Task
from apps.labeling.policies import require
from apps.labeling.selectors.eligibility import require_eligible
from apps.labeling.selectors.imports import with_urls
from apps.labeling.selectors.work import totals_of
from apps.labeling.types import (
    LEASE_SECONDS,
    MAX_LIVE_LEASES,
    LabelingPermission,
    LeaseBatch,
    LeasedTask,
    TaskData,
    TaskState,
)
from apps.tenancy import selectors as tenancy
from apps.tenancy.types import Actor, OrganisationKind

#: From here on, an annotator with fewer than half of the check questions right gets no more tasks of the order.
STOP_FROM_CHECKS = 8
#: How often the whole queue is searched for slots that came back, for one annotator.
SWEEP_EVERY = timedelta(seconds=2)
EXPIRE_AT_ONCE = 500


@dataclass(frozen=True)
class Queue:
    """An order's tasks as they come to one annotator."""

    order_id: UUID
    requester_id: UUID
    annotator_id: UUID
    place: locks.Place


def lease_tasks(*, actor: Actor, order_id: UUID, count: int = 1, among: Sequence[UUID] | None = None) -> LeaseBatch:
    """Lend up to `count` tasks of an order to the annotator for `LEASE_SECONDS`.

    Check questions come among the others and cannot be told from them. At most `MAX_LIVE_LEASES` are held at a time.
    In an order with a target, tasks about which this annotator would tell most come first.

    Args:
        among: lend only these tasks.

    Raises:
        OrderNotFound, OrderNotOpen, OrderPaused
        OwnOrder: the annotator belongs to the requester.
        NotEligible: the order asks for more; says what is missing. Checked when the annotator enters the order.
        NotPersonal: the actor is a team; annotators work in their personal organisation.
        NotPermitted: `standing_lost`, after too many wrong check questions; `stopped_after_review`, with the reason.
    """
    require(actor, LabelingPermission.TASK_WORK)
    count = max(1, min(count, MAX_LIVE_LEASES))
    # Scopes are entered before the transaction or by its own statements, and left after it: none is sent for it alone.
    with tenant_scope(actor.organisation_id), ExitStack() as scope, transaction.atomic():
        entrance = _entrance(actor, order_id)
        scope.enter_context(scope_that_was_set(entrance.requester_id))
        place = entrance.place or _enrol(actor, order_id, entrance)
        if entrance.reserved_for is None:  # a skill's test is taken to its end
            _require_standing(place)
        queue = Queue(order_id, entrance.requester_id, actor.organisation_id, place)
        tasks = _pick(queue, count, clock.now(), among)
        remaining = len(tasks) == count or _more_to_come(queue)
    so_far = totals_of(place.submitted, place.accepted, place.rejected, place.earned_minor, entrance.currency)
    return LeaseBatch(tuple(tasks), remaining, 0 if tasks else int(SWEEP_EVERY.total_seconds()), so_far)


def _entrance(actor: Actor, order_id: UUID) -> locks.Entrance:
    """What everybody may know of an order that takes answers, and the annotator's locked place in it."""
    found = locks.enter(order_id=order_id, annotator_id=actor.organisation_id)
    if found is None or found.reserved_for not in (None, actor.organisation_id):
        raise OrderNotFound
    if not found.open:
        raise OrderPaused if found.paused else OrderNotOpen
    if found.requester_id == actor.organisation_id:
        raise OwnOrder
    return found


def _enrol(actor: Actor, order_id: UUID, entrance: locks.Entrance) -> locks.Place:
    """The checks and the row of an annotator who is new to an order."""
    if tenancy.organisation(actor.organisation_id).kind != OrganisationKind.PERSONAL:
        raise NotPersonal
    if actor.user_id is not None and tenancy.is_member(actor.user_id, entrance.requester_id):
        raise OwnOrder
    if entrance.requirements:
        require_eligible(actor, Requirements.from_json(entrance.requirements))
    AnnotatorStats.objects.bulk_create(
        [AnnotatorStats(tenant_id=entrance.requester_id, order_id=order_id, annotator_id=actor.organisation_id)],
        ignore_conflicts=True,
    )
    now = locks.enter(order_id=order_id, annotator_id=actor.organisation_id)
    if now is None or now.place is None:
        raise OrderNotFound
    return now.place


def _require_standing(stats: locks.Place) -> None:
    if stats.stopped:
        raise NotPermitted(
            "stopped_after_review",
            f"After a review of your answers this order gives you no more tasks: “{stats.stopped}” "
            "Your other orders are not affected.",
            board_url="/work/",
        )
    if stats.gold_seen >= STOP_FROM_CHECKS and stats.gold_right * 2 < stats.gold_seen:
        raise NotPermitted(
            "standing_lost",
            "Fewer than half of your check questions in this order were right, so it gives you no more tasks. "
            "Your other orders are not affected.",
            board_url="/work/",
        )


def _pick(queue: Queue, count: int, now: datetime, only: Sequence[UUID] | None) -> list[LeasedTask]:
    expires_at = now + timedelta(seconds=LEASE_SECONDS)
    place = queue.place

    def pick(after: int | None, wanted: int, among: Sequence[UUID] | None = None) -> list[tuple[UUID, TaskData]]:
        return locks.pick_tasks(
            order_id=queue.order_id,
            annotator_id=queue.annotator_id,
            stats_id=place.id,
            after=after,
            count=wanted,
            now=now,
            expires_at=expires_at,
            among=among,
        )

    if only is not None:
        return _shown(queue, pick(None, count, only), expires_at)
    found = pick(None, count, [UUID(task_id) for task_id in place.preferred]) if place.preferred else []
    if len(found) < count:
        # Kept tasks lie anywhere in the queue, so behind a stale place in it some were lent just now.
        found += pick(None if place.preferred else place.queue_position, count - len(found))
    if not found and (place.swept_at is None or now - place.swept_at > SWEEP_EVERY):
        # The end of the queue: look for slots that others gave back, first those that just lapsed.
        locks.expire_leases(now=now, most=EXPIRE_AT_ONCE, order_id=queue.order_id)
        found = pick(None, count)
    return _shown(queue, found, expires_at)


def _shown(queue: Queue, found: Sequence[tuple[UUID, TaskData]], expires_at: datetime) -> list[LeasedTask]:
    """The lent tasks, files among their inputs with an address."""
    shown = with_urls(queue.requester_id, [data for _, data in found])
    return [LeasedTask(assignment_id, data, expires_at) for (assignment_id, _), data in zip(found, shown, strict=True)]


def _more_to_come(queue: Queue) -> bool:
    """Whether an unfinished item is left that the annotator never had: others may give their slot back."""
    seen = Assignment.objects.filter(order_id=queue.order_id, annotator_id=queue.annotator_id).values("task_id")
    return Task.objects.filter(order_id=queue.order_id, state=TaskState.OPEN).exclude(id__in=seen).exists()


def close_expired_leases(most: int = 1_000) -> int:
    """Give the slots of lapsed leases back to their orders (on a schedule; the caller is in `all_tenants`)."""
    with transaction.atomic():
        return locks.expire_leases(now=clock.now(), most=most)
