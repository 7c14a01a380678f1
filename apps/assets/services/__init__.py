"""Writes of the asset registry."""

from apps.assets.services.access import grant_access, revoke_access
from apps.assets.services.catalogue import register_asset, set_visibility
from apps.assets.services.registration import (
    confirm_registration,
    fail_registration,
    record_chain_event,
    retry_registration,
)
from apps.assets.services.releases import release_version

__all__ = [
    "confirm_registration",
    "fail_registration",
    "grant_access",
    "record_chain_event",
    "register_asset",
    "release_version",
    "retry_registration",
    "revoke_access",
    "set_visibility",
]
