"""The record that a version's metadata hash commits to: canonical JSON, the same bytes whoever recomputes it."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from apps.assets.types import AssetKind, ContributionSpec, ParentRef

ZERO_ROOT = "0x" + 64 * "0"
_BYTES32 = re.compile(r"0x[0-9a-f]{64}")


class NotCanonicalError(ValueError):
    """A value has no single JSON form; the message says where and why."""


def is_bytes32(value: str) -> bool:
    """Whether a string is 0x and 32 bytes in lower-case hexadecimal."""
    return _BYTES32.fullmatch(value) is not None


def normalise(value: Any, path: str = "metadata") -> Any:
    """The value as it will come back from the database, so that its hash can be recomputed.

    Whole floats become integers (JSON does not tell 1.0 from 1); keys must be strings and numbers finite.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise NotCanonicalError(f"{path} holds a character that cannot be stored")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise NotCanonicalError(f"{path} is {value}, which JSON cannot hold")
        return int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        if any(not isinstance(key, str) for key in value):
            raise NotCanonicalError(f"{path} has a key that is not text")
        return {normalise(key, path): normalise(inner, f"{path}.{key}") for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [normalise(inner, f"{path}[{index}]") for index, inner in enumerate(value)]
    raise NotCanonicalError(f"{path} is a {type(value).__name__}, which is not JSON")


def canonical_json(value: Any) -> bytes:
    """One byte string for one value: sorted keys, no spaces, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def sha256_hex(content: bytes) -> str:
    """SHA-256 as 0x and 64 hexadecimal digits."""
    return "0x" + hashlib.sha256(content).hexdigest()


def contributions_hash(contributions: Sequence[ContributionSpec]) -> str:
    """Commits to who contributed with which weight, without naming them in the public record."""
    rows = sorted([str(c.organisation_id), c.role, c.weight] for c in contributions)
    return sha256_hex(canonical_json(rows))


def version_record(
    *,
    asset_id: UUID,
    kind: AssetKind,
    number: int,
    content_root: str,
    contributor_bps: int,
    parents: Sequence[ParentRef],
    contributions: Sequence[ContributionSpec],
    metadata: Mapping[str, Any],
) -> dict[str, Any]:
    """The public record of a version; its hash goes on chain."""
    return {
        "asset": str(asset_id),
        "kind": kind.value,
        "version": number,
        "content_root": content_root,
        "contributor_bps": contributor_bps,
        "contributions": contributions_hash(contributions),
        "parents": [
            {"version": str(parent.version_id), "weight_bps": parent.weight_bps}
            for parent in sorted(parents, key=lambda parent: parent.version_id)
        ],
        "metadata": dict(metadata),
    }


def record_hash(record: Mapping[str, Any]) -> str:
    """The metadata hash of a version."""
    return sha256_hex(canonical_json(record))
