"""No chain of delegations gives more than its first link."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.agents.errors import GrantExceeded
from apps.agents.teams.grants import EVERYTHING, Grant

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BASES = [UUID(int=n) for n in range(5)]
TOOLS = ["search", "table", "mail", "pay", "calculator"]

numbers = st.none() | st.integers(0, 10_000)
grants = st.builds(
    Grant,
    tokens=numbers,
    tool_calls=numbers,
    depth=st.none() | st.integers(0, 6),
    expires_at=st.none() | st.integers(0, 1000).map(lambda n: NOW + timedelta(minutes=n)),
    knowledge_base_ids=st.none() | st.frozensets(st.sampled_from(BASES)),
    tools=st.none() | st.frozensets(st.sampled_from(TOOLS)),
)


@given(grants, st.lists(grants, max_size=6))
def test_no_chain_of_delegations_widens_anything(first: Grant, wanted: list[Grant]) -> None:
    chain = [first]
    for one in wanted:
        try:
            chain.append(chain[-1].delegate(one))
        except GrantExceeded:
            assert chain[-1].depth == 0
            break
    for index, later in enumerate(chain):
        for earlier in chain[: index + 1]:
            assert later.is_within(earlier)
        assert all(first.allows_tool(tool) for tool in TOOLS if later.allows_tool(tool))
        assert set(later.knowledge(BASES)) <= set(first.knowledge(BASES))
    if first.depth is not None:
        assert len(chain) - 1 <= first.depth


@given(grants, grants, grants)
def test_narrowing_is_a_greatest_lower_bound(one: Grant, two: Grant, three: Grant) -> None:
    assert one.narrow(two) == two.narrow(one)
    assert one.narrow(two).narrow(three) == one.narrow(two.narrow(three))
    assert one.narrow(one) == one
    assert one.narrow(EVERYTHING) == one
    both = one.narrow(two)
    assert both.is_within(one)
    assert both.is_within(two)
    if three.is_within(one) and three.is_within(two):
        assert three.is_within(both)


@given(grants, st.integers(-5, 20_000), st.integers(-5, 20_000))
def test_spending_never_gives_back(grant: Grant, tokens: int, calls: int) -> None:
    left = grant.spend(tokens=tokens, tool_calls=calls)
    assert left.is_within(grant)
    assert left.tokens is None or left.tokens >= 0


@given(grants)
def test_a_stored_grant_is_the_same(grant: Grant) -> None:
    assert Grant.from_json(grant.as_json()) == grant


def test_what_is_over_is_refused() -> None:
    with pytest.raises(GrantExceeded) as late:
        Grant(expires_at=NOW).require_alive(NOW)
    assert late.value.code == "grant_expired"
    with pytest.raises(GrantExceeded) as deep:
        Grant(depth=0).delegate()
    assert deep.value.code == "delegation_too_deep"
    with pytest.raises(GrantExceeded) as spent:
        Grant(tokens=10).answer_tokens(prompt_tokens=10, wanted=5)
    assert spent.value.code == "budget_exceeded"
    assert Grant(tokens=10).answer_tokens(prompt_tokens=7, wanted=5) == 3
