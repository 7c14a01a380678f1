"""The one JSON shape of errors."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field


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
    MODEL_CONFLICT = "model_conflict"
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
