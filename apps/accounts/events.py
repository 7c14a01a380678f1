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


@dataclass(frozen=True)
class WalletLinked(Event):
    """An organisation has proved by signature that an address (with its checksum) is its own, and it is in force."""

    organisation_id: UUID
    address: str


@dataclass(frozen=True)
class WalletNotice(Event):
    """Where an organisation is paid has changed, or is about to: its owners are told.

    `entry_id` is the line of the wallet's history.
    """

    organisation_id: UUID
    entry_id: UUID
