"""Training runs and the models that came of them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.compute.types import ModelKind
from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned
from apps.training.types import RunState, TrainingMethod


class TrainingRun(TenantOwned, TimeStamped):
    """One training on one dataset version. While it runs its job knows more; the final state is kept here."""

    name = models.CharField(max_length=120)
    method = models.CharField(max_length=8, choices=TrainingMethod.choices)
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.QUEUED)
    dataset_version = models.ForeignKey("assets.AssetVersion", on_delete=models.PROTECT, related_name="+")
    dataset_asset = models.ForeignKey("assets.Asset", on_delete=models.PROTECT, related_name="+")
    dataset_name = models.CharField(max_length=120)
    dataset_number = models.PositiveIntegerField()
    dataset_content_root = models.CharField(max_length=66)
    job = models.OneToOneField("compute.Job", on_delete=models.PROTECT, related_name="+")
    model_asset = models.ForeignKey(
        "assets.Asset", on_delete=models.PROTECT, null=True, related_name="+", help_text="empty: a new model"
    )
    seed = models.PositiveIntegerField(default=0)
    train_rows = models.PositiveIntegerField()
    test_rows = models.PositiveIntegerField()
    skipped_rows = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.CharField(max_length=1000, blank=True)
    started_by = models.UUIDField(null=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "-id"], name="training_run_newest")]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=RunState.values), name="training_run_state_known"),
            models.CheckConstraint(condition=Q(method__in=TrainingMethod.values), name="training_run_method_known"),
        ]

    def __str__(self) -> str:
        return self.name


class ModelVersion(TenantOwned, TimeStamped):
    """What a model version consists of; `id` is the id of its asset version."""

    asset = models.ForeignKey("assets.Asset", on_delete=models.PROTECT, related_name="+")
    run = models.OneToOneField(TrainingRun, on_delete=models.PROTECT, related_name="model_version")
    name = models.CharField(max_length=120)
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=12, choices=[(kind.value, kind.value) for kind in ModelKind])
    base = models.CharField(max_length=200)
    classes = models.JSONField()
    metrics = models.JSONField()
    card = models.JSONField()
    artifacts = models.JSONField(help_text="[{name, key, sha256, size}]")

    class Meta:
        indexes = [models.Index(fields=["tenant", "-id"], name="model_version_newest")]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "asset", "number"], name="model_version_number_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.number}"
