"""Appeals against rejected answers, and the blind reviews that decide them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.core.tenant import TenantOwned
from apps.labeling.appeal_types import FIRST_REVIEWS, AppealState, Verdict
from apps.labeling.managers import BOTH_SIDES, AnnotatorManager


class Appeal(TenantOwned):
    """An annotator's word against a rejection. One an answer, ever."""

    order = models.ForeignKey("labeling.Order", on_delete=models.CASCADE, related_name="appeals")
    annotation = models.OneToOneField("labeling.Annotation", on_delete=models.CASCADE, related_name="appeal")
    annotator = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    text = models.CharField(max_length=1_000)
    state = models.CharField(
        max_length=10, choices=[(one.value, one.value) for one in AppealState], default=AppealState.OPEN
    )
    expected = models.JSONField(help_text="{control name: value} that the answer was held against")
    is_same = models.BooleanField(help_text="the answer and what it was held against count as the same")
    reviews_wanted = models.PositiveSmallIntegerField(default=FIRST_REVIEWS)
    filed_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    # The history of the answer: what was decided before the appeal.
    rule_before = models.CharField(max_length=30)
    reason_before = models.CharField(max_length=400)
    rejected_at = models.DateTimeField()

    # What its annotator sees of the requester's rows.
    expected_text = models.CharField(max_length=200)

    tenant_columns: ClassVar[tuple[str, ...]] = BOTH_SIDES
    as_annotator: ClassVar[AnnotatorManager] = AnnotatorManager()

    class Meta:
        default_manager_name = "objects"  # an own manager would come before the inherited one
        indexes = [
            models.Index(fields=["filed_at"], name="appeal_to_review", condition=Q(state="open")),
            models.Index(fields=["order", "-id"], name="appeal_of_order"),
            models.Index(fields=["annotator", "-id"], name="appeal_of_annotator"),
        ]

    def __str__(self) -> str:
        return f"{self.annotation_id}: {self.state}"


class AppealReview(TenantOwned):
    """One reviewer's look at an appeal. `annotator` is the reviewer."""

    appeal = models.ForeignKey(Appeal, on_delete=models.CASCADE, related_name="reviews")
    annotator = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    is_swapped = models.BooleanField(help_text="the annotator's value is shown second")
    leased_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    verdict = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Verdict], blank=True)
    supports = models.BooleanField(null=True, help_text="the annotator's value was found right")
    paid_minor = models.PositiveIntegerField(default=0)
    decided_at = models.DateTimeField(null=True)

    tenant_columns: ClassVar[tuple[str, ...]] = BOTH_SIDES
    as_annotator: ClassVar[AnnotatorManager] = AnnotatorManager()

    class Meta:
        default_manager_name = "objects"  # an own manager would come before the inherited one
        constraints = [
            models.UniqueConstraint(fields=["tenant", "appeal", "annotator"], name="appeal_review_once"),
            models.CheckConstraint(
                condition=Q(decided_at__isnull=True, verdict="") | Q(decided_at__isnull=False, supports__isnull=False),
                name="appeal_review_decided_whole",
            ),
        ]
        indexes = [models.Index(fields=["annotator", "-id"], name="appeal_review_of_annotator")]

    def __str__(self) -> str:
        return f"{self.appeal_id}: {self.verdict or 'open'}"
