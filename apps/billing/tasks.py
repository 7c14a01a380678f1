"""Periodic work of billing."""

from __future__ import annotations

from celery import shared_task

from apps.billing import services


@shared_task(name="billing.settle_overdue_top_ups", ignore_result=True)
def settle_overdue_top_ups() -> None:
    """Ask about payments whose webhook did not come."""
    services.settle_overdue_top_ups()
