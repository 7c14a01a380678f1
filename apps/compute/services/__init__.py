"""Writes of compute."""

from apps.compute.services.jobs import cancel_job, submit_job
from apps.compute.services.polling import advance_job, poll_jobs

__all__ = ["advance_job", "cancel_job", "poll_jobs", "submit_job"]
