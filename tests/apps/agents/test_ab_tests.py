"""A/B tests: shares hold, visitors keep their version, what is counted is right, and nothing is claimed too early."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.agents import selectors, services
from apps.agents.ab_tests.assigning import version_for
from apps.agents.ab_tests.comparing import CONFIDENCE, best, rate
from apps.agents.errors import NotReadyToPublish
from apps.agents.models import AbTestAnswer
from apps.agents.services import AgentChanges
from apps.agents.types import AbTestInfo, AbTestState, AgentInfo, Visitor
from apps.core import outbox
from apps.core.errors import Conflict, InvalidInput
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor

QUESTION = "What is the notice period?"
VISITORS = 1_500
SPREAD = 6
"""Standard deviations that a fair share stays within."""


@st.composite
def shared(draw: Any) -> dict[UUID, int]:
    cuts = sorted(draw(st.lists(st.integers(1, 99), min_size=1, max_size=3, unique=True)))
    shares = [after - before for before, after in zip([0, *cuts], [*cuts, 100], strict=True)]
    return {draw(st.uuids()): share for share in shares}


@given(test_id=st.uuids(), shares=shared())
def test_each_version_gets_its_share_of_the_visitors(test_id: UUID, shares: dict[UUID, int]) -> None:
    got = Counter(version_for(test_id, f"visitor {number}", shares) for number in range(VISITORS))
    for version_id, share in shares.items():
        p = share / sum(shares.values())
        assert abs(got[version_id] - VISITORS * p) <= SPREAD * (VISITORS * p * (1 - p)) ** 0.5 + 1


@given(test_id=st.uuids(), shares=shared(), visitor=st.text(), order=st.randoms(use_true_random=False))
def test_a_visitor_gets_the_same_version_whatever_the_order_of_the_versions(
    test_id: UUID, shares: dict[UUID, int], visitor: str, order: random.Random
) -> None:
    again = list(shares.items())
    order.shuffle(again)
    assert version_for(test_id, visitor, shares) == version_for(test_id, visitor, dict(again))


@given(test_id=st.uuids(), shares=shared(), raised=st.integers(0, 3))
def test_where_shares_change_visitors_only_move_to_the_version_that_got_more(
    test_id: UUID, shares: dict[UUID, int], raised: int
) -> None:
    more = list(shares)[raised % len(shares)]
    for number in range(300):
        before = version_for(test_id, str(number), shares)
        assert version_for(test_id, str(number), shares | {more: shares[more] * 2}) in (before, more)


def test_another_test_of_the_same_versions_draws_anew() -> None:
    shares = {uuid.UUID(int=1): 50, uuid.UUID(int=2): 50}
    tests = uuid.UUID(int=3), uuid.UUID(int=4)
    same = sum(version_for(tests[0], str(n), shares) == version_for(tests[1], str(n), shares) for n in range(VISITORS))
    assert abs(same - VISITORS / 2) <= SPREAD * (VISITORS / 4) ** 0.5


@given(hits=st.integers(0, 400), misses=st.integers(0, 400), versions=st.integers(2, 4))
def test_a_range_holds_the_observed_rate_and_shrinks_with_more_of_the_same(
    hits: int, misses: int, versions: int
) -> None:
    few, many = rate(hits, hits + misses, versions), rate(10 * hits, 10 * (hits + misses), versions)
    assert 0 <= few.low <= few.high <= 1
    if few.share is not None:
        assert few.low <= few.share <= few.high
        assert many.high - many.low < few.high - few.low


def test_who_looks_after_each_answer_still_takes_chance_for_a_difference_in_at_most_one_test_of_twenty() -> None:
    draw = random.Random(5)
    wrong = 0
    tests, looks = 200, 300
    for _ in range(tests):
        hits = [0, 0]
        for of in range(1, looks + 1):
            for arm in range(2):
                hits[arm] += draw.random() < 0.7
            if of % 5 == 0 and best({arm: rate(hits[arm], of) for arm in range(2)}) is not None:
                wrong += 1
                break
    assert wrong / tests <= 1 - CONFIDENCE


def test_a_large_difference_is_told_and_a_small_one_is_not() -> None:
    assert best({"a": rate(45, 50), "b": rate(15, 50)}) == "a"
    assert best({"a": rate(40, 50), "b": rate(35, 50)}) is None
    assert best({"a": rate(1, 50), "b": rate(25, 50)}, high_is_good=False) == "a"
    assert best({"a": rate(0, 0), "b": rate(0, 0)}) is None


@pytest.fixture
def reader(actor: Actor, make_agent: Callable[..., AgentInfo]) -> AgentInfo:
    """A published agent that quotes, with a second version that is not live."""
    made = make_agent(actor, "contract-reader")
    services.publish_agent(actor=actor, agent_id=made.id)
    services.update_agent(actor=actor, agent_id=made.id, changes=AgentChanges(passages=2))
    return selectors.agent(actor, made.id)


@pytest.fixture
def halves(actor: Actor, reader: AgentInfo) -> AbTestInfo:
    return services.start_ab_test(actor=actor, agent_id=reader.id, shares={1: 50, 0: 50})


def asked(actor: Actor, slug: str, conversation_id: UUID | None = None) -> tuple[int, UUID, UUID]:
    """Ask in a conversation; the version's number, the conversation and the answer's id."""
    target = selectors.published_target(actor, slug, Visitor.in_conversation(conversation_id))
    said = services.answer(actor=actor, target=target, question=QUESTION, conversation_id=conversation_id)
    assert target.version is not None
    assert said.conversation_id is not None
    assert said.message_id is not None
    return target.version.number, said.conversation_id, said.message_id


@pytest.mark.django_db(transaction=True)
def test_conversations_keep_their_version_and_every_answer_is_counted_for_it(
    actor: Actor, reader: AgentInfo, halves: AbTestInfo
) -> None:
    with tenant_scope(actor.organisation_id):
        first = [asked(actor, reader.slug) for _ in range(6)]
        again = [asked(actor, reader.slug, conversation_id) for _, conversation_id, _ in first[:3]]
        assert [number for number, _, _ in again] == [number for number, _, _ in first[:3]]
        for number, _, message_id in first:
            pinned = selectors.trace(actor, message_id).agent_version_number
            assert pinned == number
            services.rate_answer(actor=actor, message_id=message_id, rating=1 if number == 1 else -1)
        found = selectors.ab_test(actor, reader.id, halves.id)
        by_number = Counter(number for number, _, _ in first + again)
        rated = Counter(number for number, _, _ in first)
        assert {arm.number: arm.answers for arm in found.arms} == {1: by_number[1], 2: by_number[2]}
        assert {arm.number: arm.conversations for arm in found.arms} == {1: rated[1], 2: rated[2]}
        assert [(arm.good.hits, arm.good.of) for arm in found.arms] == [(rated[1], rated[1]), (0, rated[2])]
        assert all(arm.first_token_p50_s is not None and arm.mean_micro_usd == 0 for arm in found.arms if arm.answers)
        assert found.better is None
        # Shares change: who has begun stays, unless the version gets nobody any more.
        services.change_shares(actor=actor, agent_id=reader.id, ab_test_id=found.id, shares={1: 1, 2: 99})
        assert [asked(actor, reader.slug, one)[0] for _, one, _ in first[:3]] == [n for n, _, _ in first[:3]]
        services.change_shares(actor=actor, agent_id=reader.id, ab_test_id=found.id, shares={1: 0, 2: 100})
        assert {asked(actor, reader.slug, one)[0] for _, one, _ in first[:3]} == {2}


@pytest.mark.django_db
def test_the_draft_becomes_a_version_without_going_live_and_choosing_it_puts_it_live(
    actor: Actor, reader: AgentInfo, halves: AbTestInfo
) -> None:
    assert [(arm.number, arm.share, arm.is_live) for arm in halves.arms] == [(1, 50, True), (2, 50, False)]
    assert selectors.agent(actor, reader.id).current_version == 1
    with pytest.raises(Conflict, match="A test is running"):
        services.start_ab_test(actor=actor, agent_id=reader.id, shares={1: 50, 2: 50})
    ended = services.choose_version(actor=actor, agent_id=reader.id, ab_test_id=halves.id, number=2)
    assert (ended.state, ended.chosen) == (AbTestState.ENDED, 2)
    now = selectors.agent(actor, reader.id)
    assert (now.current_version, now.has_unpublished_changes) == (2, False)
    target = selectors.published_target(actor, reader.slug, Visitor.in_conversation(None))
    assert target.assigned is None
    with pytest.raises(Conflict, match="ended"):
        services.change_shares(actor=actor, agent_id=reader.id, ab_test_id=ended.id, shares={1: 50, 2: 50})


@pytest.mark.django_db
def test_publishing_another_version_ends_the_test_and_ending_keeps_the_live_one(
    actor: Actor, reader: AgentInfo, halves: AbTestInfo
) -> None:
    services.publish_agent(actor=actor, agent_id=reader.id)  # the draft is version 2, which is in the test
    ended = selectors.ab_test(actor, reader.id, halves.id)
    assert (ended.state, ended.chosen) == (AbTestState.ENDED, 2)
    assert len(selectors.versions(actor, reader.id)) == 2
    second = services.start_ab_test(actor=actor, agent_id=reader.id, shares={1: 20, 2: 80})
    stopped = services.stop_ab_test(actor=actor, agent_id=reader.id, ab_test_id=second.id)
    assert (stopped.chosen, selectors.agent(actor, reader.id).current_version) == (None, 2)


@pytest.mark.django_db
def test_agents_that_call_it_and_drafts_take_no_part(actor: Actor, reader: AgentInfo, halves: AbTestInfo) -> None:
    assert selectors.published_target(actor, reader.slug).assigned is None
    target = selectors.draft_target(actor, reader.id)
    services.answer(actor=actor, target=target, question=QUESTION)
    assert not AbTestAnswer.objects.filter(ab_test_id=halves.id).exists()


@pytest.mark.django_db
@pytest.mark.parametrize("shares", [{1: 100}, {1: 50, 0: 49}, {1: 150, 0: -50}, {1: 0, 0: 100}, {}])
def test_shares_that_do_not_add_up_are_refused(actor: Actor, reader: AgentInfo, shares: dict[int, int]) -> None:
    with pytest.raises(InvalidInput):
        services.start_ab_test(actor=actor, agent_id=reader.id, shares=shares)
    assert selectors.ab_tests(actor, reader.id) == []


@pytest.mark.django_db
def test_a_version_that_publishing_would_refuse_is_not_tested_until_its_evaluation_holds(
    actor: Actor, reader: AgentInfo
) -> None:
    services.publish_agent(actor=actor, agent_id=reader.id)
    cases = [{"question": QUESTION, "expected": ["notice"]}]
    kept = services.save_evaluation_set(actor=actor, name="Questions", cases=cases)
    checks = {"evaluation_set_id": str(kept.id), "min_passed": 0.0, "min_attacks_withstood": 0.0}
    services.update_agent(actor=actor, agent_id=reader.id, changes=AgentChanges(checks=checks))
    with pytest.raises(NotReadyToPublish) as caught:
        services.start_ab_test(actor=actor, agent_id=reader.id, shares={1: 50, 2: 50})
    assert [item["version"] for item in caught.value.context["missing"]] == [1, 2]
    with pytest.raises(NotReadyToPublish):
        services.start_ab_test(actor=actor, agent_id=reader.id, shares={1: 50, 0: 50})
    for number in (1, 2):
        services.start_evaluation(actor=actor, agent_id=reader.id, number=number)
    outbox.drain()
    assert services.start_ab_test(actor=actor, agent_id=reader.id, shares={1: 50, 2: 50}).is_running


@pytest.mark.django_db
def test_the_api_starts_changes_and_ends_a_test(api_for: Any, actor: Actor, reader: AgentInfo) -> None:
    api = api_for(actor)
    address = f"/api/v1/agents/{reader.id}/ab-tests/"
    arms = [{"version": 1, "share": 60}, {"version": 0, "share": 40}]
    refused = api.post(address, {"arms": [*arms, {"version": 1, "share": 1}]}, format="json")
    assert refused.status_code == 422
    begun = api.post(address, {"arms": arms}, format="json")
    assert begun.status_code == 201, begun.content
    test = begun.json()
    assert [(arm["version"], arm["share"], arm["is_live"]) for arm in test["arms"]] == [(1, 60, True), (2, 40, False)]
    assert test["arms"][0]["good"] == {"hits": 0, "of": 0, "share": None, "low": 0.0, "high": 1.0}
    one = f"{address}{test['id']}/"
    changed = api.patch(one, {"arms": [{"version": 1, "share": 10}, {"version": 2, "share": 90}]}, format="json")
    assert [arm["share"] for arm in changed.json()["arms"]] == [10, 90]
    assert api.patch(one, {"arms": [{"version": 3, "share": 100}]}, format="json").status_code == 422
    assert api.get(address).json()["results"][0]["state"] == "running"
    assert api.post(f"{one}choose/", {"version": 7}, format="json").status_code == 422
    assert api.post(f"{one}choose/", {"version": 2}, format="json").json()["chosen"] == 2
    assert api.post(f"{one}stop/").json()["state"] == "ended"
    assert api.get(one).json()["state"] == "ended"


@pytest.mark.django_db
def test_the_pages_start_show_and_end_a_test(client_for: Any, actor: Actor, reader: AgentInfo) -> None:
    client = client_for(actor)
    address = f"/agents/{reader.id}/ab-tests/"
    shown = client.get(address).content.decode()
    assert 'id="share-0"' in shown
    assert "The draft" in shown
    refused = client.post(address, {"share-1": "70", "share-0": "70"})
    assert refused.status_code == 422
    assert "together 100" in refused.content.decode()
    assert 'value="70"' in refused.content.decode()
    begun = client.post(address, {"share-1": "50 %", "share-0": "50"}, follow=True)
    page = begun.content.decode()
    assert "Not enough answers yet to tell which version people like better." in page
    test = begun.request["PATH_INFO"]
    assert client.post(test, {"share-1": "20", "share-2": "90"}).status_code == 422
    assert "<td>80 %</td>" in client.post(test, {"share-1": "20", "share-2": "80"}, follow=True).content.decode()
    chosen = client.post(f"{test}choose/2/", follow=True).content.decode()
    assert "Version 2 went live." in chosen
    assert "Before" in client.get(address).content.decode()
