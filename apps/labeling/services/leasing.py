"""Lending tasks to annotators: never beyond an item's redundancy, never the same item twice to one annotator.

Each use case is one transaction of a few statements. It reads `BoardListing` first, which is public and says whose
tenant scope to enter.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from apps.core import clock
from apps.core.errors import NotPermitted
from apps.core.tenant import tenant_scope
from apps.labeling import locks
from apps.labeling.eligibility import Requirements
from apps.labeling.errors import NotPersonal, OrderNotFound, OrderNotOpen, OrderPaused, OwnOrder
from apps.labeling.models import AnnotatorStats, BoardListing, Task
from apps.labeling.policies import require
from apps.labeling.selectors.eligibility import require_eligible
from apps.labeling.selectors.imports import with_urls
from apps.labeling.selectors.work import totals
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
    # The requester's scope is entered in the transaction and left after it, which spares a statement.
    with ExitStack() as scope, transaction.atomic():
        listing = _open_listing(actor, order_id)
        scope.enter_context(tenant_scope(listing.requester_id))
        stats = _lock_stats(order_id, actor.organisation_id) or _enrol(actor, listing)
        if listing.reserved_for is None:  # a skill's test is taken to its end
            _require_standing(stats)
        now = clock.now()
        tasks = _pick(stats, count, now, among)
        remaining = len(tasks) == count or _more_to_come(stats)
    return LeaseBatch(
        tuple(tasks), remaining, 0 if tasks else int(SWEEP_EVERY.total_seconds()), totals(stats, listing.currency)
    )


def _open_listing(actor: Actor, order_id: UUID) -> BoardListing:
    """What everybody may know of an order that takes answers, without what only its page shows."""
    listing = BoardListing.objects.filter(order_id=order_id).defer("instruction", "example", "design").first()
    if listing is None or listing.reserved_for not in (None, actor.organisation_id):
        raise OrderNotFound
    if not listing.open:
        raise OrderPaused if listing.paused else OrderNotOpen
    if listing.requester_id == actor.organisation_id:
        raise OwnOrder
    return listing


def _lock_stats(order_id: UUID, annotator_id: UUID) -> AnnotatorStats | None:
    return (
        AnnotatorStats.objects.select_for_update(no_key=True)
        .filter(order_id=order_id, annotator_id=annotator_id)
        .first()
    )


def _enrol(actor: Actor, listing: BoardListing) -> AnnotatorStats:
    """The checks and the row of an annotator who is new to an order."""
    if tenancy.organisation(actor.organisation_id).kind != OrganisationKind.PERSONAL:
        raise NotPersonal
    if actor.user_id is not None and tenancy.is_member(actor.user_id, listing.requester_id):
        raise OwnOrder
    if listing.requirements:
        require_eligible(actor, Requirements.from_json(listing.requirements))
    AnnotatorStats.objects.bulk_create(
        [AnnotatorStats(tenant_id=listing.requester_id, order_id=listing.order_id, annotator_id=actor.organisation_id)],
        ignore_conflicts=True,
    )
    stats = _lock_stats(listing.order_id, actor.organisation_id)
    if stats is None:
        raise OrderNotFound
    return stats


def _require_standing(stats: AnnotatorStats) -> None:
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


def _pick(stats: AnnotatorStats, count: int, now: datetime, only: Sequence[UUID] | None) -> list[LeasedTask]:
    expires_at = now + timedelta(seconds=LEASE_SECONDS)

    def pick(after: int | None, wanted: int, among: Sequence[UUID] | None = None) -> list[tuple[UUID, TaskData]]:
        return locks.pick_tasks(
            order_id=stats.order_id,
            annotator_id=stats.annotator_id,
            stats_id=stats.id,
            after=after,
            count=wanted,
            now=now,
            expires_at=expires_at,
            among=among,
        )

    if only is not None:
        return _shown(stats, pick(None, count, only), expires_at)
    found = pick(None, count, [UUID(task_id) for task_id in stats.preferred]) if stats.preferred else []
    if len(found) < count:
        # Kept tasks lie anywhere in the queue, so behind a stale place in it some were lent just now.
        found += pick(None if stats.preferred else stats.queue_position, count - len(found))
    if not found and (stats.swept_at is None or now - stats.swept_at > SWEEP_EVERY):
        # The end of the queue: look for slots that others gave back, first those that just lapsed.
        locks.expire_leases(now=now, most=EXPIRE_AT_ONCE, order_id=stats.order_id)
        found = pick(None, count)
    return _shown(stats, found, expires_at)


def _shown(stats: AnnotatorStats, found: Sequence[tuple[UUID, TaskData]], expires_at: datetime) -> list[LeasedTask]:
    """The lent tasks, files among their inputs with an address."""
    shown = with_urls(stats.tenant_id, [data for _, data in found])
    return [LeasedTask(assignment_id, data, expires_at) for (assignment_id, _), data in zip(found, shown, strict=True)]


def _more_to_come(stats: AnnotatorStats) -> bool:
    """Whether an unfinished item is left that the annotator never had: others may give their slot back."""
    seen = stats.order.assignments.filter(annotator_id=stats.annotator_id).values("task_id")
    return Task.objects.filter(order_id=stats.order_id, state=TaskState.OPEN).exclude(id__in=seen).exists()


def close_expired_leases(most: int = 1_000) -> int:
    """Give the slots of lapsed leases back to their orders (on a schedule; the caller is in `all_tenants`)."""
    with transaction.atomic():
        return locks.expire_leases(now=clock.now(), most=most)
