"""Review cases: what was seen in an annotator's answers, what the annotator says to it, what people decided."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.core.tenant import TenantOwned
from apps.labeling.case_types import CaseState
from apps.labeling.managers import BOTH_SIDES, AnnotatorManager


class ReviewCase(TenantOwned):
    """One kind of signal about one annotator in one order. It has no consequence until people decide it."""

    order = models.ForeignKey("labeling.Order", on_delete=models.CASCADE, related_name="cases")
    annotator = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, help_text="see apps.labeling.quality.signals")
    message = models.CharField(max_length=400, help_text="what was seen, for both sides")
    figures = models.JSONField(default=dict, help_text="the evidence")
    state = models.CharField(
        max_length=10, choices=[(one.value, one.value) for one in CaseState], default=CaseState.OPEN
    )
    reply = models.CharField(max_length=1_000, blank=True, help_text="the annotator's")
    decision = models.CharField(max_length=400, blank=True, help_text="why it was decided so, for both sides")
    order_title = models.CharField(max_length=120)
    opened_at = models.DateTimeField()
    replied_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)

    tenant_columns: ClassVar[tuple[str, ...]] = BOTH_SIDES
    as_annotator: ClassVar[AnnotatorManager] = AnnotatorManager()

    class Meta:
        default_manager_name = "objects"  # an own manager would come before the inherited one
        constraints = [
            models.UniqueConstraint(fields=["tenant", "order", "annotator", "kind"], name="review_case_once"),
            models.CheckConstraint(
                condition=Q(state__in=["open", "answered"], decided_at__isnull=True)
                | Q(state__in=["cleared", "stopped"], decided_at__isnull=False),
                name="review_case_decided_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["order", "-id"], name="review_case_of_order"),
            models.Index(fields=["annotator", "-id"], name="review_case_of_annotator"),
            models.Index(fields=["-id"], name="review_case_open", condition=Q(state__in=["open", "answered"])),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.state}"
