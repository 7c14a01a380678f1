"""Reads of review cases, for annotators, requesters and the platform's staff."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.core.tenant import all_tenants, tenant_scope
from apps.labeling.case_errors import CaseNotFound
from apps.labeling.case_models import ReviewCase
from apps.labeling.case_types import CaseInfo, CaseState
from apps.labeling.models import AnnotatorStats, Order
from apps.tenancy.policies import require_staff
from apps.tenancy.types import Actor

OPEN = (CaseState.OPEN, CaseState.ANSWERED)


def case_info(row: ReviewCase, numbers: dict[UUID, int] | None = None) -> CaseInfo:
    """One case.

    Args:
        numbers: what annotators are called in the order.
    """
    return CaseInfo(
        id=row.id,
        order_id=row.order_id,
        order_title=row.order_title,
        annotator_number=(numbers or {}).get(row.annotator_id, 0),
        kind=row.kind,
        message=row.message,
        figures=row.figures,
        state=CaseState(row.state),
        reply=row.reply,
        decision=row.decision,
        opened_at=row.opened_at,
        replied_at=row.replied_at,
        decided_at=row.decided_at,
    )


def annotator_numbers(order: Order) -> dict[UUID, int]:
    """Annotators of an order by number, in the order in which they came."""
    came = AnnotatorStats.objects.filter(order=order).order_by("id").values_list("annotator_id", flat=True)
    return {annotator_id: number for number, annotator_id in enumerate(came, start=1)}


def order_cases(order: Order) -> QuerySet[ReviewCase]:
    """The cases of an order, newest first, lazily (for pages of them); for its requester."""
    return ReviewCase.objects.filter(order=order).order_by("-id")


def open_cases(order: Order) -> int:
    """How many cases of an order nobody has decided."""
    return ReviewCase.objects.filter(order=order, state__in=OPEN).count()


def case_facts(order: Order, row: ReviewCase) -> dict[str, Any]:
    """What the annotator did in the order so far: accepted, rejected, check questions."""
    stats = AnnotatorStats.objects.filter(order=order, annotator_id=row.annotator_id).first()
    names = ("submitted", "accepted", "rejected", "gold_seen", "gold_right")
    return {name: getattr(stats, name) for name in names} if stats is not None else {}


def my_cases(actor: Actor) -> list[CaseInfo]:
    """The annotator's cases, newest first."""
    with tenant_scope(actor.organisation_id):
        return [case_info(row) for row in ReviewCase.as_annotator.order_by("-id")[:100]]


def my_case(actor: Actor, case_id: UUID) -> CaseInfo:
    """One of the annotator's cases. Raises CaseNotFound."""
    with tenant_scope(actor.organisation_id):
        row = ReviewCase.as_annotator.filter(id=case_id).first()
    if row is None:
        raise CaseNotFound
    return case_info(row)


def all_open_cases(actor: Actor) -> list[CaseInfo]:
    """Undecided cases of all orders, newest first, for the platform's staff. Raises NotFound for others."""
    require_staff(actor)
    with all_tenants(reason="the platform's staff looks at open review cases"):
        return [case_info(row) for row in ReviewCase.objects.filter(state__in=OPEN).order_by("-id")[:200]]
