"""Thin Celery shells of payouts."""

from __future__ import annotations

from celery import shared_task

from apps.onchain.errors import ChainNotReady
from apps.payouts import services
from apps.payouts.errors import AnotherRootInForce, EpochUnderWay


@shared_task(name="payouts.publish_due_epoch", ignore_result=True)
def publish_due_epoch() -> None:
    """Publish an epoch when withdrawals wait; the next beat tries again what cannot be now."""
    try:
        services.publish_due_epoch()
    except (ChainNotReady, EpochUnderWay, AnotherRootInForce):
        return
