"""Reorganisations of any depth: what vanishes is recalled, goes out again with the same bytes, and counts once."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from apps.core.models import OutboxEvent
from apps.onchain import selectors
from apps.onchain.models import ChainEvent, ChainTransaction, TransactionAttempt
from apps.onchain.sending import reopen_transactions
from apps.onchain.types import CUSTODY, EventState, IntentState, TransactionState
from tests.apps.onchain.bridge_fixtures import DrivenBridge

pytestmark = pytest.mark.django_db(transaction=True)
MakeActor = Callable[..., Any]


def _balance_of_news(token_id: int) -> int:
    """How often an event of a token was told as confirmed, less how often it was recalled."""
    count = 0
    for row in OutboxEvent.objects.filter(payload__event="VersionAdded", payload__args__id=str(token_id)):
        count += {"onchain.ChainEventConfirmed": 1, "onchain.ChainEventReverted": -1}[row.type]
    return count


def _register(driven: DrivenBridge, organisation_id: UUID, token_id: int) -> UUID:
    return driven.register_asset(organisation_id, token_id)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_doubled_or_left_open_by_reorganisations_of_depth_1_to_8(
    driven: DrivenBridge, make_actor: MakeActor, seed: int
) -> None:
    """In random order, each at another moment of the transactions' life: waiting, mined, confirmed."""
    chance = random.Random(seed)
    organisation_id = make_actor().organisation_id
    driven.chain.mine(10)
    tokens: dict[int, UUID] = {}
    roots = ["0x" + "00" * 32]
    for depth in chance.sample(range(1, 9), 8):
        for _ in range(chance.randrange(1, 3)):
            token_id = 10_000 * (seed + 1) + len(tokens)
            tokens[token_id] = _register(driven, organisation_id, token_id)
        if chance.random() < 0.5:
            roots.append("0x" + f"{len(roots):064x}")
            driven.set_root(roots[-1], roots[-2])
        for _ in range(chance.randrange(1, 7)):
            driven.bridge.round()
            if chance.random() < 0.7:
                driven.chain.mine()
        driven.chain.reorg(depth)
        if chance.random() < 0.5:
            driven.chain.mine(chance.randrange(1, 4))
    driven.settle()
    assert {selectors.intent(one).state for one in tokens.values()} == {IntentState.CONFIRMED}
    rows = ChainTransaction.objects.filter(lane=driven.lane()).exclude(state=TransactionState.LOST).order_by("nonce")
    nonces = [row.nonce for row in rows]
    assert nonces == list(range(nonces[0], driven.lane().next_nonce))
    assert {row.state for row in rows} == {TransactionState.CONFIRMED}
    assert driven.chain.gateway.nonce(driven.lane().address) == driven.lane().next_nonce
    assert {token_id: _balance_of_news(token_id) for token_id in tokens} == dict.fromkeys(tokens, 1)
    assert driven.chain.gateway.read(driven.chain.contracts["PayoutDistributor"], "root") == [roots[-1]]
    assert driven.differences() == []


def test_confirmed_transaction_that_vanishes_is_under_way_again_with_the_same_bytes(
    driven: DrivenBridge, make_actor: MakeActor
) -> None:
    driven.chain.mine(5)
    intent_id = driven.register_asset(make_actor().organisation_id, 23_007)
    driven.settle()
    before = TransactionAttempt.objects.get(transaction__intent_id=intent_id)
    row = ChainTransaction.objects.get(intent_id=intent_id)
    assert row.block_number is not None
    driven.chain.reorg(driven.chain.gateway.head().number - row.block_number + 1)
    driven.chain.automine(on=False)
    driven.chain.mine()
    driven.bridge.round()
    assert selectors.intent(intent_id).state == IntentState.SENT
    assert _balance_of_news(23_007) == 0
    (orphan,) = ChainEvent.objects.filter(chain_id=driven.config.chain_id, event="VersionAdded", args__id="23007")
    assert orphan.state == EventState.ORPHANED
    driven.settle()
    assert selectors.intent(intent_id).state == IntentState.CONFIRMED
    assert TransactionAttempt.objects.get(transaction__intent_id=intent_id).raw == before.raw
    assert _balance_of_news(23_007) == 1


def test_reverted_transaction_that_vanishes_does_not_succeed_later(driven: DrivenBridge, make_actor: MakeActor) -> None:
    """It was told as failed, and what failed may have been asked for again: its nonce is filled with nothing."""
    organisation_id = make_actor().organisation_id
    driven.chain.mine(5)
    driven.chain.automine(on=False)
    first = driven.register_asset(organisation_id, 23_008)
    second = driven.register_asset(make_actor().organisation_id, 23_008)
    driven.settle()
    assert [selectors.intent(one).state for one in (first, second)] == [IntentState.CONFIRMED, IntentState.FAILED]
    row = ChainTransaction.objects.get(intent_id=second)
    assert row.block_number is not None
    driven.chain.reorg(driven.chain.gateway.head().number - row.block_number + 1)
    driven.chain.mine()
    driven.settle()
    row.refresh_from_db()
    assert row.state == TransactionState.LOST
    assert [selectors.intent(one).state for one in (first, second)] == [IntentState.CONFIRMED, IntentState.FAILED]
    filler = ChainTransaction.objects.get(lane=row.lane, nonce=row.nonce, intent=None)
    assert filler.state == TransactionState.CONFIRMED
    assert driven.differences() == []


def test_block_that_comes_back_makes_its_events_count_again(driven: DrivenBridge, make_actor: MakeActor) -> None:
    """The chain goes to a fork and returns: a node's snapshot gives back the very same blocks."""
    gateway = driven.chain.gateway
    driven.chain.mine(2)
    driven.register_asset(make_actor().organisation_id, 23_009)
    driven.settle()
    driven.chain.mine(2)
    driven.bridge.round()
    state, head = gateway.development("anvil_dumpState"), gateway.head()
    driven.chain.reorg(6)
    driven.chain.automine(on=False)
    driven.chain.mine()
    driven.bridge.round()
    assert _balance_of_news(23_009) == 0
    gateway.development("anvil_loadState", state)
    assert gateway.head() == head
    driven.settle()
    assert _balance_of_news(23_009) == 1


def test_only_what_is_gone_is_taken_back(driven: DrivenBridge, make_actor: MakeActor) -> None:
    intent_id = driven.register_asset(make_actor().organisation_id, 23_010)
    driven.settle()
    assert reopen_transactions(driven.chain.gateway, driven.config.chain_id, above=0) == 0
    assert selectors.intent(intent_id).state == IntentState.CONFIRMED
    assert driven.owner_of(23_010) == driven.lane().address
    assert driven.lane().address != CUSTODY
