"""Thin Celery shells of accounts."""

from __future__ import annotations

from celery import shared_task

from apps.accounts import services


@shared_task(name="accounts.activate_due_wallets", ignore_result=True)
def activate_due_wallets() -> None:
    """Put changes of wallets into force whose wait is over."""
    services.activate_due_wallets()
