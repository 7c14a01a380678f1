"""Starting and stopping jobs. Nothing here talks to the runner: that is done after the commit."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from pydantic import TypeAdapter

from apps.compute.errors import JobFinished
from apps.compute.events import JobCancelled, JobSubmitted
from apps.compute.locks import lock_job
from apps.compute.models import Job
from apps.compute.policies import ComputePermission, require
from apps.compute.selectors import job_info
from apps.compute.types import JobInfo, JobKind, JobSource, JobState
from apps.core import clock, live
from apps.core.ids import uuid7
from apps.core.outbox import publish
from apps.core.storage import StoredObject
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor
from gpu_runner.protocol import TrainingSpec

_specs: TypeAdapter[TrainingSpec] = TypeAdapter(TrainingSpec)


@transaction.atomic
def submit_job(
    *, actor: Actor, kind: JobKind, spec: dict[str, Any], rows: StoredObject, source: JobSource, topic: str = ""
) -> JobInfo:
    """Store a training job and have it given to the runner after the commit. One job for a source.

    Args:
        spec: fields of the runner's specification of this kind, `kind` left out; defaults apply.
        rows: JSONL in object storage, one `{"text", "label", "split": "train"|"test"}` a line.
        source: what it is for; named in the job's events.
        topic: live topic (`<topic>:<uuid>`) that is told whenever the job's state or progress changes.
    """
    require(actor, ComputePermission.SUBMIT)
    existing = Job.objects.filter(source_type=source.type, source_id=source.id).first()
    if existing is not None:
        return job_info(existing)
    checked = _specs.validate_python({"kind": kind.value, **spec})
    row = Job.objects.create(
        id=uuid7(),
        tenant_id=actor.organisation_id,
        kind=kind.value,
        spec=checked.model_dump(mode="json"),
        rows_key=rows.key,
        rows_sha256=rows.sha256,
        source_type=source.type,
        source_id=source.id,
        topic=topic,
    )
    publish(JobSubmitted(row.id))
    return job_info(row)


@transaction.atomic
def cancel_job(*, actor: Actor, job_id: UUID) -> JobInfo:
    """Ask for a job to be stopped. One that no runner has yet ends at once; repeats change nothing.

    Raises:
        JobNotFound. JobFinished: it has ended already.
    """
    row = lock_job(job_id)
    require(actor, ComputePermission.CANCEL, row)
    state = JobState(row.state)
    if state.final and state is not JobState.CANCELLED:
        raise JobFinished(job_id, state.label)
    if row.cancel_requested_at is None:
        row.cancel_requested_at = clock.now()
        if state is JobState.WAITING and row.submissions == 0:
            finish_cancelled(row)
        row.save()
        record_audit(actor, action="job.cancelled", target_type="job", target_id=row.id)
        notify(row)
    return job_info(row)


def finish_cancelled(row: Job) -> None:
    """Give a locked job its final state; the caller saves it."""
    row.state = JobState.CANCELLED
    row.finished_at = clock.now()
    row.seconds_left = None
    publish(JobCancelled(row.id, row.source_type, row.source_id))


def notify(row: Job) -> None:
    """Tell the job's followers, after the commit."""
    if row.topic:
        live.notify(row.topic, {"state": row.state, "fraction": round(row.fraction, 4), "phase": row.phase})
