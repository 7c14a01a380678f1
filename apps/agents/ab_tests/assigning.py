"""Who gets which version.

Each version draws a time from the hash of test, version and visitor, exponential with its share as the rate; the
earliest wins. So a version gets its share of visitors, a visitor gets the same version each time, and where shares are
changed only as many visitors move as must.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from uuid import UUID

_STEPS = 2**64


def subject_of(test_id: UUID, visitor: str) -> str:
    """What a test knows of a visitor: the same one is seen again, and nobody can be named by it."""
    return hashlib.blake2b(f"{test_id}/{visitor}".encode(), digest_size=16).hexdigest()


def version_for(test_id: UUID, visitor: str, shares: Mapping[UUID, int]) -> UUID:
    """The version of a visitor; `shares` are per cent by version, and one of 0 gets nobody."""

    def drawn(version_id: UUID) -> float:
        key = f"{test_id}/{version_id}/{visitor}".encode()
        number = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest())
        return -math.log((number + 0.5) / _STEPS) / shares[version_id]

    return min((version_id for version_id, share in shares.items() if share > 0), key=drawn)
