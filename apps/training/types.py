"""Words and values of training that other apps and pages may hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import models

from apps.compute.types import JobInfo, JobKind, ModelKind, ModelRef, StoredArtifact, TrainingResult

DATASET_WEIGHT_BPS = 6_000
"""Part of a model's revenue that goes to the dataset it was trained on, unless a licence asks for more."""


class TrainingMethod(models.TextChoices):
    """How a model is made."""

    HEAD = "head", "Classifier"
    LORA = "lora", "Language model (LoRA)"

    @property
    def job_kind(self) -> JobKind:
        """The runner's job behind it."""
        return JobKind.TRAIN_HEAD if self is TrainingMethod.HEAD else JobKind.TRAIN_LORA

    @property
    def model_kind(self) -> ModelKind:
        """What comes of it."""
        return ModelKind.CLASSIFIER if self is TrainingMethod.HEAD else ModelKind.ADAPTER

    @property
    def explanation(self) -> str:
        """What it does and when to choose it, in plain words."""
        if self is TrainingMethod.HEAD:
            return (
                "Turns each text into numbers that stand for its meaning and learns where the classes lie. Fast, "
                "accurate from a few dozen rows per class, and it says how sure it is. The right choice for sorting "
                "texts."
            )
        return (
            "Teaches a small chat model to answer with the class, by training a few added numbers beside its weights "
            "(an adapter). Slower and usually less accurate at sorting; choose it to get a language model that "
            "follows your data."
        )


class RunState(models.TextChoices):
    """Life of a training run."""

    QUEUED = "queued", "queued"
    RUNNING = "running", "running"
    SUCCEEDED = "succeeded", "succeeded"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"

    @property
    def final(self) -> bool:
        """Nothing changes after this state."""
        return self in {RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED}


class TrainingPermission(StrEnum):
    """Permissions of training."""

    VIEW = "training:run:view"
    START = "training:run:start"
    CANCEL = "training:run:cancel"
    USE = "training:model:use"


@dataclass(frozen=True)
class RunInfo:
    """A training run with what its job says. `job` is there from the start; `model_version_id` once it succeeded."""

    id: UUID
    tenant_id: UUID
    name: str
    method: TrainingMethod
    state: RunState
    dataset_version_id: UUID
    dataset_id: UUID
    dataset_name: str
    dataset_number: int
    train_rows: int
    test_rows: int
    skipped_rows: int
    seed: int
    job: JobInfo
    error_code: str
    error_message: str
    model_version_id: UUID | None
    created_at: datetime

    @property
    def result(self) -> TrainingResult | None:
        """Figures of a finished run."""
        return self.job.result

    @property
    def percent(self) -> int:
        """How far it is."""
        return 100 if self.state is RunState.SUCCEEDED else round(self.job.fraction * 100)

    @property
    def is_cancelling(self) -> bool:
        """Whether it has been asked to stop and has not yet."""
        return self.job.cancel_requested and not self.state.final


@dataclass(frozen=True)
class ModelVersionInfo:
    """One released version of a trained model; its id is its asset version's id.

    `metrics` holds `accuracy_before`, `accuracy_after`, `majority_accuracy` (0 to 1) and `eval_rows`.
    """

    id: UUID
    asset_id: UUID
    owner_id: UUID
    name: str
    number: int
    kind: ModelKind
    base: str
    classes: tuple[str, ...]
    metrics: dict[str, Any]
    card: dict[str, Any]
    artifacts: tuple[StoredArtifact, ...]
    run_id: UUID
    dataset_version_id: UUID
    released_at: datetime

    @property
    def runner_name(self) -> str:
        """The name under which the runner is asked for it."""
        return f"model-{self.id}"

    @property
    def ref(self) -> ModelRef:
        """What the runner's client needs to use it."""
        return ModelRef(self.runner_name, self.kind, self.base, self.classes, self.artifacts)

    @property
    def accuracy_percent(self) -> float:
        """Held-out accuracy in percent."""
        return round(float(self.metrics["accuracy_after"]) * 100, 1)
