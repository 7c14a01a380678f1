"""What happens to jobs. Progress is not an event: pages hear of it by the job's live topic."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apps.core.outbox import Event


@dataclass(frozen=True)
class JobSubmitted(Event):
    """A job waits for the runner."""

    job_id: UUID


@dataclass(frozen=True)
class JobSucceeded(Event):
    """A job's result and files are stored."""

    job_id: UUID
    source_type: str
    source_id: str


@dataclass(frozen=True)
class JobFailed(Event):
    """A job ended without a result; `code` and `message` are for the user."""

    job_id: UUID
    source_type: str
    source_id: str
    code: str
    message: str


@dataclass(frozen=True)
class JobCancelled(Event):
    """A job was stopped on request."""

    job_id: UUID
    source_type: str
    source_id: str
