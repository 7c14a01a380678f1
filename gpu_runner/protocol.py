"""The one wire format between the platform and the runner. Plain pydantic: both sides import exactly this file.

Chat, embeddings and model lists follow the OpenAI API; classification, jobs and registration are the platform's own.
Unknown fields of OpenAI requests are ignored unless they would change the meaning of the answer.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

PROTOCOL_VERSION = 1
BASE_CHAT_MODEL = "smollm2-135m-instruct"
BASE_EMBEDDING_MODEL = "all-minilm-l6-v2"
MODEL_NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,99}$"
FILE_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
SHA256_PATTERN = r"^[0-9a-f]{64}$"
MAX_TEXTS = 2048
MAX_INLINE_ROWS = 200_000


class Wire(BaseModel):
    """Strict base: a field that the other side does not know is an error, not a silent loss."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class OpenAIWire(BaseModel):
    """Base of what OpenAI clients send: they may carry fields we do not use."""

    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())


# --- errors -----------------------------------------------------------------------------------------------------------


class ErrorCode(StrEnum):
    """Stable codes; `retryable` in the body says whether the same request may pass later."""

    UNAUTHORISED = "unauthorised"
    INVALID_REQUEST = "invalid_request"
    UNSUPPORTED_PARAMETER = "unsupported_parameter"
    UNKNOWN_MODEL = "unknown_model"
    UNSUPPORTED_MODEL = "unsupported_model"
    UNSAFE_ARTIFACT = "unsafe_artifact"
    HASH_MISMATCH = "hash_mismatch"
    TOO_LARGE = "too_large"
    CONTEXT_OVERFLOW = "context_overflow"
    OUT_OF_MEMORY = "out_of_memory"
    NOT_READY = "not_ready"
    OVERLOADED = "overloaded"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    UNKNOWN_JOB = "unknown_job"
    JOB_CONFLICT = "job_conflict"
    INVALID_TRAINING_DATA = "invalid_training_data"
    DATA_UNAVAILABLE = "data_unavailable"
    TRAINING_FAILED = "training_failed"
    WORKER_LOST = "worker_lost"
    INTERNAL = "internal"


class ErrorInfo(BaseModel):
    """What went wrong, in the shape OpenAI clients read, plus `retryable` and the facts."""

    code: ErrorCode
    message: str
    type: str = "server_error"
    retryable: bool = False
    context: dict[str, Any] = Field(default_factory=dict)


class ErrorBody(BaseModel):
    """Body of every answer with a status of 400 or more."""

    error: ErrorInfo


# --- chat -------------------------------------------------------------------------------------------------------------


class ContentPart(OpenAIWire):
    """One part of a message; only text is understood."""

    type: Literal["text"]
    text: str


class ChatMessage(OpenAIWire):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[ContentPart]

    def text(self) -> str:
        """Content as one string."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class StreamOptions(OpenAIWire):
    """`include_usage` adds a last chunk with the token counts."""

    include_usage: bool = False


class ChatRequest(OpenAIWire):
    """`POST /v1/chat/completions`."""

    model: str = Field(min_length=1, max_length=200)
    messages: list[ChatMessage] = Field(min_length=1, max_length=1000)
    max_tokens: int | None = Field(default=None, ge=1, le=32_768)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=32_768)
    temperature: float = Field(default=0.7, ge=0, le=2)
    top_p: float = Field(default=1.0, gt=0, le=1)
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1)
    stop: str | list[str] | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    response_format: dict[str, Any] | None = None
    n: int | None = None
    tools: list[Any] | None = None
    logprobs: bool | None = None

    @field_validator("stop")
    @classmethod
    def _stop_is_short(cls, value: str | list[str] | None) -> str | list[str] | None:
        words = [value] if isinstance(value, str) else (value or [])
        if len(words) > 4 or any(not word or len(word) > 200 for word in words):
            raise ValueError("stop takes 1 to 4 non-empty strings of at most 200 characters")
        return value

    def stop_words(self) -> list[str]:
        """Stop strings as a list."""
        return [self.stop] if isinstance(self.stop, str) else list(self.stop or [])

    def token_limit(self, default: int) -> int:
        """Most tokens to generate."""
        return self.max_completion_tokens or self.max_tokens or default


class Usage(BaseModel):
    """Token counts of one request."""

    prompt_tokens: int
    completion_tokens: int = 0
    total_tokens: int


class AssistantMessage(BaseModel):
    """The answer."""

    role: Literal["assistant"] = "assistant"
    content: str


FinishReason = Literal["stop", "length"]


class ChatChoice(BaseModel):
    """Always one, index 0."""

    index: int = 0
    message: AssistantMessage
    finish_reason: FinishReason


class ChatResponse(BaseModel):
    """Answer of a request without streaming."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage


class ChatDelta(BaseModel):
    """What a streamed chunk adds."""

    role: Literal["assistant"] | None = None
    content: str | None = None


class ChatChunkChoice(BaseModel):
    """One step of the stream."""

    index: int = 0
    delta: ChatDelta
    finish_reason: FinishReason | None = None


class ChatChunk(BaseModel):
    """One server-sent event of a streamed answer; the last event is the literal `[DONE]`."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChatChunkChoice]
    usage: Usage | None = None


# --- embeddings and classification ------------------------------------------------------------------------------------


class EmbeddingRequest(OpenAIWire):
    """`POST /v1/embeddings`."""

    model: str = BASE_EMBEDDING_MODEL
    input: str | list[str]
    encoding_format: Literal["float", "base64"] = "float"

    @field_validator("input")
    @classmethod
    def _bounded(cls, value: str | list[str]) -> str | list[str]:
        if isinstance(value, list) and not 1 <= len(value) <= MAX_TEXTS:
            raise ValueError(f"input takes 1 to {MAX_TEXTS} texts")
        return value

    def texts(self) -> list[str]:
        """Input as a list."""
        return [self.input] if isinstance(self.input, str) else list(self.input)


class EmbeddingItem(BaseModel):
    """One vector of unit length; base64 is little-endian float32."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingResponse(BaseModel):
    """Vectors in the order of the input."""

    object: Literal["list"] = "list"
    model: str
    data: list[EmbeddingItem]
    usage: Usage


class ClassifyRequest(Wire):
    """`POST /v1/classify`: a classifier head or a classification adapter."""

    model: str = Field(min_length=1, max_length=200)
    texts: list[str] = Field(min_length=1, max_length=MAX_TEXTS)


class Classification(BaseModel):
    """The most probable class and the probability of every class (they sum to 1)."""

    label: str
    probability: float
    probabilities: dict[str, float]


class ClassifyResponse(BaseModel):
    """Results in the order of the input."""

    model: str
    results: list[Classification]
    usage: Usage


# --- models -----------------------------------------------------------------------------------------------------------


class ModelKind(StrEnum):
    """What a model can be asked for."""

    CHAT = "chat"
    EMBEDDING = "embedding"
    CLASSIFIER = "classifier"
    ADAPTER = "adapter"


class ModelCard(BaseModel):
    """Entry of `GET /v1/models`."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "runner"
    kind: ModelKind
    engine: str
    base: str | None = None
    classes: list[str] = Field(default_factory=list)
    loaded: bool = False


class ModelList(BaseModel):
    """`GET /v1/models`."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class ArtifactInfo(Wire):
    """One file of a model."""

    name: str = Field(pattern=FILE_NAME_PATTERN)
    sha256: str = Field(pattern=SHA256_PATTERN)
    size: int = Field(ge=1)


class ModelManifest(Wire):
    """Form field `manifest` of `PUT /v1/models/{name}`; the files follow as form files named like the artifacts."""

    kind: Literal[ModelKind.CLASSIFIER, ModelKind.ADAPTER]
    base: str = Field(min_length=1, max_length=200)
    classes: list[str] = Field(default_factory=list, max_length=1000)
    artifacts: list[ArtifactInfo] = Field(min_length=1, max_length=16)


# --- jobs -------------------------------------------------------------------------------------------------------------


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
    targets: Literal["attention", "all-linear"] = "attention"
    learning_rate: float = Field(default=2e-3, gt=0, le=0.1)
    batch_size: int = Field(default=8, ge=1, le=64)
    epochs: int = Field(default=1, ge=1, le=20)
    max_steps: int = Field(default=40, ge=1, le=10_000)
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


# --- health -----------------------------------------------------------------------------------------------------------


class Health(BaseModel):
    """`/healthz` and `/readyz`; `ready` is false (and the status 503) until the bundled models can answer."""

    status: Literal["ok", "loading", "models_missing", "failed"]
    ready: bool
    protocol: int = PROTOCOL_VERSION
    models: dict[str, str] = Field(default_factory=dict)
    detail: str = ""
