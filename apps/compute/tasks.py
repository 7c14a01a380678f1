"""Scheduled work of compute."""

from __future__ import annotations

from celery import shared_task

from apps.compute import services


@shared_task(name="compute.poll_jobs")
def poll_jobs() -> None:
    """Bring every active job forward (beat, every 2 s)."""
    services.poll_jobs()
