"""Who is paid when a version earns: exact fractions along the provenance graph.

Of what a version earns, each parent takes its weight in basis points and divides it by the same rule. Of the rest,
`contributor_bps` goes to the version's contributors by weight and what remains to its owner; without contributors
the owner takes the whole rest. Where an asset's token or its shares are held by others than the organisation that made
it, they take the owner's part: the token's holder all of it, holders of shares by their units.

The graph is walked once in topological order and each version's inflow is summed before it is divided, so a lattice
with exponentially many routes costs no more than its edges, and depth is not bounded by the interpreter's stack.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import heapify, heappop, heappush
from math import lcm
from uuid import UUID

from apps.assets.errors import ProvenanceCycle
from apps.assets.types import BPS, ContributionSpec, HolderPart, ParentRef, RevenueShare, ShareRule
from apps.tenancy.types import PLATFORM_ID


@dataclass(frozen=True)
class VersionTerms:
    """What attribution needs to know of one version.

    `holders` take the owner's part by units, for the reason `holder_rule`; without any it is `owner_id`'s.
    """

    version_id: UUID
    owner_id: UUID
    contributor_bps: int
    parents: tuple[ParentRef, ...] = ()
    contributions: tuple[ContributionSpec, ...] = ()
    holders: tuple[HolderPart, ...] = ()
    holder_rule: ShareRule = ShareRule.OWNER


@dataclass
class _Inflow:
    """Revenue that reaches a version, and the heaviest route by which it does."""

    weight: Fraction = Fraction(0)
    routes: int = 0
    heaviest: Fraction = Fraction(0)
    via: UUID | None = None

    def add(self, via: UUID | None, weight: Fraction, routes: int) -> None:
        self.weight += weight
        self.routes += routes
        if weight > self.heaviest or (weight == self.heaviest and via is not None and (not self.via or via < self.via)):
            self.heaviest, self.via = weight, via


def topological_order(root_id: UUID, parents: Mapping[UUID, Iterable[UUID]]) -> list[UUID]:
    """Versions reachable from `root_id`, each before its parents; ties by id, so the order is one and the same.

    Raises ProvenanceCycle where a version is its own ancestor.
    """
    waiting: dict[UUID, int] = {root_id: 0}
    stack = [root_id]
    while stack:
        for parent in parents[stack.pop()]:
            if parent not in waiting:
                waiting[parent] = 0
                stack.append(parent)
            waiting[parent] += 1
    ready = [version_id for version_id, children in waiting.items() if children == 0]
    heapify(ready)
    order: list[UUID] = []
    while ready:
        version_id = heappop(ready)
        order.append(version_id)
        for parent in parents[version_id]:
            waiting[parent] -= 1
            if waiting[parent] == 0:
                heappush(ready, parent)
    if len(order) != len(waiting):
        raise ProvenanceCycle(root_id)
    return order


def attribute(root_id: UUID, graph: Mapping[UUID, VersionTerms]) -> list[RevenueShare]:
    """Divide one unit of `root_id`'s revenue; the weights of the answer are positive and sum to exactly 1.

    `graph` holds the version and all its ancestors. The order of the answer depends only on the graph.
    """
    edges = {version_id: [parent.version_id for parent in terms.parents] for version_id, terms in graph.items()}
    order = topological_order(root_id, edges)
    inflows = {version_id: _Inflow() for version_id in order}
    inflows[root_id].add(None, Fraction(1), 1)
    shares: list[RevenueShare] = []
    for version_id in order:
        terms, inflow = graph[version_id], inflows[version_id]
        kept = inflow.weight
        for parent in terms.parents:
            passed = inflow.weight * Fraction(parent.weight_bps, BPS)
            inflows[parent.version_id].add(version_id, passed, inflow.routes)
            kept -= passed
        shares += _divide(terms, kept, _path(version_id, inflows), inflow.routes)
    return shares


def integer_weights(shares: Sequence[RevenueShare]) -> list[int]:
    """The shares' weights on one common denominator, as `Money.split` wants them."""
    denominator = lcm(*(share.weight.denominator for share in shares))
    return [share.weight.numerator * (denominator // share.weight.denominator) for share in shares]


def _divide(terms: VersionTerms, kept: Fraction, path: tuple[UUID, ...], routes: int) -> list[RevenueShare]:
    """Divide what a version keeps for itself among its contributors and its owner."""
    total = sum(contribution.weight for contribution in terms.contributions)
    pool = kept * Fraction(terms.contributor_bps, BPS) if total else Fraction(0)
    shares = [
        RevenueShare(c.organisation_id, pool * Fraction(c.weight, total), ShareRule.CONTRIBUTOR, path, c.role, routes)
        for c in sorted(terms.contributions, key=lambda c: (c.organisation_id, c.role))
    ]
    shares += [
        RevenueShare(organisation_id, part, terms.holder_rule, path, "", routes, address)
        for organisation_id, address, part in _owner_parts(terms, kept - pool)
    ]
    return [share for share in shares if share.weight > 0]


def _owner_parts(terms: VersionTerms, amount: Fraction) -> list[tuple[UUID, str, Fraction]]:
    """The owner's part by payee: (organisation, "", part), or (the platform, address, part) for an unknown wallet.

    Several addresses of one organisation are one payee.
    """
    if not terms.holders:
        return [(terms.owner_id, "", amount)]
    units: dict[tuple[UUID, str], int] = defaultdict(int)
    for holder in terms.holders:
        payee = (PLATFORM_ID, holder.address) if holder.organisation_id is None else (holder.organisation_id, "")
        units[payee] += holder.units
    total = sum(units.values())
    return [(*payee, amount * Fraction(held, total)) for payee, held in sorted(units.items())]


def _path(version_id: UUID, inflows: Mapping[UUID, _Inflow]) -> tuple[UUID, ...]:
    """The heaviest route from the sold version to this one."""
    path = [version_id]
    while (via := inflows[path[-1]].via) is not None:
        path.append(via)
    return tuple(reversed(path))
