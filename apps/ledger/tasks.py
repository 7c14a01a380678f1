"""Thin Celery shells of the ledger."""

from __future__ import annotations

from celery import shared_task

from apps.ledger import services


@shared_task(name="ledger.expire_holds", ignore_result=True)
def expire_holds() -> None:
    """Release holds whose time is over."""
    services.expire_holds()


@shared_task(name="ledger.make_checkpoint", ignore_result=True)
def make_checkpoint() -> None:
    """Digest what changed since the last checkpoint."""
    services.make_checkpoint()
