"""Reads for annotators: the task board, the tasks they hold, what became of their answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from apps.core import clock
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.labeling.appeal_types import APPEAL_WINDOW
from apps.labeling.errors import OrderNotFound
from apps.labeling.models import Annotation, AnnotatorStats, Assignment, BoardListing
from apps.labeling.selectors.imports import with_urls
from apps.labeling.types import (
    AnnotationInfo,
    AnnotationState,
    AssignmentState,
    BoardEntry,
    LeasedTask,
    Rule,
    WorkTotals,
)
from apps.tenancy.selectors import organisation_names
from apps.tenancy.types import Actor


@dataclass(frozen=True)
class MyTotals:
    """All of an annotator's work: counts of answers, pay earned."""

    pending: int
    accepted: int
    rejected: int
    earned: Money


def board() -> list[BoardEntry]:
    """Orders that take answers, best paid by the hour first."""
    rows = list(BoardListing.objects.filter(open=True, reserved_for=None).order_by("-launched_at")[:200])
    names = organisation_names(row.requester_id for row in rows)
    return sorted((_entry(row, names) for row in rows), key=lambda entry: (-entry.hourly_rate.minor, entry.title))


def board_entry(order_id: UUID, annotator_id: UUID | None = None) -> tuple[BoardEntry, bool]:
    """A launched order as everybody sees it, and whether it still takes answers. Raises OrderNotFound.

    Args:
        annotator_id: who looks; an attempt at a skill's test is there for its annotator only.
    """
    row = BoardListing.objects.filter(order_id=order_id).first()
    if row is None or row.reserved_for not in (None, annotator_id):
        raise OrderNotFound
    return _entry(row, organisation_names([row.requester_id])), row.open


def _entry(row: BoardListing, names: dict[UUID, str]) -> BoardEntry:
    return BoardEntry(
        order_id=row.order_id,
        requester_id=row.requester_id,
        requester_name=names.get(row.requester_id, ""),
        title=row.title,
        instruction=row.instruction,
        example=row.example,
        design=row.design,
        price=Money(row.price_minor, row.currency),
        open_labels=row.open_labels,
        total_labels=row.total_labels,
        seconds_per_label=row.seconds_per_label,
        is_paused=row.paused,
        requirements=row.requirements,
    )


def live_leases(actor: Actor, entry: BoardEntry) -> list[LeasedTask]:
    """The tasks of an order that the annotator holds now, oldest first (to go on after a reload)."""
    with tenant_scope(entry.requester_id):
        rows = (
            Assignment.objects.select_related("task")
            .filter(
                order_id=entry.order_id,
                annotator_id=actor.organisation_id,
                state=AssignmentState.LEASED,
                expires_at__gt=clock.now(),
            )
            .order_by("id")
        )
        held = list(rows)
        shown = with_urls(entry.requester_id, [row.task.data for row in held])
        return [LeasedTask(row.id, data, row.expires_at) for row, data in zip(held, shown, strict=True)]


def totals(stats: AnnotatorStats | None, currency: str) -> WorkTotals:
    """The figures of an annotator's row in an order."""
    if stats is None:
        return WorkTotals(earned=Money(0, currency))
    return totals_of(stats.submitted, stats.accepted, stats.rejected, stats.earned_minor, currency)


def totals_of(submitted: int, accepted: int, rejected: int, earned_minor: int, currency: str) -> WorkTotals:
    """The same from bare numbers."""
    return WorkTotals(submitted, submitted - accepted - rejected, accepted, rejected, Money(earned_minor, currency))


def order_totals(actor: Actor, entry: BoardEntry) -> WorkTotals:
    """The annotator's count and pay in one order."""
    row = AnnotatorStats.as_annotator.filter(order_id=entry.order_id).first()
    return totals(row, entry.price.currency)


def my_annotations(actor: Actor, state: AnnotationState | None = None) -> QuerySet[Annotation]:
    """The annotator's answers in all orders, newest first, lazily (for pages of them)."""
    rows: QuerySet[Annotation] = Annotation.as_annotator.order_by("-id")
    return rows if state is None else rows.filter(state=state)


def my_totals(actor: Actor, currency: str = "USD") -> MyTotals:
    """All of the annotator's work."""
    found = Annotation.as_annotator.aggregate(
        pending=Count("id", filter=Q(state=AnnotationState.PENDING)),
        accepted=Count("id", filter=Q(state=AnnotationState.ACCEPTED)),
        rejected=Count("id", filter=Q(state=AnnotationState.REJECTED)),
        earned=Sum("amount_minor"),
    )
    return MyTotals(found["pending"], found["accepted"], found["rejected"], Money(found["earned"] or 0, currency))


def recent(actor: Actor, order_id: UUID, count: int) -> list[AnnotationInfo]:
    """The annotator's latest answers in an order, newest first."""
    return infos(Annotation.as_annotator.filter(order_id=order_id).order_by("-id")[:count])


def infos(rows: Iterable[Annotation]) -> list[AnnotationInfo]:
    """Rows as their annotator sees them."""
    return [annotation_info(row) for row in rows]


def _appeal_until(row: Annotation) -> datetime | None:
    """Until when a rejection can be appealed; None where it cannot. A dismissed appeal was the last word."""
    if row.state != AnnotationState.REJECTED or row.decided_at is None or row.rule == Rule.APPEAL_DISMISSED:
        return None
    until: datetime = row.decided_at + APPEAL_WINDOW
    return until if until > clock.now() else None


def annotation_info(row: Annotation) -> AnnotationInfo:
    """One answer as its annotator sees it."""
    decided: datetime | None = row.decided_at
    return AnnotationInfo(
        id=row.id,
        assignment_id=row.assignment_id,
        order_id=row.order_id,
        order_title=row.order_title,
        text=row.task_text,
        answer=row.answer,
        answer_text=row.answer_text,
        state=AnnotationState(row.state),
        rule=Rule(row.rule),
        reason=row.reason,
        amount=Money(row.amount_minor, row.currency),
        submitted_at=row.submitted_at,
        decided_at=decided,
        auto_approve_at=row.auto_approve_at if row.state == AnnotationState.PENDING else None,
        appeal_until=_appeal_until(row),
    )
