"""Primary keys: UUID version 7 (RFC 9562), ordered by time of creation, so that they page and index well."""

from __future__ import annotations

from uuid import UUID

from uuid_utils import compat


def uuid7() -> UUID:
    """A new time-ordered identifier."""
    return compat.uuid7()
