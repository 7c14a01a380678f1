"""Proof of a contribution: what its contributor shows to anyone who trusts only the chain."""

from __future__ import annotations

from uuid import UUID

from apps.assets.contribution_tree import contribution_proofs, leaves, parentage
from apps.assets.errors import ContributionNotProvable
from apps.assets.models import Contribution
from apps.assets.selectors.catalogue import version
from apps.assets.selectors.verification import recorded_versions
from apps.assets.types import ContributionProof
from apps.core.tenant import all_tenants


def contribution_proof(version_id: UUID, organisation_id: UUID) -> ContributionProof:
    """The proof that an organisation contributed to a version, against the root that the registry keeps.

    Raises:
        VersionNotFound: there is no such version.
        ContributionNotProvable: the organisation is not among its contributors, or the version was released before
            contribution roots were registered.
    """
    info = version(version_id)
    recorded = {one.metadata_hash: one for one in recorded_versions(info.asset_id)}.get(info.metadata_hash)
    with all_tenants(reason="a contributor's own line in another organisation's version"):
        rows = list(
            Contribution.objects.filter(version_id=version_id).values_list("contributor_id", "address", "weight")
        )
    mine = {address for contributor_id, address, _ in rows if contributor_id == organisation_id}
    if not mine or "" in mine:
        raise ContributionNotProvable(version_id)
    [address] = mine
    contributions = [(found, weight) for _, found, weight in rows]
    root, proofs = contribution_proofs(contributions)
    weights = dict(leaves(contributions))
    return ContributionProof(
        asset_id=info.asset_id,
        version_id=version_id,
        version=recorded.chain_number if recorded else info.number,
        token_id=info.proof.token_id,
        content_root=info.content_root,
        metadata_hash=info.metadata_hash,
        parentage=parentage(recorded.parents, recorded.weights) if recorded else "",
        root=root,
        address=address,
        weight=weights[address.lower()],
        total_weight=sum(weights.values()),
        proof=proofs[address.lower()],
    )
