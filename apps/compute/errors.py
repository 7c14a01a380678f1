"""Failures of the runner, as the platform's domain errors."""

from __future__ import annotations

from uuid import UUID

from apps.core.errors import Conflict, DependencyFailed, DomainError, InvalidInput, NotFound
from gpu_runner.protocol import ErrorCode, ErrorInfo


class RunnerUnavailable(DependencyFailed):
    """The runner does not answer, or not in the agreed format."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(
            "runner_unavailable",
            "The model server does not answer right now. Try again in a minute.",
            cause=detail,
        )


class RunnerBusy(DependencyFailed):
    """The runner answered that it cannot do this now (memory, queue, models not loaded)."""

    def __init__(self, error: ErrorInfo) -> None:
        super().__init__(error.code.value, error.message, **error.context)


class RunnerRefused(InvalidInput):
    """The runner understood the request and will not do it; `code` is the runner's."""

    def __init__(self, error: ErrorInfo) -> None:
        super().__init__(error.code.value, error.message, **error.context)


class UnknownModelError(NotFound):
    """The runner has no model of this name."""

    def __init__(self, error: ErrorInfo) -> None:
        super().__init__(error.code.value, error.message, **error.context)


class UnknownJobError(NotFound):
    """The runner has no job of this id (its data was lost); the platform submits it again."""

    def __init__(self, error: ErrorInfo) -> None:
        super().__init__(error.code.value, error.message, **error.context)


class JobNotFound(NotFound):
    """No such job in this organisation."""

    def __init__(self, job_id: UUID) -> None:
        super().__init__("job_not_found", "There is no such job.", job_id=str(job_id))


class JobFinished(Conflict):
    """The job has ended and cannot be cancelled."""

    def __init__(self, job_id: UUID, state: str) -> None:
        super().__init__("job_finished", f"The job has already {state}.", job_id=str(job_id), state=state)


class ArtifactCorrupted(DependencyFailed):
    """Bytes read do not have the announced SHA-256."""

    def __init__(self, name: str) -> None:
        super().__init__("artifact_corrupted", f"The file {name} did not arrive whole. Try again.", file=name)


def from_runner(error: ErrorInfo) -> DomainError:
    """The domain error for what the runner said."""
    if error.code is ErrorCode.UNKNOWN_MODEL:
        return UnknownModelError(error)
    if error.code is ErrorCode.UNKNOWN_JOB:
        return UnknownJobError(error)
    if error.code in {ErrorCode.UNAUTHORISED, ErrorCode.INTERNAL}:
        return RunnerUnavailable(f"{error.code}: {error.message}")
    return RunnerBusy(error) if error.retryable else RunnerRefused(error)
