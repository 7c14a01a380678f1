"""Words and values of compute that other apps may hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models

from gpu_runner.protocol import (
    BASE_CHAT_MODEL,
    BASE_EMBEDDING_MODEL,
    ArtifactInfo,
    Classification,
    JobEvent,
    JobKind,
    ModelKind,
    TrainingResult,
)

__all__ = [
    "BASE_CHAT_MODEL",
    "BASE_EMBEDDING_MODEL",
    "ArtifactInfo",
    "Classification",
    "JobEvent",
    "JobInfo",
    "JobKind",
    "JobSource",
    "JobState",
    "ModelKind",
    "ModelRef",
    "RunnerHealth",
    "StoredArtifact",
    "TrainingResult",
]

EMBEDDING_DIMENSIONS = 384
"""Length of the vectors of the bundled embedding model."""


class JobState(models.TextChoices):
    """Life of a job on the platform's side."""

    WAITING = "waiting", "waiting for the runner"
    QUEUED = "queued", "in the runner's queue"
    RUNNING = "running", "running"
    SUCCEEDED = "succeeded", "succeeded"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"

    @property
    def final(self) -> bool:
        """Nothing changes after this state."""
        return self in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


@dataclass(frozen=True)
class JobSource:
    """What a job was started for, e.g. `("training.run", run id)`."""

    type: str
    id: str


@dataclass(frozen=True)
class StoredArtifact:
    """A model file in object storage."""

    name: str
    key: str
    sha256: str
    size: int

    def as_json(self) -> dict[str, Any]:
        """Plain JSON for a column."""
        return {"name": self.name, "key": self.key, "sha256": self.sha256, "size": self.size}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> StoredArtifact:
        """The reverse of `as_json`."""
        return cls(str(value["name"]), str(value["key"]), str(value["sha256"]), int(value["size"]))


@dataclass(frozen=True)
class ModelRef:
    """A trained model as the runner knows it: the name used in requests, and the files to register it from.

    `kind` is `classifier` (a head on the embedding model) or `adapter` (LoRA on the chat model); `base` is the model
    it belongs to. A bundled model has no artifacts and is always known.
    """

    name: str
    kind: ModelKind
    base: str
    classes: tuple[str, ...] = ()
    artifacts: tuple[StoredArtifact, ...] = ()


@dataclass(frozen=True)
class JobInfo:
    """State of a job, as pages and the API show it."""

    id: UUID
    kind: JobKind
    state: JobState
    phase: str
    fraction: float
    seconds_left: float | None
    attempt: int
    error_code: str
    error_message: str
    source: JobSource
    events: tuple[JobEvent, ...]
    result: TrainingResult | None
    artifacts: tuple[StoredArtifact, ...]
    tokens: int
    cpu_seconds: float
    wall_seconds: float
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested: bool = False


@dataclass(frozen=True)
class RunnerHealth:
    """What `/readyz` shows of the runner; `latency_ms` is the time of the question."""

    ready: bool
    status: str
    latency_ms: float
    detail: str = ""
    models: dict[str, str] = field(default_factory=dict)
