"""Revenue shares: exact, complete, deterministic, and cheap on any shape of provenance graph."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from time import process_time
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.assets.attribution import VersionTerms, attribute, integer_weights, topological_order
from apps.assets.errors import ProvenanceCycle
from apps.assets.types import ContributionSpec, HolderPart, ParentRef, ShareRule
from apps.core.money import split_integer
from apps.tenancy.types import PLATFORM_ID


def uid(number: int) -> UUID:
    return UUID(int=number + 1)


@st.composite
def graphs(draw: st.DrawFn) -> dict[UUID, VersionTerms]:
    """Acyclic graphs of up to 12 versions, the first being the root; version i may build on any later one."""
    size = draw(st.integers(1, 12))
    graph = {}
    for index in range(size):
        later = list(range(index + 1, size))
        chosen = draw(st.lists(st.sampled_from(later), unique=True, max_size=4)) if later else []
        parents, left = [], 9_999
        for parent in chosen:
            if left == 0:
                break
            weight = draw(st.integers(1, left))
            left -= weight
            parents.append(ParentRef(uid(parent), weight))
        contributors = draw(st.lists(st.integers(100, 110), unique=True, max_size=4))
        graph[uid(index)] = VersionTerms(
            version_id=uid(index),
            owner_id=uid(50 + index),
            contributor_bps=draw(st.integers(0, 10_000)),
            parents=tuple(parents),
            contributions=tuple(
                ContributionSpec(uid(c), "annotator", draw(st.integers(1, 10**9))) for c in contributors
            ),
        )
    return graph


def by_every_route(root: UUID, graph: dict[UUID, VersionTerms]) -> dict[tuple[UUID, UUID, str], Fraction]:
    """The rule as it is told in words, route by route: slow, and obviously right."""
    paid: dict[tuple[UUID, UUID, str], Fraction] = defaultdict(Fraction)

    def earn(version: UUID, amount: Fraction) -> None:
        terms = graph[version]
        rest = amount
        for parent in terms.parents:
            royalty = amount * parent.weight_bps / 10_000
            rest -= royalty
            earn(parent.version_id, royalty)
        total = sum(c.weight for c in terms.contributions)
        pool = rest * terms.contributor_bps / 10_000 if total else Fraction(0)
        for c in terms.contributions:
            paid[c.organisation_id, version, ShareRule.CONTRIBUTOR] += pool * c.weight / total
        paid[terms.owner_id, version, ShareRule.OWNER] += rest - pool

    earn(root, Fraction(1))
    return {key: weight for key, weight in paid.items() if weight}


@given(graphs())
@settings(max_examples=150, deadline=None)
def test_shares_sum_to_one_and_equal_the_rule_applied_route_by_route(graph: dict[UUID, VersionTerms]) -> None:
    shares = attribute(uid(0), graph)
    assert sum(share.weight for share in shares) == 1
    assert all(share.weight > 0 for share in shares)
    found = {(s.organisation_id, s.version_id, s.rule): s.weight for s in shares}
    assert found == by_every_route(uid(0), graph)


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_shares_do_not_depend_on_the_order_in_which_the_graph_was_read(graph: dict[UUID, VersionTerms]) -> None:
    backwards = {
        key: VersionTerms(t.version_id, t.owner_id, t.contributor_bps, t.parents[::-1], t.contributions[::-1])
        for key, t in reversed(graph.items())
    }
    assert attribute(uid(0), graph) == attribute(uid(0), backwards)


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_every_path_starts_at_the_sold_version_and_follows_edges(graph: dict[UUID, VersionTerms]) -> None:
    for share in attribute(uid(0), graph):
        assert share.path[0] == uid(0)
        for child, parent in zip(share.path, share.path[1:], strict=False):
            assert parent in {p.version_id for p in graph[child].parents}


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_integer_weights_keep_the_proportions(graph: dict[UUID, VersionTerms]) -> None:
    shares = attribute(uid(0), graph)
    weights = integer_weights(shares)
    assert [Fraction(weight, sum(weights)) for weight in weights] == [share.weight for share in shares]


@st.composite
def holders(draw: st.DrawFn) -> tuple[HolderPart, ...]:
    """Addresses with units; several may be one organisation's, and some are nobody's."""
    count = draw(st.integers(1, 8))
    return tuple(
        HolderPart(f"0x{index:040x}", draw(st.integers(1, 10**12)), draw(st.sampled_from([None, uid(70), uid(71)])))
        for index in range(count)
    )


def held_by(parts: tuple[HolderPart, ...], rule: ShareRule = ShareRule.SHAREHOLDER) -> dict[UUID, VersionTerms]:
    made_by = (ContributionSpec(uid(20), "annotator", 1),)
    return {uid(0): VersionTerms(uid(0), uid(9), 2_500, contributions=made_by, holders=parts, holder_rule=rule)}


@given(holders(), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_holders_take_the_owners_part_exactly_by_units_in_whatever_order_they_are_read(
    parts: tuple[HolderPart, ...], random: Any
) -> None:
    shares = attribute(uid(0), held_by(parts))
    assert sum(share.weight for share in shares) == 1
    shuffled = list(parts)
    random.shuffle(shuffled)
    assert attribute(uid(0), held_by(tuple(shuffled))) == shares
    total = sum(part.units for part in parts)
    for share in shares:
        if share.rule != ShareRule.SHAREHOLDER:
            continue
        units = sum(
            part.units
            for part in parts
            if (part.organisation_id == share.organisation_id if not share.address else part.address == share.address)
        )
        assert share.weight == Fraction(3, 4) * Fraction(units, total)
    assert {share.address for share in shares if share.address} == {
        part.address for part in parts if part.organisation_id is None
    }


@given(holders(), st.integers(0, 10**9))
@settings(max_examples=100, deadline=None)
def test_a_price_among_holders_is_divided_to_the_last_unit(parts: tuple[HolderPart, ...], price: int) -> None:
    shares = attribute(uid(0), held_by(parts))
    amounts = split_integer(price, integer_weights(shares))
    assert sum(amounts) == price
    assert all(abs(amount - share.weight * price) < 1 for share, amount in zip(shares, amounts, strict=True))


def test_what_an_unknown_wallet_earns_is_the_platforms_to_keep_for_that_address() -> None:
    graph = held_by((HolderPart("0xA", 1),), ShareRule.OWNER)
    owner = next(share for share in attribute(uid(0), graph) if share.rule == ShareRule.OWNER)
    assert (owner.organisation_id, owner.address, owner.weight) == (PLATFORM_ID, "0xA", Fraction(3, 4))


def test_ten_thousand_holders_are_divided_in_a_second() -> None:
    parts = tuple(HolderPart(f"0x{index:040x}", index + 1) for index in range(10_000))
    started = process_time()
    shares = attribute(uid(0), held_by(parts))
    assert sum(split_integer(12_345, integer_weights(shares))) == 12_345
    assert process_time() - started < 3
    assert len(shares) == 10_001


def test_diamond_adds_both_routes_and_names_the_heavier() -> None:
    top, left, right, base = uid(0), uid(1), uid(2), uid(3)
    graph = {
        top: VersionTerms(top, uid(50), 0, (ParentRef(left, 2_000), ParentRef(right, 3_000))),
        left: VersionTerms(left, uid(51), 0, (ParentRef(base, 5_000),)),
        right: VersionTerms(right, uid(52), 0, (ParentRef(base, 5_000),)),
        base: VersionTerms(base, uid(53), 0),
    }
    base_share = next(share for share in attribute(top, graph) if share.version_id == base)
    assert base_share.weight == Fraction(1, 10) + Fraction(15, 100)
    assert base_share.routes == 2
    assert base_share.path == (top, right, base)


def test_without_contributors_the_owner_takes_the_whole_rest() -> None:
    [share] = attribute(uid(0), {uid(0): VersionTerms(uid(0), uid(9), contributor_bps=5_000)})
    assert (share.organisation_id, share.weight, share.rule) == (uid(9), Fraction(1), ShareRule.OWNER.value)


def test_a_ladder_of_diamonds_with_2_to_the_200_routes_takes_well_under_a_second() -> None:
    graph: dict[UUID, VersionTerms] = {}
    for level in range(200):
        upper, lower = (3 * level, 3 * level + 3)
        for side in (1, 2):
            graph[uid(upper + side)] = VersionTerms(uid(upper + side), uid(5000), 0, (ParentRef(uid(lower), 4_000),))
        graph[uid(upper)] = VersionTerms(
            uid(upper), uid(5001), 0, (ParentRef(uid(upper + 1), 3_000), ParentRef(uid(upper + 2), 3_000))
        )
    graph[uid(600)] = VersionTerms(uid(600), uid(5002), 0)
    started = process_time()
    shares = attribute(uid(0), graph)
    assert process_time() - started < 2
    assert sum(share.weight for share in shares) == 1
    assert shares[-1].routes == 2**200


def test_a_chain_of_a_thousand_versions_needs_no_deep_stack() -> None:
    graph = {
        uid(i): VersionTerms(uid(i), uid(5000 + i), 0, (ParentRef(uid(i + 1), 5_000),) if i < 999 else ())
        for i in range(1000)
    }
    shares = attribute(uid(0), graph)
    assert sum(share.weight for share in shares) == 1
    assert len(shares[-1].path) == 1000


def test_a_cycle_is_refused() -> None:
    with pytest.raises(ProvenanceCycle):
        topological_order(uid(0), {uid(0): [uid(1)], uid(1): [uid(2)], uid(2): [uid(1)]})
    with pytest.raises(ProvenanceCycle):
        topological_order(uid(0), {uid(0): [uid(1)], uid(1): [uid(0)]})
