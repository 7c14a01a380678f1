"""Reads of appeals, for annotators, reviewers and requesters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from apps.core import clock
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.labeling.appeal_errors import AnnotationNotFound, AppealNotFound
from apps.labeling.appeal_models import Appeal, AppealReview
from apps.labeling.appeal_types import AppealInfo, AppealState, ReviewInfo
from apps.labeling.models import Annotation, Order
from apps.labeling.selectors.imports import with_urls
from apps.labeling.selectors.work import annotation_info
from apps.labeling.types import AnnotationInfo
from apps.tenancy.types import Actor


def appeal_info(row: Appeal) -> AppealInfo:
    """One appeal with the answer that it is about."""
    answer = row.annotation
    return AppealInfo(
        id=row.id,
        annotation_id=row.annotation_id,
        order_id=row.order_id,
        text=row.text,
        state=AppealState(row.state),
        filed_at=row.filed_at,
        decided_at=row.decided_at,
        rule_before=row.rule_before,
        reason_before=row.reason_before,
        rule=answer.rule,
        reason=answer.reason,
        task_text=answer.task_text,
        answer_text=answer.answer_text,
        expected_text=row.expected_text,
        amount=Money(answer.amount_minor, answer.currency),
    )


def my_annotation(actor: Actor, annotation_id: UUID) -> AnnotationInfo:
    """One of the annotator's own answers. Raises AnnotationNotFound."""
    row = Annotation.as_annotator.filter(id=annotation_id).first()
    if row is None:
        raise AnnotationNotFound
    return annotation_info(row)


def my_appeal(actor: Actor, annotation_id: UUID) -> AppealInfo:
    """The annotator's own appeal against what was decided of an answer. Raises AppealNotFound."""
    row = Appeal.as_annotator.select_related("annotation").filter(annotation_id=annotation_id).first()
    if row is None:
        raise AppealNotFound
    return appeal_info(row)


def with_appeals(rows: Iterable[AnnotationInfo]) -> list[tuple[AnnotationInfo, str]]:
    """The annotator's answers, each with the state of its appeal; "" without one."""
    found = list(rows)
    states = dict(
        Appeal.as_annotator.filter(annotation_id__in=[row.id for row in found]).values_list("annotation_id", "state")
    )
    return [(row, states.get(row.id, "")) for row in found]


def order_appeals(row: Order) -> QuerySet[Appeal]:
    """The appeals in an order, newest first, lazily (for pages of them); for its requester."""
    return Appeal.objects.select_related("annotation").filter(order=row).order_by("-id")


def appeal_counts(row: Order) -> dict[str, int]:
    """How many appeals of an order are open, upheld and dismissed."""
    counts = {state.value: Count("id", filter=Q(state=state)) for state in AppealState}
    found: dict[str, int] = Appeal.objects.filter(order=row).aggregate(**counts)
    return found


def current_review(actor: Actor) -> ReviewInfo | None:
    """The review in the annotator's hands."""
    with tenant_scope(actor.organisation_id):
        found: Any = (
            AppealReview.as_annotator.filter(decided_at__isnull=True, expires_at__gt=clock.now())
            .order_by("id")
            .values_list("id", "tenant_id")
        )
        in_hand = list(found)
    for review_id, tenant_id in in_hand:
        with tenant_scope(tenant_id):
            review = AppealReview.objects.filter(id=review_id, appeal__state=AppealState.OPEN).first()
            if review is not None:
                return review_info(review)
    return None


def review_info(review: AppealReview) -> ReviewInfo:
    """What a reviewer sees: nothing that tells whose value is which. The requester's scope is entered."""
    appeal = Appeal.objects.select_related("order", "annotation__task").get(id=review.appeal_id)
    answer, expected = appeal.annotation.answer, appeal.expected
    first, second = (expected, answer) if review.is_swapped else (answer, expected)
    return ReviewInfo(
        id=review.id,
        title=appeal.order.title,
        instruction=appeal.order.instruction,
        design=appeal.order.design,
        data=with_urls(review.tenant_id, [appeal.annotation.task.data])[0],
        first=answer if appeal.is_same else first,
        second=None if appeal.is_same else second,
        expires_at=review.expires_at,
    )


def my_reviews(actor: Actor) -> tuple[int, int]:
    """How many reviews the annotator gave, and what they paid in minor units."""
    rows = AppealReview.as_annotator.filter(decided_at__isnull=False).values_list("paid_minor", flat=True)
    paid = list(rows)
    return len(paid), sum(paid)
