"""What an annotator can do with a task in hand: answer, ask for more time, skip, flag, take back."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from apps.core import clock
from apps.core.errors import InvalidInput
from apps.core.live import notify
from apps.core.money import Money
from apps.core.outbox import publish
from apps.core.tenant import scope_that_was_set, tenant_scope
from apps.labeling import locks
from apps.labeling.acceptance import WAITING
from apps.labeling.controls import AnswerProblem
from apps.labeling.design import Design
from apps.labeling.errors import (
    AlreadyAnswered,
    AssignmentNotFound,
    GivenBack,
    LeaseExpired,
    LeaseLost,
    NotUndoable,
    OrderNotOpen,
    UnusableAnswer,
)
from apps.labeling.events import ItemCompleted
from apps.labeling.models import Annotation, AnnotatorStats, Assignment, Task
from apps.labeling.policies import require
from apps.labeling.selectors.imports import with_urls
from apps.labeling.selectors.work import annotation_info, totals, totals_of
from apps.labeling.types import (
    FLAGS_TO_CLOSE,
    LEASE_SECONDS,
    MAX_LEASE_SECONDS,
    OPEN_ORDER_STATES,
    UNDO_DEPTH,
    AnnotationInfo,
    AnnotationState,
    Answer,
    AssignmentState,
    LabelingPermission,
    LeasedTask,
    Rule,
    TaskState,
    WorkTotals,
)
from apps.tenancy.types import Actor

MAX_ELAPSED_MS = 24 * 3600 * 1000
MAX_NOTE = 300
#: Characters of task and answer that the annotator's own list shows.
MAX_SHOWN = 200


@dataclass(frozen=True)
class Submission:
    """A stored answer and the annotator's totals in the order after it."""

    annotation: AnnotationInfo
    totals: WorkTotals


def submit_annotation(*, actor: Actor, assignment_id: UUID, answer: Mapping[str, Any], elapsed_ms: int) -> Submission:
    """Store the answer to a task in hand. The same answer again returns the first; it needs no lease any more.

    Args:
        answer: a value for each control of the order's design.
        elapsed_ms: time between showing the task and the answer, as the client measured it.

    Raises:
        AssignmentNotFound, OrderNotOpen
        UnusableAnswer: names the question.
        LeaseExpired: the time ran out; says how to go on.
        AlreadyAnswered: with another answer, which must be undone first.
    """
    require(actor, LabelingPermission.TASK_WORK)
    now = clock.now()
    # Scopes are entered before the transaction or by its own statements, and left after it: none is sent for it alone.
    with tenant_scope(actor.organisation_id), ExitStack() as scope, transaction.atomic():
        # Authorise first, in the annotator's own scope, where only own leases are seen; then write in the requester's.
        requester_id = locks.enter_task(assignment_id=assignment_id, annotator_id=actor.organisation_id)
        if requester_id is None:
            raise AssignmentNotFound
        scope.enter_context(scope_that_was_set(requester_id))
        task = locks.asked(assignment_id=assignment_id, annotator_id=actor.organisation_id)
        cleaned = _clean(task, answer)
        task_text = task.design.shown_data(task.data)[:MAX_SHOWN]
        answer_text = task.design.shown_answer(cleaned)[:MAX_SHOWN]
        taken = locks.take_answer(
            assignment_id=assignment_id,
            annotator_id=actor.organisation_id,
            answer=cleaned,
            is_right=task.gold is not None and task.design.same(cleaned, task.gold),
            task_text=task_text,
            answer_text=answer_text,
            elapsed_ms=max(0, min(elapsed_ms, MAX_ELAPSED_MS)),
            rule=WAITING.rule,
            reason=WAITING.reason,
            now=now,
        )
        if taken is None:
            return _repeated_or_refused(actor, assignment_id, cleaned)
        if taken.completed:
            publish(ItemCompleted(taken.task_id, taken.order_id), wake=False)
    info = AnnotationInfo(
        id=taken.annotation_id,
        assignment_id=assignment_id,
        order_id=taken.order_id,
        order_title=taken.order_title,
        text=task_text,
        answer=cleaned,
        answer_text=answer_text,
        state=AnnotationState.PENDING,
        rule=Rule(WAITING.rule),
        reason=WAITING.reason,
        amount=Money(0, taken.currency),
        submitted_at=now,
        decided_at=None,
        auto_approve_at=taken.auto_approve_at,
    )
    return Submission(
        info, totals_of(taken.submitted, taken.accepted, taken.rejected, taken.earned_minor, taken.currency)
    )


def _requester_of(actor: Actor, assignment_id: UUID) -> UUID:
    """Whose order a task in the annotator's hands belongs to. Raises AssignmentNotFound."""
    with tenant_scope(actor.organisation_id):
        tenant_id: UUID | None = (
            Assignment.as_annotator.filter(id=assignment_id).values_list("tenant_id", flat=True).first()
        )
    if tenant_id is None:
        raise AssignmentNotFound
    return tenant_id


def _clean(task: locks.Asked, answer: Mapping[str, Any]) -> Answer:
    try:
        return task.design.clean_answer(answer, task.data)
    except AnswerProblem as problem:
        raise UnusableAnswer(problem.message, problem.field) from None


def _repeated_or_refused(actor: Actor, assignment_id: UUID, answer: Answer) -> Submission:
    """Why nothing was written: a repeat (fine), or the error that says what to do."""
    assignment = Assignment.objects.select_related("order").get(id=assignment_id)
    order = assignment.order
    earlier = Annotation.objects.filter(assignment_id=assignment_id).first()
    if earlier is not None:
        if earlier.answer != answer:
            raise AlreadyAnswered(earlier.answer_text)
        stats = AnnotatorStats.objects.get(order=order, annotator_id=actor.organisation_id)
        return Submission(annotation_info(earlier), totals(stats, order.currency))
    if order.state not in OPEN_ORDER_STATES:
        raise OrderNotOpen
    raise LeaseExpired(assignment_id)


def extend_lease(*, actor: Actor, assignment_id: UUID) -> LeasedTask:
    """Give a task in hand another `LEASE_SECONDS` from now; one that lapsed is taken back if nobody else has it.

    Raises:
        AssignmentNotFound, OrderNotOpen, AlreadyAnswered, GivenBack
        LeaseLost: somebody else has taken it, or it was held for an hour.
    """
    tenant_id = _requester_of(actor, assignment_id)
    now = clock.now()
    with tenant_scope(tenant_id), transaction.atomic():
        assignment, task = _lock(assignment_id)
        if assignment.state == AssignmentState.EXPIRED:
            if not Task.objects.filter(id=task.id, open_slots__gt=0).update(open_slots=F("open_slots") - 1):
                raise LeaseLost
            assignment.leased_at = now
        elif assignment.state == AssignmentState.SUBMITTED:
            raise AlreadyAnswered
        elif assignment.state != AssignmentState.LEASED:
            raise GivenBack
        if now - assignment.leased_at > timedelta(seconds=MAX_LEASE_SECONDS):
            raise LeaseLost
        assignment.state = AssignmentState.LEASED
        assignment.expires_at = now + timedelta(seconds=LEASE_SECONDS)
        assignment.save(update_fields=["state", "leased_at", "expires_at"])
        return _in_hand(assignment, task)


def skip_task(*, actor: Actor, assignment_id: UUID) -> None:
    """Give a task back, unpaid and without consequence; it is not offered again. Repeats change nothing."""
    tenant_id = _requester_of(actor, assignment_id)
    with tenant_scope(tenant_id), transaction.atomic():
        assignment, task = _lock(assignment_id)
        if not _give_back(assignment, AssignmentState.SKIPPED):
            return
        Task.objects.filter(id=task.id).exclude(state=TaskState.UNUSABLE).update(open_slots=F("open_slots") + 1)


def flag_task(*, actor: Actor, assignment_id: UUID, note: str = "") -> None:
    """Give a task back as unusable. When `FLAGS_TO_CLOSE` annotators say so it is taken out of the order."""
    if len(note) > MAX_NOTE or "\x00" in note:
        message = f"Say in at most {MAX_NOTE} characters what is wrong."
        raise InvalidInput("note_too_long", message, errors=[{"field": "note", "message": message}])
    tenant_id = _requester_of(actor, assignment_id)
    with tenant_scope(tenant_id), transaction.atomic():
        assignment, task = _lock(assignment_id)
        if not _give_back(assignment, AssignmentState.FLAGGED, note.strip()):
            return
        task.flags += 1
        if task.flags >= FLAGS_TO_CLOSE and task.state == TaskState.OPEN:
            task.state = TaskState.UNUSABLE
            task.open_slots = 0
            publish(ItemCompleted(task.id, assignment.order_id), wake=False)
        elif task.state != TaskState.UNUSABLE:
            task.open_slots += 1
        task.save(update_fields=["flags", "state", "open_slots"])
        notify(f"order:{assignment.order_id}")


def undo_annotation(*, actor: Actor, assignment_id: UUID) -> LeasedTask:
    """Take back one of the last `UNDO_DEPTH` answers that is not decided yet; the task is in hand again.

    Raises NotUndoable with the reason.
    """
    tenant_id = _requester_of(actor, assignment_id)
    now = clock.now()
    with tenant_scope(tenant_id), transaction.atomic():
        assignment, task = _lock(assignment_id)
        if assignment.state == AssignmentState.LEASED:
            return _in_hand(assignment, task)
        annotation = Annotation.objects.select_for_update().filter(assignment=assignment).first()
        _require_undoable(annotation, task)
        given = annotation.answer if annotation is not None else {}
        Annotation.objects.filter(assignment=assignment).delete()
        task.labels_done -= 1
        task.state = TaskState.OPEN
        task.save(update_fields=["labels_done", "state"])
        gold: Answer | None = task.gold
        is_right = gold is not None and Design.from_json(assignment.order.design).same(given, gold)
        AnnotatorStats.objects.filter(order_id=assignment.order_id, annotator_id=assignment.annotator_id).update(
            submitted=F("submitted") - 1,
            gold_seen=F("gold_seen") - int(gold is not None),
            gold_right=F("gold_right") - int(is_right),
        )
        assignment.state = AssignmentState.LEASED
        assignment.leased_at = now
        assignment.expires_at = now + timedelta(seconds=LEASE_SECONDS)
        assignment.save(update_fields=["state", "leased_at", "expires_at"])
        return _in_hand(assignment, task)


def _in_hand(assignment: Assignment, task: Task) -> LeasedTask:
    return LeasedTask(assignment.id, with_urls(task.tenant_id, [task.data])[0], assignment.expires_at)


def _require_undoable(annotation: Annotation | None, task: Task) -> None:
    if annotation is None:
        raise NotUndoable("There is no answer of yours to take back.")
    if annotation.state != AnnotationState.PENDING or task.state not in (TaskState.OPEN, TaskState.COMPLETE):
        raise NotUndoable("All answers to this item are in and it was decided; it cannot be changed any more.")
    newer = Annotation.objects.filter(
        order_id=annotation.order_id, annotator_id=annotation.annotator_id, id__gt=annotation.id
    ).count()
    if newer >= UNDO_DEPTH:
        raise NotUndoable(f"Only your last {UNDO_DEPTH} answers can be taken back.")


def _lock(assignment_id: UUID) -> tuple[Assignment, Task]:
    """Lock a task in hand and its item, in that order. Raises OrderNotOpen."""
    assignment = (
        Assignment.objects.select_for_update(no_key=True, of=("self",)).select_related("order").get(id=assignment_id)
    )
    if assignment.order.state not in OPEN_ORDER_STATES:
        raise OrderNotOpen
    return assignment, Task.objects.select_for_update(no_key=True).get(id=assignment.task_id)


def _give_back(assignment: Assignment, state: AssignmentState, note: str = "") -> bool:
    """Mark a live lease as given back; False where it was already. Raises AlreadyAnswered."""
    if assignment.state == AssignmentState.SUBMITTED:
        raise AlreadyAnswered
    if assignment.state != AssignmentState.LEASED:
        return False
    assignment.state = state
    assignment.note = note
    assignment.save(update_fields=["state", "note"])
    return True
