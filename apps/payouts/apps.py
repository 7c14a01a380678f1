"""Django's registration of the app."""

from django.apps import AppConfig


class PayoutsConfig(AppConfig):
    """Earnings on their way to wallets."""

    name = "apps.payouts"
    label = "payouts"
