"""Periodic work of the labelling room."""

from __future__ import annotations

from celery import shared_task

from apps.core.tenant import all_tenants
from apps.labeling import services


@shared_task(name="labeling.close_expired_leases")
def close_expired_leases() -> int:
    """Give the slots of lapsed leases back."""
    with all_tenants(reason="leases of every organisation's orders lapse"):
        return services.close_expired_leases()


@shared_task(name="labeling.approve_overdue")
def approve_overdue() -> int:
    """Accept and pay answers that waited until the date their annotators were told."""
    return services.approve_overdue()


@shared_task(name="labeling.release_due_reserves")
def release_due_reserves() -> int:
    """Give back what was kept for appeals that can no longer be filed."""
    return services.release_due_reserves()


@shared_task(name="labeling.refresh_board")
def refresh_board() -> int:
    """Bring the task board's counts and typical times up to date."""
    return services.refresh_board()


@shared_task(name="labeling.end_due_orders")
def end_due_orders() -> int:
    """End orders whose deadline has come or whose budget is used up."""
    return services.end_due_orders()


@shared_task(name="labeling.plan_labels")
def plan_labels() -> int:
    """Decide which labels orders with a target want next."""
    return services.plan_due_orders()


@shared_task(name="labeling.end_lapsed_attempts")
def end_lapsed_attempts() -> int:
    """End tests of skills whose time is over."""
    return services.end_lapsed_attempts()


@shared_task(name="labeling.watch_orders")
def watch_orders() -> int:
    """Look for signs of answers given without reading, and open review cases."""
    return services.watch_orders()


@shared_task(name="labeling.advance_machines")
def advance_machines() -> int:
    """Let machines learn from new labels, choose what people are asked, and label what they may."""
    return services.advance_machines()
