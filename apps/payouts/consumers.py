"""Who may follow which live topic of payouts."""

from __future__ import annotations

from uuid import UUID

from apps.core.live import topic
from apps.tenancy.types import Actor


@topic("earnings")
def follow_earnings(actor: Actor, organisation_id: UUID) -> bool:
    """Members follow their own organisation's earnings."""
    return actor.organisation_id == organisation_id
