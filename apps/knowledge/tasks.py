"""Periodic work of knowledge bases."""

from __future__ import annotations

from celery import shared_task

from apps.knowledge import services


@shared_task(name="knowledge.sync_due_sources")
def sync_due_sources() -> int:
    """Queue the sources whose schedule says so."""
    return services.queue_due_sources()


@shared_task(name="knowledge.index_due_bases")
def index_due_bases() -> int:
    """Put chunks that wait into the index for search by words."""
    return services.index_due_bases()


@shared_task(name="knowledge.measure_due_trust")
def measure_due_trust() -> int:
    """Learn how far similarity can be trusted in the languages of knowledge bases that have grown."""
    return services.measure_due_trust()
