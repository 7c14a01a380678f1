"""What follows the submission of a job."""

from __future__ import annotations

import logging

from apps.compute import services
from apps.compute.events import JobSubmitted
from apps.core.errors import DependencyFailed
from apps.core.outbox import handles

logger = logging.getLogger(__name__)


@handles(JobSubmitted, long_running=True)
def on_job_submitted(event: JobSubmitted) -> None:
    """Give the job to the runner at once; the schedule does it later where the runner does not answer now."""
    try:
        services.advance_job(event.job_id)
    except DependencyFailed as error:
        logger.warning("job %s waits: %s", event.job_id, error.message)
