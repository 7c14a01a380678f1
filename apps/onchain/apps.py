"""Django's registration of the app."""

from django.apps import AppConfig


class OnchainConfig(AppConfig):
    """Intents to change the chain, and what the chain said."""

    name = "apps.onchain"
    label = "onchain"
