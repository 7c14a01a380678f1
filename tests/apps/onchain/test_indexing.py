"""Events count at depth, go with their block, and come again once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.core.models import OutboxEvent
from apps.onchain import selectors
from apps.onchain.models import ChainBlock, ChainCursor, ChainEvent
from apps.onchain.types import EventState
from tests.apps.onchain.bridge_fixtures import DrivenBridge

pytestmark = pytest.mark.django_db(transaction=True)
MakeActor = Callable[..., Any]


def _added(driven: DrivenBridge, token_id: int) -> list[ChainEvent]:
    rows = ChainEvent.objects.filter(chain_id=driven.chain.config.chain_id, event="VersionAdded").order_by("id")
    return [row for row in rows if row.args["id"] == str(token_id)]


def _told(token_id: int) -> list[dict[str, Any]]:
    rows = OutboxEvent.objects.filter(type="onchain.ChainEventConfirmed", payload__event="VersionAdded")
    return [row.payload for row in rows if row.payload["args"]["id"] == str(token_id)]


def test_event_counts_at_depth_and_is_told_once(driven: DrivenBridge, make_actor: MakeActor) -> None:
    token_id = 7_000_001
    driven.register_asset(make_actor().organisation_id, token_id)
    driven.bridge.round()
    driven.bridge.round()
    assert [row.state for row in _added(driven, token_id)] == [EventState.SEEN]
    assert _told(token_id) == []
    driven.settle()
    driven.settle()
    (row,) = _added(driven, token_id)
    assert row.state == EventState.CONFIRMED
    (told,) = _told(token_id)
    assert told["contract"] == "AssetRegistry"
    assert told["args"]["contentRoot"] == "0x" + "aa" * 32
    assert told["block_number"] == row.block_number


def test_event_of_a_dropped_block_goes_and_comes_again_once(driven: DrivenBridge, make_actor: MakeActor) -> None:
    token_id = 7_000_002
    driven.bridge.round()
    driven.chain.mine(3)
    driven.register_asset(make_actor().organisation_id, token_id)
    driven.bridge.round()
    driven.bridge.round()
    (before,) = _added(driven, token_id)
    driven.chain.reorg(1)
    driven.chain.mine(1)
    driven.bridge.round()
    assert before.id not in [row.id for row in _added(driven, token_id)]
    driven.settle()
    (after,) = _added(driven, token_id)
    assert after.block_hash != before.block_hash
    assert len(_told(token_id)) == 1
    assert driven.differences() == []


def test_reorganisation_below_the_depth_is_marked_and_told_again(driven: DrivenBridge, make_actor: MakeActor) -> None:
    token_id = 7_000_003
    driven.bridge.round()
    driven.register_asset(make_actor().organisation_id, token_id)
    driven.settle()
    driven.chain.mine(2)
    driven.bridge.round()
    (before,) = _added(driven, token_id)
    depth = driven.chain.gateway.head().number - before.block_number + 1
    driven.chain.reorg(depth)
    driven.chain.mine(1)
    driven.settle()
    states = [row.state for row in _added(driven, token_id)]
    assert states == [EventState.ORPHANED, EventState.CONFIRMED]
    assert driven.owner_of(token_id)


def test_reading_from_zero_finds_everything_again(driven: DrivenBridge, make_actor: MakeActor) -> None:
    organisation_id = make_actor().organisation_id
    for number in range(5):
        driven.register_asset(organisation_id, 7_000_010 + number)
    driven.settle()
    mine = ChainEvent.objects.filter(chain_id=driven.chain.config.chain_id)
    before = sorted(mine.values_list("block_hash", "log_index"))
    mine.delete()
    ChainBlock.objects.filter(chain_id=driven.chain.config.chain_id).delete()
    ChainCursor.objects.filter(chain_id=driven.chain.config.chain_id).update(next_block=0)
    driven.restart()
    driven.settle()
    assert sorted(mine.values_list("block_hash", "log_index")) == before


def test_reconciliation_finds_what_was_changed_by_hand(driven: DrivenBridge, make_actor: MakeActor) -> None:
    token_id = 7_000_020
    driven.register_asset(make_actor().organisation_id, token_id)
    driven.settle()
    assert driven.differences() == []
    ChainEvent.objects.filter(id=_added(driven, token_id)[0].id).delete()
    (found,) = driven.differences()
    assert "AssetRegistry.VersionAdded" in found


def test_status_tells_contracts_head_and_health(driven: DrivenBridge, make_actor: MakeActor, api_for: Any) -> None:
    actor = make_actor()
    driven.register_asset(actor.organisation_id, 7_000_030)
    driven.settle()
    state = selectors.chain_status()
    assert state.healthy
    assert state.in_flight == 0
    assert state.indexed_block == state.head_block == driven.chain.gateway.head().number
    answer = api_for(actor).get("/api/v1/chain/").json()
    assert answer["contracts"] == {name: c.address for name, c in sorted(driven.chain.contracts.items())}
    (listed,) = api_for(actor).get("/api/v1/chain/transactions/").json()["results"]
    assert (listed["state"], listed["function"]) == ("confirmed", "register")
