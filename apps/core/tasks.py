"""Thin Celery shells of the ground floor."""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import UUID

from celery import shared_task
from django.core.cache import cache

from apps.core import clock, outbox
from apps.core.models import IdempotencyRecord
from apps.core.tenant import all_tenants

DISPATCH_BUDGET_S = 20.0
HEARTBEAT_KEY = "heartbeat:worker"
IDEMPOTENCY_KEPT = timedelta(hours=24)


@shared_task(name="core.dispatch_outbox", ignore_result=True)
def dispatch_outbox() -> None:
    """Deliver what is due; hand long-running deliveries to tasks of their own."""
    deadline = time.monotonic() + DISPATCH_BUDGET_S
    while time.monotonic() < deadline and outbox.deliver_next():
        pass
    while (delivery_id := outbox.claim_long_running()) is not None:
        deliver_long_running.delay(str(delivery_id))


@shared_task(name="core.deliver_long_running", ignore_result=True, acks_late=True)
def deliver_long_running(delivery_id: str) -> None:
    """Run one long-running delivery."""
    outbox.deliver_long_running(UUID(delivery_id))


@shared_task(name="core.heartbeat", ignore_result=True)
def heartbeat() -> None:
    """Prove that beat schedules and a worker works."""
    cache.set(HEARTBEAT_KEY, clock.now().timestamp(), timeout=120)


@shared_task(name="core.forget_idempotency_keys", ignore_result=True)
def forget_idempotency_keys() -> None:
    """Drop remembered answers older than a day."""
    with all_tenants(reason="retention"):
        IdempotencyRecord.objects.filter(created_at__lt=clock.now() - IDEMPOTENCY_KEPT).delete()
