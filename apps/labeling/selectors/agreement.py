"""How far the annotators of an order agree so far."""

from __future__ import annotations

from typing import Any

from apps.labeling.models import Annotation, Order
from apps.labeling.outcomes import Given, agreement
from apps.labeling.selectors.orders import design_of


def order_agreement(order: Order) -> dict[str, dict[str, Any]]:
    """By question: mean similarity, Krippendorff's alpha and its level, for choices agreement by class.

    Check questions count too. The caller has found the order for its requester.
    """
    rows = Annotation.objects.filter(order=order).values_list("task_id", "annotator_id", "answer")
    given = [Given(str(task_id), str(annotator_id), answer) for task_id, annotator_id, answer in rows.iterator(5_000)]
    return agreement(design_of(order), given)
