"""Thin Celery shells of the ground floor."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import beat_init, before_task_publish
from django.core.cache import cache

from apps.core import clock, outbox, vault
from apps.core.health import BEAT_KEY
from apps.core.models import IdempotencyRecord
from apps.core.tenant import all_tenants

DISPATCH_BUDGET_S = 20.0
IDEMPOTENCY_KEPT = timedelta(hours=24)


@shared_task(name=outbox.DISPATCH_TASK, ignore_result=True)
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


@beat_init.connect
def beat_started(**_: Any) -> None:
    """From now on this process is beat: each task that it publishes proves that it schedules."""
    before_task_publish.connect(note_that_beat_schedules)
    note_that_beat_schedules()


def note_that_beat_schedules(**_: Any) -> None:
    """Leave the time for /readyz (`apps.core.health`)."""
    cache.set(BEAT_KEY, clock.now().timestamp(), timeout=120)


@shared_task(name="core.forget_idempotency_keys", ignore_result=True)
def forget_idempotency_keys() -> None:
    """Drop remembered answers older than a day."""
    with all_tenants(reason="retention"):
        IdempotencyRecord.objects.filter(created_at__lt=clock.now() - IDEMPOTENCY_KEPT).delete()


@shared_task(name="core.collect_leftovers", ignore_result=True)
def collect_leftovers() -> None:
    """Delete stored objects and opened files that killed processes left."""
    vault.collect_leftovers()
