"""What happened to accounts."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apps.core.outbox import Event


@dataclass(frozen=True)
class GuestMerged(Event):
    """A guest signed in as an existing user; what the guest owned belongs to the user now."""

    guest_organisation_id: UUID
    organisation_id: UUID
