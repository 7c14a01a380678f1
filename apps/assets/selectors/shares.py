"""Revenue shares and contributors as a reader may see them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from uuid import UUID

from apps.assets.selectors.lineage import contributors, revenue_shares
from apps.assets.types import Contributor, Lineage, ShareLine, ShareRule
from apps.tenancy.selectors import organisation_names
from apps.tenancy.types import Actor


def share_lines(lineage: Lineage) -> list[ShareLine]:
    """The revenue split without naming contributors: each version's owner, its share holders and contributors together.

    Where the owner alone made a version, its two parts are one line.
    """
    totals: dict[tuple[UUID, str], Fraction] = defaultdict(Fraction)
    payees: dict[tuple[UUID, str], set[tuple[UUID, str]]] = defaultdict(set)
    shares = revenue_shares(lineage.root_id)
    nodes = {node.version_id: node for node in lineage.nodes}
    alone = made_by_owner_alone(
        [(share.version_id, share.rule, share.organisation_id, share.address) for share in shares]
    )
    owners: dict[UUID, tuple[UUID, str]] = {}
    for share in shares:
        key = (share.version_id, ShareRule.OWNER.value if share.version_id in alone else share.rule)
        totals[key] += share.weight
        payees[key].add((share.organisation_id, share.address))
        if share.rule == ShareRule.OWNER:
            owners[share.version_id] = (share.organisation_id, share.address)
    names = organisation_names({organisation_id for organisation_id, _ in owners.values()})
    lines = []
    for (version_id, rule), weight in totals.items():
        node = nodes[version_id]
        count = len(payees[version_id, rule])
        organisation_id, address = owners.get(version_id, (node.owner_id, ""))
        party = party_name(rule, count, short_wallet(address) or names.get(organisation_id, node.owner_name))
        lines.append(ShareLine(rule, version_id, node.asset_id, node.name, party, count, weight))
    return lines


def made_by_owner_alone(lines: Iterable[tuple[UUID, str, UUID, str]]) -> set[UUID]:
    """The versions that one organisation both owns and made; lines are (version, rule, payee, unlinked wallet)."""
    owners: dict[UUID, set[tuple[UUID, str]]] = defaultdict(set)
    makers: dict[UUID, set[tuple[UUID, str]]] = defaultdict(set)
    for version_id, rule, payee_id, address in lines:
        if rule == ShareRule.CONTRIBUTOR:
            makers[version_id].add((payee_id, address))
        elif rule == ShareRule.OWNER:
            owners[version_id].add((payee_id, address))
    return {version_id for version_id, made in makers.items() if made == owners[version_id]}


def party_name(rule: str, payees: int, owner: str) -> str:
    """Who takes a line of a split, in words."""
    plural = "s" if payees != 1 else ""
    if rule == ShareRule.CONTRIBUTOR:
        return f"{payees} contributor{plural}"
    return f"{payees} share holder{plural}" if rule == ShareRule.SHAREHOLDER else owner


def short_wallet(address: str) -> str:
    """An unlinked wallet in words, or "" without one."""
    return f"The wallet {address[:6]}…{address[-4:]}" if address else ""


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
