"""Typed failures of the runner. Each has a stable code; the HTTP status is set here and nowhere else."""

from __future__ import annotations

from typing import Any, ClassVar

from gpu_runner.protocol import ErrorBody, ErrorCode, ErrorInfo


class RunnerError(Exception):
    """Base of everything the runner says on purpose: a code, a sentence for people, and the facts behind it."""

    code: ClassVar[ErrorCode] = ErrorCode.INTERNAL
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **context: Any) -> None:
        super().__init__(message)
        self.message = message
        self.context = context

    def body(self) -> ErrorBody:
        """The one JSON shape of an error."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        info = ErrorInfo(
            code=self.code, message=self.message, type=kind, retryable=self.retryable, context=self.context
        )
        return ErrorBody(error=info)


class Unauthorised(RunnerError):
    """No bearer token, or a wrong one."""

    code = ErrorCode.UNAUTHORISED
    status = 401


class InvalidRequest(RunnerError):
    """The request cannot be understood; the context names the field."""

    code = ErrorCode.INVALID_REQUEST
    status = 422


class UnsupportedParameter(RunnerError):
    """A field that this engine does not honour; said instead of silently ignoring it."""

    code = ErrorCode.UNSUPPORTED_PARAMETER
    status = 422


class UnknownModel(RunnerError):
    """No model of that name is registered here."""

    code = ErrorCode.UNKNOWN_MODEL
    status = 404


class UnsupportedModel(RunnerError):
    """The model exists but cannot do this, or does not fit its base; trying again does not help."""

    code = ErrorCode.UNSUPPORTED_MODEL
    status = 422


class ModelConflict(RunnerError):
    """The name is taken by a model with other files."""

    code = ErrorCode.MODEL_CONFLICT
    status = 409


class UnsafeArtifact(RunnerError):
    """A file that is not plain safetensors (or a plain JSON config), or one over the bounds."""

    code = ErrorCode.UNSAFE_ARTIFACT
    status = 422


class HashMismatch(RunnerError):
    """The bytes received are not the bytes announced."""

    code = ErrorCode.HASH_MISMATCH
    status = 422


class TooLarge(RunnerError):
    """A body or file over its limit."""

    code = ErrorCode.TOO_LARGE
    status = 413


class ContextOverflow(RunnerError):
    """The prompt does not fit the model's context."""

    code = ErrorCode.CONTEXT_OVERFLOW
    status = 422


class OutOfMemory(RunnerError):
    """Not enough memory now; the same request may pass later."""

    code = ErrorCode.OUT_OF_MEMORY
    status = 503
    retryable = True


class NotReady(RunnerError):
    """The model is not prepared on this machine yet."""

    code = ErrorCode.NOT_READY
    status = 503
    retryable = True


class Overloaded(RunnerError):
    """More requests wait than this runner takes."""

    code = ErrorCode.OVERLOADED
    status = 503
    retryable = True


class DeadlineExceeded(RunnerError):
    """The request ran past its deadline and was stopped."""

    code = ErrorCode.DEADLINE_EXCEEDED
    status = 504
    retryable = True


class UnknownJob(RunnerError):
    """No job of that id is known here."""

    code = ErrorCode.UNKNOWN_JOB
    status = 404


class JobConflict(RunnerError):
    """The job id was used before for other work, or the job is in no state for this."""

    code = ErrorCode.JOB_CONFLICT
    status = 409


class InvalidTrainingData(RunnerError):
    """The rows cannot be trained on: none, one class only, none held out."""

    code = ErrorCode.INVALID_TRAINING_DATA
    status = 422


class DataUnavailable(RunnerError):
    """The training file could not be downloaded, or is not the file announced."""

    code = ErrorCode.DATA_UNAVAILABLE
    status = 503
    retryable = True


class TrainingFailed(RunnerError):
    """Training ended without a usable model (diverged, or the reload check failed)."""

    code = ErrorCode.TRAINING_FAILED
    status = 500
