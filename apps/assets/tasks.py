"""Scheduled work of the asset registry."""

from __future__ import annotations

from celery import shared_task

from apps.assets import services


@shared_task(name="assets.settle_linked_wallets", ignore_result=True)
def settle_linked_wallets() -> None:
    """Give organisations what came to their wallets' addresses while they linked them."""
    services.settle_linked_wallets()
