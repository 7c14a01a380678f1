"""What is kept of an order's machine: how far it is, and what it says of single items."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned
from apps.labeling.machine_types import MachineState, Reason


class MachineRun(TenantOwned, TimeStamped):
    """The machine of one order: a cursor that every step moves in one transaction."""

    order = models.ForeignKey("labeling.Order", on_delete=models.CASCADE, related_name="machine_runs")
    state = models.CharField(
        max_length=10, choices=[(one.value, one.value) for one in MachineState], default=MachineState.PREPARING
    )
    model = models.CharField(max_length=300, blank=True, help_text="what predicts, for the dataset's card")
    model_version_id = models.UUIDField(null=True, help_text="the registered model version that predicts")
    problem = models.CharField(max_length=500, blank=True, help_text="why it does not help at the moment")
    retry_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True, help_text="a worker is at it until then")
    step = models.PositiveIntegerField(default=0, help_text="steps written so far")
    seen = models.CharField(max_length=60, blank=True, help_text="what the last step knew")
    prepared = models.PositiveIntegerField(default=0, help_text="items that the source has read")
    fitted_at = models.PositiveIntegerField(default=0, help_text="human labels at the last choice of items")
    calibrated_at = models.PositiveIntegerField(default=0, help_text="human labels at the last proposal or audit")
    audits = models.JSONField(default=list, help_text="[{number, state, proposed, size, right, low, high, …}]")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "order"], name="machine_run_once")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.state}"


class MachineItem(TenantOwned):
    """An item that people were asked about while the machine helped, or that the machine offered to label."""

    order = models.ForeignKey("labeling.Order", on_delete=models.CASCADE, related_name="machine_items")
    task = models.ForeignKey("labeling.Task", on_delete=models.CASCADE, related_name="machine_items")
    reason = models.CharField(
        max_length=6, blank=True, choices=[(one.value, one.value) for one in Reason], help_text="why people are asked"
    )
    asked = models.PositiveIntegerField(null=True, help_text="place in the order of asking; null: not asked")
    label = models.CharField(max_length=80, blank=True, help_text="the machine's, before people were asked")
    confidence = models.FloatField(null=True)
    audit = models.PositiveIntegerField(null=True, help_text="number of the audit that it was offered for")
    place = models.PositiveIntegerField(null=True, help_text="place in that audit's random order")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "task"], name="machine_item_once")]
        indexes = [
            models.Index(fields=["order", "asked"], name="machine_item_asked"),
            models.Index(
                fields=["order", "audit", "place"], name="machine_item_audit", condition=Q(audit__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task_id} {self.reason} {self.label}"
