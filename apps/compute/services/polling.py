"""Bringing jobs forward: give them to the runner, copy what it says, fetch what it made.

Every step asks the runner first, outside a transaction, and then writes in a short one under the job's lock; a step
that runs twice, or beside itself, changes nothing the second time.
"""

from __future__ import annotations

import json
import logging
import tempfile
from datetime import UTC, datetime
from uuid import UUID

from django.core.cache import cache
from django.db import transaction

from apps.compute import runner
from apps.compute.errors import JobNotFound, UnknownJobError
from apps.compute.events import JobFailed, JobSucceeded
from apps.compute.locks import lock_job
from apps.compute.models import Job, JobProgress
from apps.compute.selectors import active_jobs, progress_count
from apps.compute.services.jobs import finish_cancelled, notify
from apps.compute.types import JobState, StoredArtifact
from apps.core import clock
from apps.core.errors import DependencyFailed, DomainError
from apps.core.outbox import publish
from apps.core.storage import get_storage
from apps.core.tenant import tenant_scope
from gpu_runner.protocol import ErrorInfo, InlineRows, JobEvent, JobRequest, JobStatus, RowsUrl, TrainingRow
from gpu_runner.protocol import JobState as RemoteState

logger = logging.getLogger(__name__)

MAX_SUBMISSIONS = 5
INLINE_BYTES = 8 << 20
URL_LIFETIME_S = 3600
_POLL_LOCK_S = 60
_SPOOL_BYTES = 16 << 20
_STATES = {RemoteState.QUEUED: JobState.QUEUED, RemoteState.RUNNING: JobState.RUNNING}


def poll_jobs() -> int:
    """Bring every active job forward by one step; returns how many there were. One poll at a time runs."""
    if not cache.add("compute:poll_jobs", "1", _POLL_LOCK_S):
        return 0
    try:
        active = active_jobs()
        for tenant_id, job_id in active:
            with tenant_scope(tenant_id):
                _advance_safely(job_id)
        return len(active)
    finally:
        cache.delete("compute:poll_jobs")


def _advance_safely(job_id: UUID) -> None:
    """One job's trouble must not keep the others waiting."""
    try:
        advance_job(job_id)
    except DependencyFailed as error:
        logger.warning("job %s is not brought forward now: %s %s", job_id, error.message, error.context)
    except Exception:
        logger.exception("job %s cannot be brought forward", job_id)


def advance_job(job_id: UUID) -> None:
    """One step of one job, in its tenant's scope.

    Raises:
        JobNotFound. DependencyFailed: the runner does not answer now; the job stays as it is.
    """
    row = Job.objects.filter(id=job_id).first()
    if row is None:
        raise JobNotFound(job_id)
    if JobState(row.state).final:
        return
    try:
        status = _remote_status(row)
    except DependencyFailed:
        raise
    except DomainError as error:  # the runner will not take this job, however often it is asked
        _finish_failed(row.id, error.code, error.message)
        return
    if status is None:
        return
    _copy_events(row)
    _apply(row.id, status)


def _remote_status(row: Job) -> JobStatus | None:
    """What the runner says, after submitting the job or passing on its cancellation where that is due."""
    cancelling = row.cancel_requested_at is not None
    if row.state == JobState.WAITING and not cancelling:
        return _submit(row)
    try:
        status = runner.cancel(row.id) if cancelling else runner.job_status(row.id)
    except UnknownJobError:
        if cancelling:
            _finish_cancelled(row.id)
            return None
        logger.warning("the runner has lost job %s; it is submitted again", row.id)
        return _submit(row)
    return status


def _submit(row: Job) -> JobStatus | None:
    """Give the job to the runner under its own id: a repeat finds the same job there."""
    if row.submissions >= MAX_SUBMISSIONS:
        _finish_failed(row.id, "job_lost", f"The model server lost this job {row.submissions} times.")
        return None
    request = JobRequest.model_validate({"job_id": row.id, "spec": row.spec, "data": _rows(row)})
    status = runner.submit(request)
    with transaction.atomic():
        locked = lock_job(row.id)
        if locked.submissions == row.submissions:
            locked.submissions += 1
            locked.save(update_fields=["submissions", "updated_at"])
    row.submissions = locked.submissions
    return status


def _rows(row: Job) -> InlineRows | RowsUrl:
    """Small data travels in the request; larger data is fetched by the runner from a signed URL."""
    storage = get_storage()
    with storage.open(row.rows_key) as file:
        content = file.read(INLINE_BYTES + 1)
    if len(content) > INLINE_BYTES:
        return RowsUrl(url=storage.signed_url(row.rows_key, URL_LIFETIME_S), sha256=row.rows_sha256)
    return InlineRows(rows=[TrainingRow.model_validate(json.loads(line)) for line in content.splitlines() if line])


def _copy_events(row: Job) -> None:
    """Store the progress lines that are new here."""
    while True:
        answer = runner.job_events(row.id, progress_count(row))
        if not answer.events:
            return
        with transaction.atomic():
            JobProgress.objects.bulk_create([_progress(row, event) for event in answer.events], ignore_conflicts=True)


def _progress(row: Job, event: JobEvent) -> JobProgress:
    line = event.model_dump(mode="json", exclude_none=True)
    return JobProgress(tenant_id=row.tenant_id, job=row, submission=row.submissions, n=event.n, event=line)


def _apply(job_id: UUID, status: JobStatus) -> None:
    if status.state is RemoteState.SUCCEEDED:
        _finish_succeeded(job_id, status)
    elif status.state is RemoteState.FAILED and status.error is not None:
        _fail_or_retry(job_id, status, status.error)
    elif status.state is RemoteState.CANCELLED:
        _finish_cancelled(job_id)
    else:
        with transaction.atomic():
            row = lock_job(job_id)
            if not JobState(row.state).final:
                row.state = _STATES[status.state]
                _copy_figures(row, status)
                row.save()
                notify(row)


def _copy_figures(row: Job, status: JobStatus) -> None:
    row.phase = status.phase
    row.fraction = min(max(status.fraction, 0.0), 1.0)
    row.seconds_left = status.seconds_left
    row.attempt = status.attempt
    row.tokens = status.usage.tokens
    row.cpu_seconds = status.usage.cpu_seconds
    row.wall_seconds = status.usage.wall_seconds
    if status.started_at is not None:
        row.started_at = datetime.fromtimestamp(status.started_at, UTC)


def _finish_succeeded(job_id: UUID, status: JobStatus) -> None:
    """Copy the files first, outside the transaction; then the job is done and everyone hears of it."""
    tenant_id = Job.objects.values_list("tenant_id", flat=True).get(id=job_id)
    stored = [_copy_artifact(tenant_id, status, number) for number in range(len(status.artifacts))]
    with transaction.atomic():
        row = lock_job(job_id)
        if JobState(row.state).final:
            return
        _copy_figures(row, status)
        row.state = JobState.SUCCEEDED
        row.fraction, row.seconds_left, row.finished_at = 1.0, 0.0, clock.now()
        row.result = None if status.result is None else status.result.model_dump(mode="json")
        row.artifacts = [artifact.as_json() for artifact in stored]
        row.save()
        publish(JobSucceeded(row.id, row.source_type, row.source_id))
        notify(row)
        transaction.on_commit(lambda: _forget(job_id), robust=True)


def _copy_artifact(tenant_id: UUID, status: JobStatus, number: int) -> StoredArtifact:
    artifact = status.artifacts[number]
    key = f"{tenant_id}/models/{status.job_id}/{artifact.name}"
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
        with runner.artifact_chunks(status.job_id, artifact) as chunks:
            for chunk in chunks:
                spool.write(chunk)
        spool.seek(0)
        stored = get_storage().put(key, spool)
    return StoredArtifact(artifact.name, stored.key, stored.sha256, stored.size)


def _forget(job_id: UUID) -> None:
    """The runner may delete its copy now; if it does not hear of it, no harm is done."""
    try:
        runner.forget(job_id)
    except DomainError as error:
        logger.info("the runner keeps job %s: %s", job_id, error.message)


def _fail_or_retry(job_id: UUID, status: JobStatus, error: ErrorInfo) -> None:
    """A failure that may pass (memory, an expired URL) is tried again a few times before the user hears of it."""
    with transaction.atomic():
        row = lock_job(job_id)
        if JobState(row.state).final:
            return
        _copy_figures(row, status)
        row.save()
        if error.retryable and row.submissions < MAX_SUBMISSIONS and row.cancel_requested_at is None:
            row.state = JobState.WAITING
            row.save()
            notify(row)
            return
    _finish_failed(job_id, error.code.value, error.message)


@transaction.atomic
def _finish_failed(job_id: UUID, code: str, message: str) -> None:
    row = lock_job(job_id)
    if JobState(row.state).final:
        return
    row.state = JobState.FAILED
    row.error_code, row.error_message = code[:60], message[:1000]
    row.finished_at, row.seconds_left = clock.now(), None
    row.save()
    publish(JobFailed(row.id, row.source_type, row.source_id, row.error_code, row.error_message))
    notify(row)


@transaction.atomic
def _finish_cancelled(job_id: UUID) -> None:
    row = lock_job(job_id)
    if not JobState(row.state).final:
        finish_cancelled(row)
        row.save()
        notify(row)
