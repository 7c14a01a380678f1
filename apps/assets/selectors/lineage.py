"""What a version was built on, who made it, and who is paid when it earns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count

from apps.assets.attribution import VersionTerms, attribute, topological_order
from apps.assets.errors import VersionNotFound
from apps.assets.models import AssetVersion, Contribution, ProvenanceEdge
from apps.assets.selectors.access import has_right, royalty_floor
from apps.assets.selectors.ownership import owner_parts
from apps.assets.types import (
    BPS,
    AccessRight,
    AssetKind,
    ChainProof,
    ChainState,
    ContributionSpec,
    Contributor,
    Lineage,
    LineageEdge,
    LineageNode,
    ParentRef,
    RevenueShare,
    ShareRule,
    Visibility,
)
from apps.core.tenant import all_tenants
from apps.tenancy import selectors as tenancy

# UNION (not UNION ALL) keeps each edge once, so shared ancestors do not multiply.
_ANCESTRY = """
    WITH RECURSIVE ancestry(child_id, parent_id, weight_bps) AS (
        SELECT child_id, parent_id, weight_bps FROM assets_provenanceedge WHERE child_id = %s
        UNION
        SELECT edge.child_id, edge.parent_id, edge.weight_bps
        FROM assets_provenanceedge edge JOIN ancestry ON edge.child_id = ancestry.parent_id
    )
    SELECT child_id, parent_id, weight_bps FROM ancestry ORDER BY child_id, parent_id
"""

_PUBLIC_DESCENDANT = """
    WITH RECURSIVE offspring(id) AS (
        SELECT id FROM assets_assetversion WHERE asset_id = %s
        UNION
        SELECT edge.child_id FROM assets_provenanceedge edge JOIN offspring ON edge.parent_id = offspring.id
    )
    SELECT EXISTS (
        SELECT 1 FROM offspring
        JOIN assets_assetversion version ON version.id = offspring.id
        JOIN assets_asset asset ON asset.id = version.asset_id
        WHERE asset.visibility = %s
    )
"""


def lineage(version_id: UUID) -> Lineage:
    """A version and all that it was built on, across organisations: public facts only. Raises VersionNotFound."""
    edges = _ancestry(version_id)
    parents: dict[UUID, list[UUID]] = defaultdict(list)
    for edge in edges:
        parents[edge.child_id].append(edge.parent_id)
    order = topological_order(version_id, parents)
    nodes = _nodes(order)
    if version_id not in nodes:
        raise VersionNotFound(version_id)
    return Lineage(version_id, tuple(nodes[key] for key in order), tuple(edges))


def revenue_shares(version_id: UUID) -> list[RevenueShare]:
    """Who is paid which exact part of what the version earns, and why; the parts sum to 1. Raises VersionNotFound."""
    edges = _ancestry(version_id)
    ids = {version_id, *(edge.parent_id for edge in edges)}
    parents: dict[UUID, list[ParentRef]] = defaultdict(list)
    for edge in edges:
        parents[edge.child_id].append(ParentRef(edge.parent_id, edge.weight_bps))
    made_by = _contributions(ids)
    with all_tenants(reason="attribution follows provenance across organisations"):
        rows = list(
            AssetVersion.objects.filter(id__in=ids).values_list("id", "asset_id", "asset__tenant_id", "contributor_bps")
        )
    held = owner_parts({asset_id for _, asset_id, _, _ in rows})
    graph = {}
    for id_, asset_id, owner_id, bps in rows:
        holders, rule = held.get(asset_id, ((), ShareRule.OWNER))
        graph[id_] = VersionTerms(id_, owner_id, bps, tuple(parents[id_]), tuple(made_by[id_]), tuple(holders), rule)
    if version_id not in graph:
        raise VersionNotFound(version_id)
    return attribute(version_id, graph)


def contributors(version_id: UUID, *, include_ancestors: bool = False) -> list[Contributor]:
    """Who made a version (and, if asked, all that it was built on); for owners, staff and contributors to see."""
    ids = {version_id}
    if include_ancestors:
        ids |= {edge.parent_id for edge in _ancestry(version_id)}
    found = [(id_, spec) for id_, specs in _contributions(ids).items() for spec in specs]
    names = tenancy.organisation_names({spec.organisation_id for _, spec in found})
    made = [
        Contributor(spec.organisation_id, names.get(spec.organisation_id, ""), spec.role, spec.weight, id_)
        for id_, spec in found
    ]
    return sorted(made, key=lambda c: (c.version_id != version_id, c.version_id, -c.weight, c.organisation_id))


def in_public_lineage(asset_id: UUID) -> bool:
    """Whether a public asset was built on this one, directly or not."""
    with (
        all_tenants(reason="provenance of public assets is public"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(_PUBLIC_DESCENDANT, [asset_id, Visibility.PUBLIC])
        [found] = cursor.fetchone()
        return bool(found)


def _ancestry(version_id: UUID) -> list[LineageEdge]:
    with (
        all_tenants(reason="provenance crosses organisations"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(_ANCESTRY, [version_id])
        return [LineageEdge(child, parent, weight) for child, parent, weight in cursor.fetchall()]


def _contributions(version_ids: Iterable[UUID]) -> dict[UUID, list[ContributionSpec]]:
    made_by: dict[UUID, list[ContributionSpec]] = defaultdict(list)
    with all_tenants(reason="attribution follows provenance across organisations"):
        rows = Contribution.objects.filter(version_id__in=version_ids).order_by("contributor_id", "role")
        for version_id, contributor_id, role, weight in rows.values_list(
            "version_id", "contributor_id", "role", "weight"
        ):
            made_by[version_id].append(ContributionSpec(contributor_id, role, weight))
    return made_by


def _nodes(version_ids: list[UUID]) -> dict[UUID, LineageNode]:
    with all_tenants(reason="provenance crosses organisations"):
        rows = list(
            AssetVersion.objects.filter(id__in=version_ids)
            .select_related("asset")
            .annotate(contributor_count=Count("contributions__contributor", distinct=True))
        )
    names = tenancy.organisation_names({row.asset.tenant_id for row in rows})
    return {
        row.id: LineageNode(
            version_id=row.id,
            asset_id=row.asset_id,
            kind=AssetKind(row.asset.kind),
            name=row.asset.name,
            number=row.number,
            owner_id=row.asset.tenant_id,
            owner_name=names.get(row.asset.tenant_id, ""),
            content_root=row.content_root,
            metadata_hash=row.metadata_hash,
            contributors=row.contributor_count,
            proof=ChainProof(
                ChainState(row.chain_state), int(row.asset.token_id), row.tx_hash, row.block_number, row.chain_failure
            ),
        )
        for row in rows
    }


def parents_of(version_id: UUID) -> list[ParentRef]:
    """The versions that a version names as its parents."""
    with all_tenants(reason="provenance crosses organisations"):
        rows = ProvenanceEdge.objects.filter(child_id=version_id).order_by("parent_id")
        return [ParentRef(parent_id, weight) for parent_id, weight in rows.values_list("parent_id", "weight_bps")]


def allowed_parents(organisation_id: UUID, parents: Iterable[ParentRef]) -> list[ParentRef]:
    """Of these parents those that the organisation may build on now, each at no less than the royalty agreed for it.

    Together they stay below the whole revenue: where they would not, the lightest are left out.
    """
    found: list[ParentRef] = []
    parents = list(parents)
    with all_tenants(reason="a version may be built on another organisation's"):
        rows = AssetVersion.objects.filter(id__in=[one.version_id for one in parents])
        assets = dict(rows.values_list("id", "asset_id"))
    for parent in sorted(parents, key=lambda one: (-one.weight_bps, one.version_id)):
        asset_id = assets[parent.version_id]
        if not has_right(organisation_id, asset_id, AccessRight.DEVELOP):
            continue
        weight = max(parent.weight_bps, royalty_floor(organisation_id, asset_id))
        if sum(one.weight_bps for one in found) + weight < BPS:
            found.append(ParentRef(parent.version_id, weight))
    return found


def contributions_of(version_id: UUID) -> list[ContributionSpec]:
    """The contributions that a version names."""
    return _contributions({version_id})[version_id]
