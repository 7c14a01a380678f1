"""Reads for reviewers and adjudicators of an order."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import F

from apps.core.tenant import tenant_scope
from apps.labeling.eligibility import Requirements
from apps.labeling.errors import OrderNotFound
from apps.labeling.models import Annotation, AnswerReview, Assignment, BoardListing, Order, Task
from apps.labeling.policies import require
from apps.labeling.review_errors import ItemNotFound
from apps.labeling.review_types import QUEUE_LENGTH, GivenAnswer, QueuedItem, ReviewedItem
from apps.labeling.selectors.eligibility import require_eligible
from apps.labeling.selectors.imports import with_urls
from apps.labeling.selectors.orders import design_of
from apps.labeling.types import OPEN_ORDER_STATES, AnnotationState, LabelingPermission, MadeBy, TaskState
from apps.tenancy import selectors as tenancy
from apps.tenancy.types import Actor, OrganisationKind


@dataclass(frozen=True)
class Reviewer:
    """Who reviews, and in whose order."""

    tenant_id: UUID
    organisation_id: UUID
    is_member: bool


def reviewer_of(actor: Actor, order_id: UUID) -> Reviewer:
    """The actor as a reviewer of an order: a member of its requester, or an annotator with its reviewer skill.

    Raises OrderNotFound, NotPermitted (a member whose role is too low), NotEligible (without the skill).
    """
    with tenant_scope(actor.organisation_id):
        own = Order.objects.filter(id=order_id).first()
    if own is not None:
        require(actor, LabelingPermission.ORDER_REVIEW, own)
        return Reviewer(own.tenant_id, actor.organisation_id, is_member=True)
    require(actor, LabelingPermission.TASK_WORK)
    tenant_id = BoardListing.objects.filter(order_id=order_id).values_list("requester_id", flat=True).first()
    if tenant_id is None or tenancy.organisation(actor.organisation_id).kind != OrganisationKind.PERSONAL:
        raise OrderNotFound
    with tenant_scope(tenant_id):
        skill_id = Order.objects.values_list("review_skill_id", flat=True).get(id=order_id)
    if skill_id is None:
        raise OrderNotFound
    require_eligible(actor, Requirements(skills=(skill_id,)))
    return Reviewer(tenant_id, actor.organisation_id, is_member=False)


def review_queue(reviewer: Reviewer, order_id: UUID) -> list[QueuedItem]:
    """Items whose answers differ, those that wait for an adjudicator first, then by how far they differ."""
    with tenant_scope(reviewer.tenant_id):
        order = Order.objects.get(id=order_id)
        design = design_of(order)
        tasks = Task.objects.filter(order=order, disagreement__gt=0, gold__isnull=True)
        if not reviewer.is_member:
            seen = Assignment.objects.filter(order=order, annotator_id=reviewer.organisation_id).values("task_id")
            tasks = tasks.exclude(id__in=seen)
        rows = list(tasks.order_by("decided", F("disagreement").desc(), "id")[:QUEUE_LENGTH])
        return [
            QueuedItem(
                task_id=task.id,
                row=task.row,
                text=design.shown_data(task.data)[:200],
                answers=task.labels_done,
                disagreement=task.disagreement or 0.0,
                waits=not task.decided,
                made_by=task.made_by,
                result_text=design.shown_answer(task.result)[:200] if task.result else "",
            )
            for task in rows
        ]


def reviewed_item(reviewer: Reviewer, order_id: UUID, task_id: UUID) -> ReviewedItem:
    """An item with all its answers. Raises ItemNotFound."""
    with tenant_scope(reviewer.tenant_id):
        task = Task.objects.select_related("order").filter(id=task_id, order_id=order_id).first()
        if task is None or (task.gold is not None and not reviewer.is_member):
            raise ItemNotFound
        order = task.order
        design = design_of(order)
        is_open = order.state in OPEN_ORDER_STATES
        answers = list(Annotation.objects.filter(task=task).order_by("annotator_id"))
        reviews = AnswerReview.objects.filter(task=task).order_by("id")
        return ReviewedItem(
            order_id=order.id,
            task_id=task.id,
            row=task.row,
            title=order.title,
            instruction=order.instruction,
            design=order.design,
            data=with_urls(task.tenant_id, [task.data])[0],
            answers=tuple(_given(number, one, is_open=is_open) for number, one in enumerate(answers, start=1)),
            disagreement=task.disagreement or 0.0,
            made_by=task.made_by,
            result=task.result,
            result_text=design.shown_answer(task.result) if task.result else "",
            may_adjudicate=is_open
            and task.gold is None
            and task.state in (TaskState.COMPLETE, TaskState.SETTLED)
            and task.made_by != MadeBy.REQUESTER,
            history=tuple((one.decided, one.reason, one.decided_at) for one in reviews),
        )


def _given(number: int, one: Annotation, *, is_open: bool) -> GivenAnswer:
    appealed = hasattr(one, "appeal")
    return GivenAnswer(
        id=one.id,
        number=number,
        answer=one.answer,
        text=one.answer_text,
        state=one.state,
        rule=one.rule,
        reason=one.reason,
        may_accept=is_open and one.state != AnnotationState.ACCEPTED and not appealed,
        may_reject=is_open and one.state == AnnotationState.PENDING,
    )


def waiting(order: Order) -> int:
    """How many items of an order wait for an adjudicator."""
    if not order.adjudication:
        return 0
    return Task.objects.filter(order=order, disagreement__gt=0, decided=False, state=TaskState.COMPLETE).count()
