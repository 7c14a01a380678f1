"""Reviewers and adjudicators: members of the requester's organisation, or annotators with the reviewer's skill."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from apps.core import clock
from apps.core.live import notify
from apps.core.tenant import tenant_scope
from apps.labeling.acceptance import Decision, decide_adjudicated
from apps.labeling.consensus import Record
from apps.labeling.controls import AnswerProblem
from apps.labeling.errors import UnusableAnswer, WrongOrderState
from apps.labeling.models import Annotation, AnnotatorStats, AnswerReview, Assignment, Order, Task
from apps.labeling.review_errors import ItemNotFound, NotReviewable, OwnItem, UnusableReason
from apps.labeling.review_types import MAX_REASON, MIN_REASON, Decided
from apps.labeling.selectors.orders import design_of
from apps.labeling.selectors.reviewing import Reviewer, reviewer_of
from apps.labeling.services.review_pay import pay_review
from apps.labeling.services.settling import MAX_EXPECTED, apply_decisions, count_done, lock_records
from apps.labeling.types import OPEN_ORDER_STATES, AnnotationState, Answer, MadeBy, Rule, TaskState
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor


def review_answer(*, actor: Actor, order_id: UUID, annotation_id: UUID, verdict: str, reason: str) -> Annotation:
    """Accept an answer, or reject one that is not decided yet. The annotator is told the reason and can appeal.

    Args:
        verdict: accepted or rejected.

    Raises:
        OrderNotFound, NotEligible, ItemNotFound, OwnItem, UnusableReason, WrongOrderState, ReviewsUsedUp
        NotReviewable: it is decided for good: accepted and paid, or under appeal.
    """
    reason = _reason(reason)
    reviewer = reviewer_of(actor, order_id)
    with tenant_scope(reviewer.tenant_id), transaction.atomic():
        order = _lock(order_id)
        answer = Annotation.objects.select_for_update().filter(id=annotation_id, order=order).first()
        if answer is None:
            raise ItemNotFound
        _require_foreign(reviewer, answer.task_id)
        wanted = AnnotationState(verdict) if verdict in (Decided.ACCEPTED, Decided.REJECTED) else None
        if wanted is None:
            raise NotReviewable("A review says “accepted” or “rejected”.")
        accepted = wanted == AnnotationState.ACCEPTED
        rule = Rule.REVIEW_ACCEPTED if accepted else Rule.REVIEW_REJECTED
        if (answer.state, answer.rule) == (wanted, rule):
            return answer
        _require_open(answer, accepted=accepted)
        lock_records(order, [answer.annotator_id])
        said = f"A reviewer {verdict} it: {reason}"
        _apply(order, [(answer, Decision(wanted, rule, said))])
        _note(reviewer, actor, order, answer.task_id, Decided(verdict), reason, annotation=answer)
    return answer


def adjudicate(*, actor: Actor, order_id: UUID, task_id: UUID, answer: Mapping[str, Any], reason: str) -> Task:
    """Decide what an item's result is. Its source is `adjudicated` then; answers are held against it by the rules, also
    those rejected before that were right. What was accepted stays paid. The same answer again changes nothing.

    Raises:
        OrderNotFound, NotEligible, ItemNotFound, OwnItem, WrongOrderState, ReviewsUsedUp
        UnusableReason, UnusableAnswer
        NotReviewable: not all answers are in, or it is a check question.
    """
    reason = _reason(reason)
    reviewer = reviewer_of(actor, order_id)
    with tenant_scope(reviewer.tenant_id), transaction.atomic():
        order = _lock(order_id)
        task = Task.objects.select_for_update(no_key=True).filter(id=task_id, order=order).first()
        if task is None:
            raise ItemNotFound
        if task.gold is not None or task.state not in (TaskState.COMPLETE, TaskState.SETTLED):
            raise NotReviewable("An item is decided when all its answers are in; check questions have their answer.")
        _require_foreign(reviewer, task.id)
        design = design_of(order)
        try:
            cleaned = design.clean_answer(answer, task.data)
        except AnswerProblem as problem:
            raise UnusableAnswer(problem.message, problem.field) from None
        if task.made_by == MadeBy.ADJUDICATED and task.result == cleaned:
            return task
        was_done = task.decided
        task.result, task.confidence, task.made_by = cleaned, 1.0, MadeBy.ADJUDICATED
        task.state, task.decided = TaskState.SETTLED, True
        task.save(update_fields=["result", "confidence", "made_by", "state", "decided"])
        answers = list(Annotation.objects.select_for_update().filter(task=task).order_by("annotator_id"))
        records = lock_records(order, {one.annotator_id for one in answers})
        _apply(order, _decided(order, task, answers, records, reason))
        _note(reviewer, actor, order, task.id, Decided.ADJUDICATED, reason, answer=cleaned)
        if not was_done:
            count_done(order)
    return task


def _decided(
    order: Order, task: Task, answers: list[Annotation], records: Mapping[UUID, Record], reason: str
) -> list[tuple[Annotation, Decision]]:
    """What becomes of the answers that are open, or were rejected and not appealed."""
    design = design_of(order)
    result: Answer = task.result or {}
    expected = design.shown_answer(result)[:MAX_EXPECTED]
    found = []
    for one in answers:
        rejected = one.state == AnnotationState.REJECTED
        if one.state == AnnotationState.ACCEPTED or (rejected and hasattr(one, "appeal")):
            continue
        decision = decide_adjudicated(
            answer=one.answer_text[:MAX_EXPECTED],
            expected=expected,
            is_same=design.same(one.answer, result),
            record=records.get(one.annotator_id, Record()),
            why=reason,
        )
        if not rejected or decision.state == AnnotationState.ACCEPTED:
            found.append((one, decision))
    return found


def _apply(order: Order, decisions: list[tuple[Annotation, Decision]]) -> None:
    """Write decisions down; a rejection that is taken back is no longer counted as one."""
    overturned = [one.annotator_id for one, _ in decisions if one.state == AnnotationState.REJECTED]
    apply_decisions(order, decisions)
    for annotator_id in overturned:
        AnnotatorStats.objects.filter(order=order, annotator_id=annotator_id).update(rejected=F("rejected") - 1)


def _lock(order_id: UUID) -> Order:
    order = Order.objects.select_for_update(no_key=True).get(id=order_id)
    if order.state not in OPEN_ORDER_STATES:
        raise WrongOrderState(order.state, "running or paused")
    return order


def _reason(reason: str) -> str:
    reason = " ".join(reason.split())
    if not MIN_REASON <= len(reason) <= MAX_REASON or "\x00" in reason:
        raise UnusableReason
    return reason


def _require_foreign(reviewer: Reviewer, task_id: UUID) -> None:
    if Assignment.objects.filter(task_id=task_id, annotator_id=reviewer.organisation_id).exists():
        raise OwnItem


def _require_open(answer: Annotation, *, accepted: bool) -> None:
    if answer.state == AnnotationState.ACCEPTED:
        raise NotReviewable("This answer is accepted and paid; decide the item's result instead.")
    if hasattr(answer, "appeal"):
        raise NotReviewable("This answer was appealed; the appeal's reviewers decide.")
    if answer.state == AnnotationState.REJECTED and not accepted:
        raise NotReviewable("This answer is rejected already.")


def _note(
    reviewer: Reviewer,
    actor: Actor,
    order: Order,
    task_id: UUID,
    decided: Decided,
    reason: str,
    *,
    annotation: Annotation | None = None,
    answer: Mapping[str, Any] | None = None,
) -> None:
    """Keep who decided what, and pay an annotator for it."""
    review = AnswerReview.objects.create(
        order=order,
        task_id=task_id,
        annotation=annotation,
        annotator_id=reviewer.organisation_id,
        user_id=actor.user_id,
        decided=decided,
        answer=answer,
        reason=reason,
        decided_at=clock.now(),
    )
    notify(f"order:{order.id}", {"task": str(task_id), "decided": decided.value})
    if reviewer.is_member:
        record_audit(actor, action=f"answer.{decided}", target_type="task", target_id=task_id, detail={"why": reason})
    else:
        pay_review(order, review)
