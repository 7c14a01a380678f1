"""Reads of jobs."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from apps.compute.errors import JobNotFound
from apps.compute.models import Job, JobProgress
from apps.compute.types import JobEvent, JobInfo, JobKind, JobSource, JobState, StoredArtifact, TrainingResult
from apps.core.tenant import all_tenants

ACTIVE = (JobState.WAITING, JobState.QUEUED, JobState.RUNNING)


def job_info(row: Job, events: tuple[JobEvent, ...] = ()) -> JobInfo:
    """The facts of a job's row."""
    return JobInfo(
        id=row.id,
        kind=JobKind(row.kind),
        state=JobState(row.state),
        phase=row.phase,
        fraction=row.fraction,
        seconds_left=row.seconds_left,
        attempt=row.attempt,
        error_code=row.error_code,
        error_message=row.error_message,
        source=JobSource(row.source_type, row.source_id),
        events=events,
        result=None if row.result is None else TrainingResult.model_validate(row.result),
        artifacts=tuple(StoredArtifact.from_json(item) for item in row.artifacts),
        tokens=row.tokens,
        cpu_seconds=row.cpu_seconds,
        wall_seconds=row.wall_seconds,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        cancel_requested=row.cancel_requested_at is not None,
    )


def job(job_id: UUID) -> JobInfo:
    """A job of the running tenant with its progress lines, oldest first. Raises JobNotFound."""
    row = Job.objects.filter(id=job_id).first()
    if row is None:
        raise JobNotFound(job_id)
    return job_info(row, _events(row))


def jobs(job_ids: Collection[UUID]) -> dict[UUID, JobInfo]:
    """Jobs of the running tenant by id, without their progress lines."""
    return {row.id: job_info(row) for row in Job.objects.filter(id__in=job_ids)}


def active_jobs() -> list[tuple[UUID, UUID]]:
    """`(tenant id, job id)` of every job that has not ended, oldest first."""
    with all_tenants(reason="one schedule looks after the jobs of every organisation"):
        rows = Job.objects.filter(state__in=ACTIVE).order_by("created_at")
        return [(row.tenant_id, row.id) for row in rows.only("id", "tenant_id")]


def progress_count(row: Job) -> int:
    """Progress lines stored of the job's present submission: the number to ask the runner from."""
    return JobProgress.objects.filter(job=row, submission=row.submissions).count()


def _events(row: Job) -> tuple[JobEvent, ...]:
    """Lines of the newest attempt only: an earlier one ended in nothing, and its curve would mislead."""
    lines = JobProgress.objects.filter(job=row, submission=row.submissions).order_by("n")
    events = [JobEvent.model_validate(line.event) for line in lines]
    newest = max((event.attempt for event in events), default=0)
    return tuple(event for event in events if event.attempt == newest)
