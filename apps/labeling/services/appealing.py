"""Appeals: an annotator's word against a rejection, and what the reviewers' verdicts lead to."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from apps.core import clock
from apps.core.live import notify
from apps.core.tenant import tenant_scope
from apps.labeling.appeal_errors import (
    AlreadyAppealed,
    AnnotationNotFound,
    NotAppealable,
    TooManyAppeals,
    UnusableAppeal,
)
from apps.labeling.appeal_models import Appeal
from apps.labeling.appeal_types import (
    APPEAL_WINDOW,
    MAX_APPEAL,
    MAX_OPEN_APPEALS,
    MIN_APPEAL,
    AppealInfo,
    AppealState,
)
from apps.labeling.models import Annotation, AnnotatorStats, Order
from apps.labeling.policies import require
from apps.labeling.selectors.appeals import appeal_info
from apps.labeling.selectors.orders import design_of
from apps.labeling.services.correcting import correct_result
from apps.labeling.services.reserving import capture_added_fee, keep_reserve
from apps.labeling.services.settling import lock_records, outcome_of_task, pay_label
from apps.labeling.services.skills import judge_attempt
from apps.labeling.types import AnnotationState, Answer, LabelingPermission, Rule
from apps.tenancy.types import Actor

#: Characters of what the answer was held against that the appeal's page shows.
MAX_SHOWN = 200


def file_appeal(*, actor: Actor, annotation_id: UUID, text: str) -> AppealInfo:
    """Ask that others look at a rejected answer, without knowing whose it is. The same text again changes nothing.

    Raises:
        AnnotationNotFound, UnusableAppeal
        NotAppealable: it is not rejected, or the window has ended.
        AlreadyAppealed: with another text; there is one appeal an answer.
        TooManyAppeals
    """
    require(actor, LabelingPermission.TASK_WORK)
    text = text.strip()
    if not MIN_APPEAL <= len(text) <= MAX_APPEAL or "\x00" in text:
        raise UnusableAppeal
    with tenant_scope(actor.organisation_id):
        own = Annotation.as_annotator.filter(id=annotation_id).values_list("tenant_id", "order_id").first()
        waiting = Appeal.as_annotator.filter(state=AppealState.OPEN).count()
    if own is None:
        raise AnnotationNotFound
    tenant_id, order_id = own
    with tenant_scope(tenant_id), transaction.atomic():
        order = Order.objects.select_for_update(no_key=True).get(id=order_id)
        answer = Annotation.objects.select_for_update(of=("self",)).select_related("task").get(id=annotation_id)
        earlier = Appeal.objects.filter(annotation=answer).first()
        if earlier is not None:
            if earlier.text != text:
                raise AlreadyAppealed
            return appeal_info(earlier)
        if answer.state != AnnotationState.REJECTED or answer.decided_at is None:
            raise NotAppealable(answer.state)
        if answer.decided_at <= clock.now() - APPEAL_WINDOW:
            raise NotAppealable(answer.state)
        if waiting >= MAX_OPEN_APPEALS:
            raise TooManyAppeals
        made = _file(order, answer, answer.decided_at, text)
        notify(f"order:{order.id}", {"appeal": str(made.id)})
    return appeal_info(made)


def _file(order: Order, answer: Annotation, rejected_at: datetime, text: str) -> Appeal:
    design = design_of(order)
    expected = _held_against(order, answer)
    return Appeal.objects.create(
        order=order,
        annotation=answer,
        annotator_id=answer.annotator_id,
        text=text,
        expected=expected,
        expected_text=design.shown_answer(expected)[:MAX_SHOWN],
        is_same=design.same(answer.answer, expected),
        filed_at=clock.now(),
        rule_before=answer.rule,
        reason_before=answer.reason,
        rejected_at=rejected_at,
    )


def _held_against(order: Order, answer: Annotation) -> Answer:
    """The item's known answer or result; where the order ended before it had one, what its answers lead to."""
    task = answer.task
    if task.gold is not None:
        known: Answer = task.gold
        return known
    if task.result is not None:
        decided: Answer = task.result
        return decided
    answers = list(Annotation.objects.filter(task=task).order_by("annotator_id"))
    records = lock_records(order, {one.annotator_id for one in answers})
    return outcome_of_task(design_of(order), task, answers, records).result


def resolve(order: Order, appeal: Appeal, *, supported: int, verdicts: int) -> None:
    """End an appeal as its reviews say. The caller has locked order and appeal.

    Args:
        supported: verdicts that the answer is right, of all `verdicts`.
    """
    upheld = supported * 2 > verdicts
    answer = Annotation.objects.select_for_update().get(id=appeal.annotation_id)
    appeal.state = AppealState.UPHELD if upheld else AppealState.DISMISSED
    appeal.decided_at = clock.now()
    appeal.save(update_fields=["state", "decided_at"])
    said = f"{supported} of {verdicts} reviewers, who did not know whose answer it is, found it right."
    answer.decided_at = appeal.decided_at
    if upheld:
        answer.state, answer.rule = AnnotationState.ACCEPTED, Rule.APPEAL_UPHELD
        answer.reason = f"Appeal upheld: {said}"
        answer.amount_minor = pay_label(order, answer)
        if correct_result(order, appeal, answer):
            answer.reason = f"{answer.reason} It is the item's result now."
        AnnotatorStats.objects.filter(order=order, annotator_id=answer.annotator_id).update(
            accepted=F("accepted") + 1,
            rejected=F("rejected") - 1,
            earned_minor=F("earned_minor") + answer.amount_minor,
        )
    else:
        answer.rule, answer.reason = Rule.APPEAL_DISMISSED, f"Appeal dismissed: {said}"
    answer.save(update_fields=["state", "rule", "reason", "amount_minor", "decided_at"])
    if order.closed_at is not None:
        if upheld:
            capture_added_fee(order, key=str(appeal.id))
            if order.skill_id is not None:
                judge_attempt(order)
        keep_reserve(order)
    notify(f"work:{answer.annotator_id}", {"annotation_id": str(answer.id), "state": answer.state})
    notify(f"order:{order.id}", {"appeal": str(appeal.id), "state": appeal.state})
