"""Revenue shares and contributors as a reader may see them."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from uuid import UUID

from apps.assets.selectors.lineage import contributors, revenue_shares
from apps.assets.types import Contributor, Lineage, ShareLine, ShareRule
from apps.tenancy.types import Actor


def share_lines(lineage: Lineage) -> list[ShareLine]:
    """The revenue split without naming contributors: each version's owner, and its contributors together.

    Where the owner alone made a version, its two parts are one line.
    """
    totals: dict[tuple[UUID, str], Fraction] = defaultdict(Fraction)
    payees: dict[tuple[UUID, str], set[UUID]] = defaultdict(set)
    shares = revenue_shares(lineage.root_id)
    nodes = {node.version_id: node for node in lineage.nodes}
    made_by: dict[UUID, set[UUID]] = defaultdict(set)
    for share in shares:
        if share.rule == ShareRule.CONTRIBUTOR:
            made_by[share.version_id].add(share.organisation_id)
    for share in shares:
        alone = made_by[share.version_id] == {nodes[share.version_id].owner_id}
        key = (share.version_id, ShareRule.OWNER.value if alone else share.rule)
        totals[key] += share.weight
        payees[key].add(share.organisation_id)
    lines = []
    for (version_id, rule), weight in totals.items():
        node = nodes[version_id]
        count = len(payees[version_id, rule])
        party = node.owner_name if rule == ShareRule.OWNER else f"{count} contributor{'s' if count != 1 else ''}"
        lines.append(ShareLine(rule, version_id, node.asset_id, node.name, party, count, weight))
    return lines


def visible_contributors(actor: Actor | None, lineage: Lineage) -> list[Contributor]:
    """The contributors in a lineage that the actor may see by name.

    Those of the actor's own assets, the actor's own contributions anywhere, and all of them for staff.
    """
    if actor is None:
        return []
    owners = {node.version_id: node.owner_id for node in lineage.nodes}
    return [
        contributor
        for contributor in contributors(lineage.root_id, include_ancestors=True)
        if actor.is_staff or actor.organisation_id in (owners[contributor.version_id], contributor.organisation_id)
    ]
