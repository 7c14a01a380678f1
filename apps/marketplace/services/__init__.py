"""Writes of the marketplace."""

from apps.marketplace.services.licences import expire_licences
from apps.marketplace.services.listings import list_asset, unlist
from apps.marketplace.services.purchases import buy_licence

__all__ = ["buy_licence", "expire_licences", "list_asset", "unlist"]
