"""Scheduled work of the marketplace."""

from __future__ import annotations

from celery import shared_task

from apps.marketplace import services


@shared_task(name="marketplace.expire_licences", ignore_result=True)
def expire_licences() -> None:
    """Mark licences whose time is over."""
    services.expire_licences()
