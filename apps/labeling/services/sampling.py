"""The free sample: the requester answers ten items of a draft in the annotators' own form.

It shows whether instruction and questions work, measures how long an answer takes, and costs nobody anything. The
answers can become check questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.core.errors import Conflict, NotFound
from apps.labeling.controls import AnswerProblem
from apps.labeling.errors import UnusableAnswer, WrongOrderState
from apps.labeling.models import Order, Task
from apps.labeling.selectors.orders import design_of
from apps.labeling.selectors.sampling import SAMPLE_ITEMS
from apps.labeling.services.orders import lock_order
from apps.labeling.types import LabelingPermission, MadeBy, OrderState
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

MAX_ELAPSED_MS = 24 * 3600 * 1000


@transaction.atomic
def answer_sample(
    *, actor: Actor, order_id: UUID, task_id: UUID, answer: Mapping[str, Any], elapsed_ms: int = 0
) -> Order:
    """Keep the requester's own answer to an item of a draft; a second answer to it replaces the first.

    Args:
        elapsed_ms: time it took, as the client measured it; 0: not measured.

    Raises:
        OrderNotFound, NotFound: `task_not_found`
        WrongOrderState: the order is no draft.
        UnusableAnswer: names the question.
        Conflict: `sample_complete`.
    """
    order = _draft(actor, order_id)
    task = Task.objects.filter(order=order, id=task_id, gold__isnull=True).first()
    if task is None:
        raise NotFound("task_not_found", "There is no such item in the sample.")
    others = [one for one in order.sample if one["task"] != str(task.id)]
    if len(others) >= SAMPLE_ITEMS:
        raise Conflict("sample_complete", f"All {SAMPLE_ITEMS} items of the sample are answered.")
    try:
        cleaned = design_of(order).clean_answer(answer, task.data)
    except AnswerProblem as problem:
        raise UnusableAnswer(problem.message, problem.field) from None
    taken = max(0, min(elapsed_ms, MAX_ELAPSED_MS))
    order.sample = [*others, {"task": str(task.id), "answer": cleaned, "elapsed_ms": taken}]
    order.save(update_fields=["sample", "updated_at"])
    return order


@transaction.atomic
def use_sample_as_checks(*, actor: Actor, order_id: UUID) -> Order:
    """Make the answered sample items hidden check questions, with the requester's answers as the known ones.

    Doing so twice changes nothing. Raises WrongOrderState where the order is no draft.
    """
    order = _draft(actor, order_id)
    known = {one["task"]: one["answer"] for one in order.sample}
    tasks = list(Task.objects.select_for_update().filter(order=order, id__in=list(known), gold__isnull=True))
    for task in tasks:
        task.gold, task.made_by, task.open_slots = known[str(task.id)], MadeBy.REQUESTER, order.redundancy
    Task.objects.bulk_update(tasks, ["gold", "made_by", "open_slots"])
    order.gold_count += len(tasks)
    order.save(update_fields=["gold_count", "updated_at"])
    detail = {"check_questions": len(tasks)}
    record_audit(actor, action="order.sample_used", target_type="order", target_id=order.id, detail=detail)
    return order


def _draft(actor: Actor, order_id: UUID) -> Order:
    order = lock_order(actor, order_id, LabelingPermission.ORDER_CREATE)
    if order.state != OrderState.DRAFT:
        raise WrongOrderState(order.state, OrderState.DRAFT)
    return order
