"""Row locks of compute."""

from __future__ import annotations

from uuid import UUID

from apps.compute.errors import JobNotFound
from apps.compute.models import Job


def lock_job(job_id: UUID) -> Job:
    """The job, locked until the transaction ends. Raises JobNotFound."""
    row = Job.objects.select_for_update().filter(id=job_id).first()
    if row is None:
        raise JobNotFound(job_id)
    return row
