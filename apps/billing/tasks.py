"""Periodic work of billing."""

from __future__ import annotations

from celery import shared_task

from apps.billing import services
from apps.core import clock


@shared_task(name="billing.settle_overdue_top_ups", ignore_result=True)
def settle_overdue_top_ups() -> None:
    """Ask about payments whose webhook did not come, and collect debts where there is money again."""
    services.settle_overdue_top_ups()
    services.collect_debts()


@shared_task(name="billing.send_overdue_refunds", ignore_result=True)
def send_overdue_refunds() -> None:
    """Send refunds that their event could not send in time."""
    services.send_overdue_refunds()


@shared_task(name="billing.reconcile_stripe", ignore_result=True)
def reconcile_stripe() -> None:
    """Compare the last days' books with the processor's."""
    services.reconcile_recent(clock.now().date())
