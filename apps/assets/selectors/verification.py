"""Recompute what can be recomputed of a version and compare it with what was recorded."""

from __future__ import annotations

from uuid import UUID

from apps.assets.content import recompute_content_root
from apps.assets.models import AssetVersion
from apps.assets.records import ZERO_ROOT, record_hash, version_record
from apps.assets.selectors.catalogue import version
from apps.assets.selectors.lineage import contributions_of, parents_of
from apps.assets.types import AssetVersionInfo, Check, RecordedVersion, Verification
from apps.core.tenant import all_tenants


def verify_version(version_id: UUID) -> Verification:
    """Recompute a version's hashes and compare them with its record here and on chain. Raises VersionNotFound.

    The content root is recomputed from stored content where the kind's app keeps it; the chain's side is what the
    registry's event said at confirmation depth, and is left out until there is one.
    """
    info = version(version_id)
    record = version_record(
        asset_id=info.asset_id,
        kind=info.kind,
        number=info.number,
        content_root=info.content_root,
        contributor_bps=info.contributor_bps,
        parents=parents_of(version_id),
        contributions=contributions_of(version_id),
        metadata=info.metadata,
    )
    checks = [_check("metadata_hash", info.metadata_hash, record_hash(record))]
    content_root = recompute_content_root(info.kind, version_id)
    if content_root is not None:
        checks.append(_check("content_root", info.content_root, content_root))
    return Verification(version_id, (*checks, *_chain_checks(info)))


def recorded_versions(asset_id: UUID) -> list[RecordedVersion]:
    """The versions of an asset that the registry has confirmed, with our own facts of them."""
    with all_tenants(reason="the chain's record of a version is public"):
        rows = list(AssetVersion.objects.filter(asset_id=asset_id).exclude(chain_record={}).order_by("number"))
    return [
        RecordedVersion(
            chain_number=row.chain_record["version"],
            content_root=row.content_root,
            metadata_hash=row.metadata_hash,
            contribution_root=row.contribution_root or ZERO_ROOT,
            parents=tuple(int(parent) for parent in row.chain_record.get("parents", ())),
            weights=tuple(int(weight) for weight in row.chain_record.get("weights", ())),
        )
        for row in rows
    ]


def _chain_checks(info: AssetVersionInfo) -> list[Check]:
    with all_tenants(reason="the chain's record of a version is public"):
        row = AssetVersion.objects.get(id=info.id)
    record = row.chain_record
    ours = {
        "content_root": info.content_root,
        "metadata_hash": info.metadata_hash,
        "contribution_root": row.contribution_root or ZERO_ROOT,
    }
    return [_check(f"chain.{name}", record[name], value) for name, value in ours.items() if name in record]


def _check(name: str, expected: str, found: str) -> Check:
    return Check(name, expected, found, expected.lower() == found.lower())
