"""Who may follow which live topic of the marketplace."""

from __future__ import annotations

from uuid import UUID

from apps.core.live import topic
from apps.tenancy.types import Actor


@topic("licences")
def follow_licences(actor: Actor, organisation_id: UUID) -> bool:
    """Members follow their own organisation's licences."""
    return actor.organisation_id == organisation_id
