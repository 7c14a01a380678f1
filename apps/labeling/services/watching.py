"""Looking for signals in running orders, and the review cases that they open. Nothing follows without people."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from apps.core import clock
from apps.core.live import notify
from apps.core.tenant import all_tenants, tenant_scope
from apps.labeling.case_errors import AnnotatorNotHeard, CaseDecided, CaseNotFound, UnusableDecision, UnusableReply
from apps.labeling.case_models import ReviewCase
from apps.labeling.case_types import MAX_REASON, MAX_REPLY, MIN_REASON, MIN_REPLY, CaseInfo, CaseState
from apps.labeling.controls.choice import Choice
from apps.labeling.design import Design
from apps.labeling.models import Annotation, AnnotatorStats, Order
from apps.labeling.policies import require
from apps.labeling.quality.signals import Seen, signals
from apps.labeling.selectors.cases import case_info
from apps.labeling.selectors.orders import design_of
from apps.labeling.types import Answer, LabelingPermission, OrderState
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

#: New answers from which on an order is looked at again.
NEW_ANSWERS = 20
#: The latest answers of an order that are looked at.
MOST_ANSWERS = 50_000


def watch_orders() -> int:
    """Open cases for what is seen in running orders (on a schedule). Returns how many were opened."""
    with all_tenants(reason="the answers to every organisation's orders are looked at"):
        given = Order.objects.filter(state=OrderState.RUNNING, skill=None).annotate(given=Sum("annotators__submitted"))
        due = [(row.tenant_id, row.id) for row in given if (row.given or 0) - row.watched_answers >= NEW_ANSWERS]
    return sum(watch_order(tenant_id=tenant_id, order_id=order_id) for tenant_id, order_id in due)


def watch_order(*, tenant_id: UUID, order_id: UUID) -> int:
    """Look at one order's answers. Returns how many cases were opened; what was seen before is not opened again."""
    with tenant_scope(tenant_id):
        order = Order.objects.get(id=order_id)
        design = design_of(order)
        rows = Annotation.objects.filter(order=order).order_by("-id")
        columns = ("task_id", "annotator_id", "answer", "elapsed_ms")
        latest = list(rows.values_list(*columns)[:MOST_ANSWERS])
        stats = AnnotatorStats.objects.filter(order=order)
        checks = {str(one.annotator_id): (one.gold_seen, one.gold_right) for one in stats}
        total = sum(one.submitted for one in stats)
        answers = [_seen(design, str(task), str(who), answer, ms) for task, who, answer, ms in reversed(latest)]
        found = signals(answers, checks)
        with transaction.atomic():
            Order.objects.filter(id=order_id).update(watched_answers=total)
            return sum(_open(order, UUID(one.annotator), one.kind.value, one.message, one.figures) for one in found)


def _seen(design: Design, item: str, annotator: str, answer: Answer, elapsed_ms: int) -> Seen:
    key = "|".join(str(answer.get(one.name, "")) for one in design.controls if isinstance(one, Choice))
    texts = [value for value in answer.values() if isinstance(value, str)] if not key else []
    return Seen(item, annotator, key, elapsed_ms, " ".join(texts))


def _open(order: Order, annotator_id: UUID, kind: str, message: str, figures: dict[str, Any]) -> int:
    # With whom somebody agrees is for the requester to see as a number, and not for the annotator.
    shown = {name: value for name, value in figures.items() if name != "with"}
    case, is_new = ReviewCase.objects.get_or_create(
        order=order,
        annotator_id=annotator_id,
        kind=kind,
        defaults={
            "message": message[:400],
            "figures": shown,
            "order_title": order.title,
            "opened_at": clock.now(),
        },
    )
    if is_new:
        notify(f"work:{annotator_id}", {"case": str(case.id), "state": CaseState.OPEN.value})
        notify(f"order:{order.id}", {"case": str(case.id), "state": CaseState.OPEN.value})
    return int(is_new)


def reply_to_case(*, actor: Actor, case_id: UUID, reply: str) -> CaseInfo:
    """The annotator's word on what was seen; it can be changed until the case is decided.

    Raises CaseNotFound, CaseDecided, UnusableReply.
    """
    require(actor, LabelingPermission.TASK_WORK)
    reply = reply.strip()
    if not MIN_REPLY <= len(reply) <= MAX_REPLY or "\x00" in reply:
        raise UnusableReply
    with tenant_scope(actor.organisation_id), transaction.atomic():
        case = ReviewCase.as_annotator.select_for_update().filter(id=case_id).first()
        if case is None:
            raise CaseNotFound
        if case.decided_at is not None:
            raise CaseDecided
        case.reply, case.state = reply, CaseState.ANSWERED
        case.replied_at = case.replied_at or clock.now()
        case.save(update_fields=["reply", "state", "replied_at"])
        notify(f"order:{case.order_id}", {"case": str(case.id), "state": case.state})
        return case_info(case)


@transaction.atomic
def decide_case(*, actor: Actor, case_id: UUID, decision: str, reason: str) -> CaseInfo:
    """Clear a case, or stop giving the annotator tasks of this order, with a reason that the annotator reads.

    Answers given stay what they are: each is decided by the rules. The same decision again changes nothing.

    Raises:
        CaseNotFound, CaseDecided, UnusableDecision
        AnnotatorNotHeard: “stopped” before the annotator has answered or had the time to.
    """
    reason = reason.strip()
    outcomes = (CaseState.CLEARED, CaseState.STOPPED)
    if decision not in outcomes or not MIN_REASON <= len(reason) <= MAX_REASON or "\x00" in reason:
        raise UnusableDecision
    case = ReviewCase.objects.select_for_update().filter(id=case_id).first()
    if case is None or case.tenant_id != actor.organisation_id:
        raise CaseNotFound
    require(actor, LabelingPermission.ORDER_REVIEW, case)
    if case.decided_at is not None:
        if (case.state, case.decision) != (decision, reason):
            raise CaseDecided
        return case_info(case)
    now = clock.now()
    until = case_info(case).may_stop_at
    if decision == CaseState.STOPPED and until > now:
        raise AnnotatorNotHeard(until)
    case.state, case.decision, case.decided_at = CaseState(decision), reason, now
    case.save(update_fields=["state", "decision", "decided_at"])
    if decision == CaseState.STOPPED:
        AnnotatorStats.objects.filter(order_id=case.order_id, annotator_id=case.annotator_id).update(stopped=reason)
    record_audit(
        actor, action=f"case.{decision}", target_type="review_case", target_id=case.id, detail={"kind": case.kind}
    )
    notify(f"work:{case.annotator_id}", {"case": str(case.id), "state": case.state})
    notify(f"order:{case.order_id}", {"case": str(case.id), "state": case.state})
    return case_info(case)
