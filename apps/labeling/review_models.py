"""What reviewers and adjudicators decided, and who they were."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.core.tenant import TenantOwned
from apps.labeling.managers import BOTH_SIDES, AnnotatorManager
from apps.labeling.review_types import Decided


class AnswerReview(TenantOwned):
    """One decision: an answer accepted or rejected, or an item adjudicated. `annotator` is who decided: an annotator
    with the reviewer's skill, or the requester itself."""

    order = models.ForeignKey("labeling.Order", on_delete=models.CASCADE, related_name="answer_reviews")
    task = models.ForeignKey("labeling.Task", on_delete=models.CASCADE, related_name="answer_reviews")
    annotation = models.ForeignKey("labeling.Annotation", on_delete=models.SET_NULL, null=True, related_name="+")
    annotator = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    user_id = models.UUIDField(null=True, help_text="the person")
    decided = models.CharField(max_length=11, choices=[(one.value, one.value) for one in Decided])
    answer = models.JSONField(null=True, help_text="the item's result by an adjudicator, {control name: value}")
    reason = models.CharField(max_length=300)
    paid_minor = models.PositiveIntegerField(default=0)
    decided_at = models.DateTimeField()

    tenant_columns: ClassVar[tuple[str, ...]] = BOTH_SIDES
    as_annotator: ClassVar[AnnotatorManager] = AnnotatorManager()

    class Meta:
        default_manager_name = "objects"  # an own manager would come before the inherited one
        indexes = [
            models.Index(fields=["task", "-id"], name="answer_review_of_task"),
            models.Index(fields=["annotator", "-id"], name="answer_review_by"),
        ]

    def __str__(self) -> str:
        return f"{self.task_id}: {self.decided}"
