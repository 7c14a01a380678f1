"""Releasing a version: what it contains, what it was built on, who made it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.assets.chain_addresses import addresses_of
from apps.assets.contribution_tree import contribution_root
from apps.assets.errors import DevelopRightMissing, InvalidRelease, RoyaltyTooLow
from apps.assets.events import AssetVersionReleased
from apps.assets.locks import lock_asset
from apps.assets.models import Asset, AssetVersion, Contribution, ProvenanceEdge
from apps.assets.policies import AssetsPermission, require
from apps.assets.records import ZERO_ROOT, NotCanonicalError, is_bytes32, normalise, record_hash, version_record
from apps.assets.selectors.access import has_right, royalty_floor
from apps.assets.selectors.catalogue import version_info
from apps.assets.services.registration import request_registration
from apps.assets.types import (
    BPS,
    DEFAULT_CONTRIBUTOR_BPS,
    AccessRight,
    AssetKind,
    AssetVersionInfo,
    ContributionSpec,
    ParentRef,
)
from apps.core.errors import FieldProblem
from apps.core.outbox import publish
from apps.core.tenant import all_tenants
from apps.tenancy.selectors import organisation_names
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

MAX_PARENTS = 32  # as the registry contract
MAX_WEIGHT = 2**53


@transaction.atomic
def release_version(
    *,
    actor: Actor,
    asset_id: UUID,
    content_root: str,
    metadata: Mapping[str, Any],
    parents: Sequence[ParentRef] = (),
    contributions: Sequence[ContributionSpec] = (),
    contributor_bps: int = DEFAULT_CONTRIBUTOR_BPS,
) -> AssetVersionInfo:
    """Release the next version of an asset and ask for its registration on chain.

    Args:
        content_root: commitment to the content, 0x and 64 lower-case hexadecimal digits.
        metadata: public facts (card, figures); plain JSON, hashed into the public record.
        parents: versions that this one was built on; each takes `weight_bps` of its revenue. Those of other
            organisations need their `develop` right, at no less than the royalty agreed with it.
        contributions: who made it; `contributor_bps` of what the parents leave is theirs by weight.

    Raises:
        AssetNotFound: the asset is not the organisation's.
        InvalidRelease: weights, hashes or metadata are not acceptable, or a parent does not exist.
        DevelopRightMissing, RoyaltyTooLow: a parent's owner has not agreed to this.
    """
    row = lock_asset(asset_id)
    require(actor, AssetsPermission.RELEASE, row)
    merged = _merge(contributions)
    clean_metadata = _check_release(content_root, metadata, parents, merged, contributor_bps)
    parent_rows = _check_parents(actor, parents)
    number = AssetVersion.objects.filter(asset=row).count() + 1
    record = version_record(
        asset_id=row.id,
        kind=AssetKind(row.kind),
        number=number,
        content_root=content_root,
        contributor_bps=contributor_bps,
        parents=parents,
        contributions=merged,
        metadata=clean_metadata,
    )
    addresses = addresses_of({contribution.organisation_id for contribution in merged})
    version = AssetVersion.objects.create(
        tenant_id=row.tenant_id,
        asset=row,
        number=number,
        content_root=content_root,
        metadata=clean_metadata,
        metadata_hash=record_hash(record),
        contributor_bps=contributor_bps,
        contribution_root=_contribution_root(merged, addresses),
    )
    _store_graph(version, parents, merged, addresses)
    request_registration(version, [(parent_rows[parent.version_id], parent.weight_bps) for parent in parents])
    publish(AssetVersionReleased(row.id, version.id, row.kind, number))
    record_audit(
        actor,
        action="asset.version_released",
        target_type="asset",
        target_id=row.id,
        detail={"version": number, "metadata_hash": version.metadata_hash},
    )
    return version_info(version)


def _contribution_root(contributions: Sequence[ContributionSpec], addresses: Mapping[UUID, str]) -> str:
    """The root over the contributors' addresses; none where somebody has no address yet."""
    if not all(addresses.values()):
        return ""
    return contribution_root((addresses[one.organisation_id], one.weight) for one in contributions)


def _merge(contributions: Sequence[ContributionSpec]) -> list[ContributionSpec]:
    """One contribution for each organisation and role, in a fixed order."""
    weights: Counter[tuple[UUID, str]] = Counter()
    for contribution in contributions:
        if contribution.weight <= 0:
            raise InvalidRelease([{"field": "contributions", "message": "Each weight is above 0."}])
        weights[contribution.organisation_id, contribution.role] += contribution.weight
    return [ContributionSpec(organisation_id, role, w) for (organisation_id, role), w in sorted(weights.items())]


def _check_release(
    content_root: str,
    metadata: Mapping[str, Any],
    parents: Sequence[ParentRef],
    contributions: Sequence[ContributionSpec],
    contributor_bps: int,
) -> dict[str, Any]:
    """Refuse what the rules forbid, naming every field at once; the metadata as it will be stored."""
    problems: list[FieldProblem] = []
    clean: dict[str, Any] = {}
    if not is_bytes32(content_root) or content_root == ZERO_ROOT:
        problems.append({"field": "content_root", "message": "0x and 64 lower-case hexadecimal digits, not all 0."})
    if not 0 <= contributor_bps <= BPS:
        problems.append({"field": "contributor_bps", "message": "Between 0 and 10,000 basis points."})
    problems += _parent_problems(parents)
    problems += _contribution_problems(contributions)
    try:
        clean = normalise(metadata)
    except NotCanonicalError as error:
        problems.append({"field": "metadata", "message": f"{error}."})
    if problems:
        raise InvalidRelease(problems)
    return clean


def _parent_problems(parents: Sequence[ParentRef]) -> list[FieldProblem]:
    messages = []
    if len(parents) > MAX_PARENTS:
        messages.append(f"At most {MAX_PARENTS} parents.")
    if len({parent.version_id for parent in parents}) != len(parents):
        messages.append("Each parent is named once.")
    if any(parent.weight_bps <= 0 for parent in parents):
        messages.append("Each parent's weight is above 0.")
    if sum(parent.weight_bps for parent in parents) >= BPS:
        messages.append("The parents' weights together stay below 10,000 basis points.")
    return [{"field": "parents", "message": message} for message in messages]


def _contribution_problems(contributions: Sequence[ContributionSpec]) -> list[FieldProblem]:
    messages = []
    if any(contribution.weight > MAX_WEIGHT for contribution in contributions):
        messages.append(f"Each weight is at most {MAX_WEIGHT}.")
    wanted = {contribution.organisation_id for contribution in contributions}
    unknown = wanted - set(organisation_names(wanted))
    messages += [f"There is no organisation {organisation_id}." for organisation_id in sorted(unknown)]
    return [{"field": "contributions", "message": message} for message in messages]


def _check_parents(actor: Actor, parents: Sequence[ParentRef]) -> dict[UUID, AssetVersion]:
    """The parents' rows, after checking that the organisation may build on each of them.

    A parent is an existing, immutable version and edges are only written with a new child, so no cycle can arise.
    """
    ids = [parent.version_id for parent in parents]
    with all_tenants(reason="a version may be built on another organisation's"):
        rows = {row.id: row for row in AssetVersion.objects.select_related("asset").filter(id__in=ids)}
    for parent in parents:
        row = rows.get(parent.version_id)
        if row is None:
            raise InvalidRelease([{"field": "parents", "message": f"There is no version {parent.version_id}."}])
        _check_right(actor.organisation_id, row.asset, parent.weight_bps)
    return rows


def _check_right(organisation_id: UUID, asset: Asset, weight_bps: int) -> None:
    if not has_right(organisation_id, asset.id, AccessRight.DEVELOP):
        raise DevelopRightMissing(asset.id, asset.name)
    royalty_bps = royalty_floor(organisation_id, asset.id)
    if weight_bps < royalty_bps:
        raise RoyaltyTooLow(asset.name, weight_bps, royalty_bps)


def _store_graph(
    version: AssetVersion,
    parents: Sequence[ParentRef],
    contributions: Sequence[ContributionSpec],
    addresses: Mapping[UUID, str],
) -> None:
    ProvenanceEdge.objects.bulk_create(
        ProvenanceEdge(
            tenant_id=version.tenant_id, child=version, parent_id=parent.version_id, weight_bps=parent.weight_bps
        )
        for parent in parents
    )
    Contribution.objects.bulk_create(
        Contribution(
            tenant_id=version.tenant_id,
            version=version,
            contributor_id=contribution.organisation_id,
            role=contribution.role,
            weight=contribution.weight,
            address=addresses[contribution.organisation_id],
        )
        for contribution in contributions
    )
