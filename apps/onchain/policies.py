"""Who may see the state of the bridge in full."""

from __future__ import annotations

from apps.onchain.errors import StaffPageNotFound
from apps.tenancy.types import PLATFORM_ID, Actor


def require_staff(actor: Actor | None) -> None:
    """Raise StaffPageNotFound unless the actor works for the platform: others do not learn that there is a page."""
    if actor is None or not (actor.is_staff or actor.organisation_id == PLATFORM_ID):
        raise StaffPageNotFound
