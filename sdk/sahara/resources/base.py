"""What all subjects share."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sahara.transport import Transport

Id = UUID | str


@dataclass(frozen=True)
class Resource:
    """A subject of the API."""

    transport: Transport
