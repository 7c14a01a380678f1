"""Periodic work of knowledge bases."""

from __future__ import annotations

from celery import shared_task

from apps.knowledge import services


@shared_task(name="knowledge.index_due_bases")
def index_due_bases() -> int:
    """Put chunks that wait into the index for search by words."""
    return services.index_due_bases()
