"""`/v1/jobs`: training jobs, their progress and results."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from gpu_runner.protocol.base import BASE_CHAT_MODEL, BASE_EMBEDDING_MODEL, MAX_INLINE_ROWS, SHA256_PATTERN, Wire
from gpu_runner.protocol.errors import ErrorInfo
from gpu_runner.protocol.models import ArtifactInfo


class JobKind(StrEnum):
    """What the runner trains."""

    TRAIN_HEAD = "train_head"
    TRAIN_LORA = "train_lora"


class JobState(StrEnum):
    """Life of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Nothing changes after this state."""
        return self in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


class TrainingRow(Wire):
    """One labelled text; `test` rows are held out."""

    text: str = Field(min_length=1, max_length=20_000)
    label: str = Field(min_length=1, max_length=200)
    split: Literal["train", "test"]


class InlineRows(Wire):
    """Rows inside the request."""

    source: Literal["inline"] = "inline"
    rows: list[TrainingRow] = Field(max_length=MAX_INLINE_ROWS)


class RowsUrl(Wire):
    """A signed URL of JSONL, one :class:`TrainingRow` a line."""

    source: Literal["url"] = "url"
    url: str = Field(pattern=r"^https?://", max_length=4000)
    sha256: str = Field(pattern=SHA256_PATTERN)


RowSource = Annotated[InlineRows | RowsUrl, Field(discriminator="source")]


class TrainHeadSpec(Wire):
    """Sentence embeddings and a multinomial logistic regression."""

    kind: Literal[JobKind.TRAIN_HEAD] = JobKind.TRAIN_HEAD
    base: str = BASE_EMBEDDING_MODEL
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    max_iterations: int = Field(default=40, ge=1, le=500)


class TrainLoraSpec(Wire):
    """LoRA on the bundled language model: message in, class label out."""

    kind: Literal[JobKind.TRAIN_LORA] = JobKind.TRAIN_LORA
    base: str = BASE_CHAT_MODEL
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    rank: int = Field(default=8, ge=1, le=64)
    targets: Literal["attention", "all-linear"] = "all-linear"
    learning_rate: float = Field(default=1e-3, gt=0, le=0.1)
    batch_size: int = Field(default=4, ge=1, le=64)
    epochs: int = Field(default=1, ge=1, le=20)
    max_steps: int = Field(default=60, ge=1, le=10_000)
    balance_classes: bool = Field(default=True, description="draw every class equally often")
    max_eval_rows: int = Field(default=64, ge=2, le=10_000)
    max_tokens_per_row: int = Field(default=128, ge=16, le=2048)


TrainingSpec = Annotated[TrainHeadSpec | TrainLoraSpec, Field(discriminator="kind")]


class JobRequest(Wire):
    """`POST /v1/jobs`. The id is the caller's: the same id and content is the same job, other content is a conflict."""

    job_id: UUID
    spec: TrainingSpec
    data: RowSource


class JobMetrics(BaseModel):
    """One progress line. Losses are mean cross-entropy in nats; accuracy is a fraction of held-out rows."""

    phase: str
    fraction: float = Field(ge=0, le=1)
    step: int | None = None
    total_steps: int | None = None
    loss: float | None = None
    learning_rate: float | None = None
    eval_accuracy: float | None = None
    tokens_per_s: float | None = None
    seconds_left: float | None = None
    message: str = ""


class JobEvent(JobMetrics):
    """A progress line with its place in the job's history; `n` counts from 0 without gaps."""

    n: int
    at: float
    attempt: int


class JobEvents(BaseModel):
    """`GET /v1/jobs/{id}/events?since=n`: events with number >= n; ask next time from `next`."""

    events: list[JobEvent]
    next: int


class ClassScore(BaseModel):
    """Held-out quality of one class."""

    label: str
    precision: float
    recall: float
    rows: int


class TrainingResult(BaseModel):
    """What a finished training job found. `before` is the majority class (head) or the untuned model (LoRA)."""

    classes: list[str]
    train_rows: int
    eval_rows: int
    accuracy_before: float
    accuracy_after: float
    majority_accuracy: float
    final_loss: float
    per_class: list[ClassScore]
    skipped_rows: int = 0
    tokens: int = 0
    base: str
    parameters: dict[str, Any] = Field(default_factory=dict)


class JobUsage(BaseModel):
    """What the job consumed, over all attempts."""

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    tokens: int = 0


class JobStatus(BaseModel):
    """`GET /v1/jobs/{id}`."""

    job_id: UUID
    kind: JobKind
    state: JobState
    phase: str = ""
    fraction: float = 0.0
    seconds_left: float | None = None
    attempt: int = 0
    lost_processes: int = 0
    events: int = 0
    created_at: float
    started_at: float | None = None
    finished_at: float | None = None
    error: ErrorInfo | None = None
    result: TrainingResult | None = None
    artifacts: list[ArtifactInfo] = Field(default_factory=list)
    usage: JobUsage = Field(default_factory=JobUsage)

    @model_validator(mode="after")
    def _consistent(self) -> JobStatus:
        if self.state is JobState.SUCCEEDED and (self.result is None or not self.artifacts):
            raise ValueError("a succeeded job has a result and artifacts")
        if self.state is JobState.FAILED and self.error is None:
            raise ValueError("a failed job has an error")
        return self


class JobList(BaseModel):
    """`GET /v1/jobs`, newest first."""

    jobs: list[JobStatus]
