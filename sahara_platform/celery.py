"""The Celery application and its schedule."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Any

from celery import Celery
from celery.signals import worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sahara_platform.settings")

app = Celery("sahara_platform")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {
    "core.dispatch_outbox": {"task": "core.dispatch_outbox", "schedule": 2.0, "options": {"expires": 10}},
    "compute.poll_jobs": {"task": "compute.poll_jobs", "schedule": 2.0, "options": {"expires": 5}},
    "labeling.close_expired_leases": {
        "task": "labeling.close_expired_leases",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "labeling.refresh_board": {"task": "labeling.refresh_board", "schedule": 15.0, "options": {"expires": 15}},
    "labeling.end_lapsed_attempts": {
        "task": "labeling.end_lapsed_attempts",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "labeling.watch_orders": {"task": "labeling.watch_orders", "schedule": 60.0, "options": {"expires": 60}},
    "knowledge.sync_due_sources": {
        "task": "knowledge.sync_due_sources",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "knowledge.index_due_bases": {
        "task": "knowledge.index_due_bases",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "knowledge.measure_due_trust": {
        "task": "knowledge.measure_due_trust",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "labeling.plan_labels": {"task": "labeling.plan_labels", "schedule": 5.0, "options": {"expires": 5}},
    "labeling.end_due_orders": {"task": "labeling.end_due_orders", "schedule": 10.0, "options": {"expires": 10}},
    "labeling.advance_machines": {
        "task": "labeling.advance_machines",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "labeling.approve_overdue": {"task": "labeling.approve_overdue", "schedule": 60.0, "options": {"expires": 60}},
    "labeling.release_due_reserves": {
        "task": "labeling.release_due_reserves",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "agents.end_due_runs": {"task": "agents.end_due_runs", "schedule": 15.0, "options": {"expires": 15}},
    "marketplace.expire_licences": {"task": "marketplace.expire_licences", "schedule": 300.0},
    "assets.settle_linked_wallets": {"task": "assets.settle_linked_wallets", "schedule": 300.0},
    "accounts.activate_due_wallets": {"task": "accounts.activate_due_wallets", "schedule": 60.0},
    "ledger.expire_holds": {"task": "ledger.expire_holds", "schedule": 60.0, "options": {"expires": 60}},
    "ledger.make_checkpoint": {"task": "ledger.make_checkpoint", "schedule": 3600.0},
    "payouts.publish_due_epoch": {"task": "payouts.publish_due_epoch", "schedule": 30.0, "options": {"expires": 30}},
    "billing.settle_overdue_top_ups": {"task": "billing.settle_overdue_top_ups", "schedule": 300.0},
    "billing.send_overdue_refunds": {"task": "billing.send_overdue_refunds", "schedule": 300.0},
    "billing.reconcile_stripe": {"task": "billing.reconcile_stripe", "schedule": 6 * 3600.0},
    "agents.give_up_old_answers": {"task": "agents.give_up_old_answers", "schedule": 3600.0},
    "agents.forget_old_responses": {"task": "agents.forget_old_responses", "schedule": 3600.0},
    "core.collect_leftovers": {
        "task": "core.collect_leftovers",
        "schedule": 900.0,
        "options": {"expires": 900},
    },
    "core.forget_idempotency_keys": {"task": "core.forget_idempotency_keys", "schedule": 3600.0},
}


@worker_process_init.connect
def die_with_the_worker(**_: Any) -> None:
    """A pool process ends with a worker that is killed; its delivery is handed out again when the lease lapses."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, int(signal.SIGKILL))
