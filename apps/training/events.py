"""What happens in training."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apps.core.outbox import Event


@dataclass(frozen=True)
class TrainingRunStarted(Event):
    """A run was started; its job waits for the runner."""

    training_run_id: UUID


@dataclass(frozen=True)
class ModelVersionReleased(Event):
    """A run succeeded and its model is registered as an asset version."""

    model_version_id: UUID
    asset_id: UUID
    training_run_id: UUID


@dataclass(frozen=True)
class TrainingRunEnded(Event):
    """A run ended without a model (state `failed` or `cancelled`)."""

    training_run_id: UUID
    state: str
