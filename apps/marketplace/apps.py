"""Django configuration of the marketplace."""

from importlib import import_module

from django.apps import AppConfig


class MarketplaceConfig(AppConfig):
    """Listings, licences and sales."""

    name = "apps.marketplace"
    label = "marketplace"
    verbose_name = "Marketplace"

    def ready(self) -> None:
        """Show offers on the pages of assets."""
        import_module("apps.marketplace.offers")
