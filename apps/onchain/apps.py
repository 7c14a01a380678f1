"""Django's registration of the app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class OnchainConfig(AppConfig):
    """Intents to change the chain, and what the chain said."""

    name = "apps.onchain"
    label = "onchain"

    def ready(self) -> None:
        """Load every app's comparisons with the chain."""
        autodiscover_modules("comparisons")
