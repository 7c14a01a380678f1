"""Bad nodes, a halted chain, a database that goes away: the bridge says what is wrong, waits, and goes on by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from django.db import DatabaseError, connection, connections, transaction

from apps.core.tenant import all_tenants
from apps.onchain import selectors
from apps.onchain.bridge import Bridge, close_broken_connection
from apps.onchain.models import ChainBlock, ChainCursor, ChainEvent, ChainIntent, ChainTransaction, TransactionAttempt
from apps.onchain.types import EventState, IntentState, TransactionState
from chain_bridge.errors import ChainMismatch, RpcUnavailable
from chain_bridge.indexer import NodeBehind
from chain_bridge.types import BlockRef
from tests.apps.onchain.bridge_fixtures import DrivenBridge
from tests.chain_bridge.chain_fixtures import start_anvil
from tests.chain_bridge.faulty_rpc import FaultyRpc, faulty_rpc

pytestmark = pytest.mark.django_db(transaction=True)
MakeActor = Callable[..., Any]


@contextmanager
def _behind_proxy(driven: DrivenBridge, **settings: Any) -> Iterator[FaultyRpc]:
    with faulty_rpc(driven.chain.config.rpc_url) as proxy:
        driven.restart(rpc_url=proxy.url, **settings)
        yield proxy


def _run(bridge: Bridge, seconds: float) -> None:
    stop = threading.Event()
    timer = threading.Timer(seconds, stop.set)
    timer.start()
    bridge.run(stop)
    timer.join()


def _told(kind: str, token_id: int) -> list[dict[str, Any]]:
    from apps.core.models import OutboxEvent

    rows = OutboxEvent.objects.filter(type=f"onchain.{kind}", payload__event="VersionAdded").order_by("id")
    return [row.payload for row in rows if row.payload["args"]["id"] == str(token_id)]


@pytest.mark.parametrize("fault", [{"down": True}, {"nonsense": True}, {"status": 429}, {"garbled": True}])
def test_node_of_no_use_is_waited_for_and_named(
    driven: DrivenBridge, make_actor: MakeActor, fault: dict[str, Any]
) -> None:
    with _behind_proxy(driven) as proxy:
        driven.bridge.round()
        for name, value in fault.items():
            setattr(proxy.faults, name, value)
        intent_id = driven.register_asset(make_actor().organisation_id, 22_001)
        _run(driven.bridge, 0.3)
        state = selectors.chain_status()
        assert not state.healthy
        assert proxy.url in state.message
        assert selectors.nodes()[0].condition == "down"
        proxy.heal()
        driven.settle()
        assert selectors.chain_status().healthy
        assert selectors.intent(intent_id).state == IntentState.CONFIRMED


def test_connection_closed_after_acceptance_has_no_second_effect(driven: DrivenBridge, make_actor: MakeActor) -> None:
    with _behind_proxy(driven) as proxy:
        organisation_id = make_actor().organisation_id
        intents = [driven.register_asset(organisation_id, 22_010 + number) for number in range(3)]
        proxy.faults.drop_answers = 2
        driven.settle()
        assert {selectors.intent(one).state for one in intents} == {IntentState.CONFIRMED}
        assert TransactionAttempt.objects.filter(transaction__intent_id__in=intents).count() == 3
        assert proxy.faults.drop_answers == 0


def test_transaction_that_was_acknowledged_and_forgotten_goes_out_again(
    driven: DrivenBridge, make_actor: MakeActor
) -> None:
    with _behind_proxy(driven) as proxy:
        proxy.faults.swallow = 1
        intent_id = driven.register_asset(make_actor().organisation_id, 22_020)
        driven.settle()
        assert selectors.intent(intent_id).state == IntentState.CONFIRMED
        assert TransactionAttempt.objects.filter(transaction__intent_id=intent_id).count() == 1


def test_node_that_lags_is_waited_for_and_changes_nothing(driven: DrivenBridge, make_actor: MakeActor) -> None:
    with _behind_proxy(driven) as proxy:
        intent_id = driven.register_asset(make_actor().organisation_id, 22_030)
        driven.settle()
        before = ChainTransaction.objects.get(intent_id=intent_id)
        proxy.faults.lag_blocks = 4
        for _ in range(3):
            with pytest.raises(NodeBehind, match="was seen before"):
                driven.bridge.round()
        after = ChainTransaction.objects.get(intent_id=intent_id)
        assert (after.state, after.block_hash) == (before.state, before.block_hash)
        assert not _told("ChainEventReverted", 22_030)
        proxy.heal()
        driven.settle()
        assert len(_told("ChainEventConfirmed", 22_030)) == 1


def test_chain_that_stays_shorter_has_lost_its_end_and_gets_it_again(
    driven: DrivenBridge, make_actor: MakeActor
) -> None:
    """A development chain that came back from its last saved state; nobody mines it but our transactions."""
    gateway = driven.chain.gateway
    driven.chain.mine(3)
    driven.bridge.round()
    snapshot = gateway.development("evm_snapshot")
    intent_id = driven.register_asset(make_actor().organisation_id, 22_040)
    driven.settle()
    assert gateway.development("evm_revert", snapshot)
    with pytest.raises(NodeBehind):
        driven.bridge.round()
    with patch("apps.onchain.bridge.LAG_PATIENCE_S", 0.0):
        driven.bridge.round()
    driven.settle()
    assert driven.owner_of(22_040)
    assert selectors.intent(intent_id).state == IntentState.CONFIRMED
    assert ChainTransaction.objects.filter(intent_id=intent_id).count() == 1
    assert len(_told("ChainEventConfirmed", 22_040)) - len(_told("ChainEventReverted", 22_040)) == 1


def test_chain_that_ends_below_everything_read_was_reset(driven: DrivenBridge) -> None:
    driven.settle()
    index, genesis = driven.bridge._index, BlockRef(0, "0x" + "00" * 32)
    for patient in (True, False):
        with pytest.raises(ChainMismatch, match="it was reset"):
            index.fork_point(genesis, patient=patient)


def test_wrong_chain_is_named_and_left_alone(driven: DrivenBridge, make_actor: MakeActor) -> None:
    driven.settle()
    driven.register_asset(make_actor().organisation_id, 22_050)
    with start_anvil(chain_id=1) as other:
        _run(Bridge(driven.config.model_copy(update={"rpc_url": other})), 0.3)
        assert "serves chain 1, CHAIN_ID is" in selectors.chain_status().message
    driven.settle()
    assert selectors.chain_status().healthy


def test_halted_chain_is_told_with_the_time_since_when(driven: DrivenBridge, make_actor: MakeActor) -> None:
    driven.restart(halt_after_s=0.2)
    driven.settle()
    driven.chain.automine(on=False)
    driven.bridge.round()
    time.sleep(0.3)
    driven.bridge.round()
    assert selectors.chain_status().healthy  # nothing waits for a block
    intent_id = driven.register_asset(make_actor().organisation_id, 22_060)
    driven.bridge.round()
    state = selectors.chain_status()
    assert state.head_at is not None
    assert f"no new block since {state.head_at:%Y-%m-%d %H:%M:%S} UTC" in state.message
    driven.settle()
    assert selectors.intent(intent_id).state == IntentState.CONFIRMED
    assert selectors.chain_status().healthy


def test_events_that_a_node_left_out_are_found_at_the_second_reading(
    driven: DrivenBridge, make_actor: MakeActor
) -> None:
    with _behind_proxy(driven) as proxy:
        driven.settle()
        proxy.faults.hidden_logs = True
        driven.register_asset(make_actor().organisation_id, 22_070)
        driven.bridge.round()
        driven.bridge.round()
        assert not ChainEvent.objects.filter(chain_id=driven.config.chain_id, args__id="22070").exists()
        proxy.heal()
        driven.settle()
        assert selectors.chain_status().gaps_filled > 0
        assert len(_told("ChainEventConfirmed", 22_070)) == 1


def test_event_that_only_the_first_reading_showed_does_not_count(driven: DrivenBridge, make_actor: MakeActor) -> None:
    with _behind_proxy(driven) as proxy:
        driven.register_asset(make_actor().organisation_id, 22_071)
        driven.bridge.round()
        driven.bridge.round()
        assert ChainEvent.objects.get(chain_id=driven.config.chain_id, args__id="22071").state == EventState.SEEN
        proxy.faults.hidden_logs = True
        driven.settle()
        assert not _told("ChainEventConfirmed", 22_071)


def test_cursor_that_is_ahead_of_its_blocks_goes_back(driven: DrivenBridge, make_actor: MakeActor) -> None:
    """What a database restored from a backup may look like: the cursor's row is newer than the blocks'."""
    driven.register_asset(make_actor().organisation_id, 22_072)
    driven.settle()
    mine = ChainEvent.objects.filter(chain_id=driven.config.chain_id)
    before = sorted(mine.values_list("block_hash", "log_index"))
    newest = mine.order_by("-block_number")[0].block_number
    mine.filter(block_number__gte=newest).delete()
    ChainBlock.objects.filter(chain_id=driven.config.chain_id, number__gte=newest).delete()
    driven.restart()
    driven.settle()
    assert sorted(mine.values_list("block_hash", "log_index")) == before


def test_several_nodes_of_which_one_lags_work_as_one(driven: DrivenBridge, make_actor: MakeActor) -> None:
    with faulty_rpc(driven.chain.config.rpc_url) as good, _behind_proxy(driven, rpc_fallback_urls=(good.url,)) as late:
        intent_id = driven.register_asset(make_actor().organisation_id, 22_080)
        late.faults.lag_blocks = 2
        driven.settle()
        assert selectors.intent(intent_id).state == IntentState.CONFIRMED
        assert selectors.chain_status().healthy
        assert {node.label: node.condition for node in selectors.nodes()} == {late.url: "behind", good.url: "agrees"}
        late.faults.other_history = True
        late.faults.lag_blocks = 0
        _run(driven.bridge, 0.2)
        assert "the nodes disagree about the chain" in selectors.chain_status().message
        late.heal()
        driven.settle()
        assert selectors.chain_status().healthy


def test_node_that_refuses_a_question_about_one_transaction_does_not_stop_the_others(
    driven: DrivenBridge, make_actor: MakeActor
) -> None:
    with _behind_proxy(driven) as proxy:
        intent_id = driven.register_asset(make_actor().organisation_id, 22_081)
        driven.bridge.round()
        proxy.faults.refusals["eth_getTransactionReceipt"] = "internal error"
        driven.bridge.round()
        assert selectors.chain_status().message == "internal error"
        assert selectors.lanes()[1].problem == "internal error"
        proxy.heal()
        driven.settle()
        assert selectors.intent(intent_id).state == IntentState.CONFIRMED


class _Stop(threading.Event):
    """Notes which database connection the running bridge has, and lets it pause for a moment only."""

    backend: int | None = None

    def wait(self, timeout: float | None = None) -> bool:
        raw = connection.connection
        self.backend = raw.info.backend_pid if raw is not None and not raw.closed else None
        return super().wait(0.02)


def test_database_that_ends_the_bridges_connections_is_taken_up_again(
    driven: DrivenBridge, make_actor: MakeActor
) -> None:
    organisation_id = make_actor().organisation_id
    intents = [driven.register_asset(organisation_id, 22_090 + number) for number in range(6)]
    stop = _Stop()

    def run() -> None:
        driven.bridge.run(stop)
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    ended = 0
    deadline = time.monotonic() + 120
    while ended < 5 and time.monotonic() < deadline:
        if stop.backend is not None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", [stop.backend])
            ended += 1
            stop.backend = None
        time.sleep(0.05)
    driven.chain.mine(3)
    confirmed = {IntentState.CONFIRMED}
    while {selectors.intent(one).state for one in intents} != confirmed and time.monotonic() < deadline:
        time.sleep(0.05)
        driven.chain.mine()
    stop.set()
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert ended == 5
    with all_tenants(reason="tests"):
        assert set(ChainIntent.objects.filter(id__in=intents).values_list("state", flat=True)) == {"confirmed"}
        assert ChainTransaction.objects.filter(intent_id__in=intents, state=TransactionState.CONFIRMED).count() == 6


def test_what_nobody_foresaw_is_told_and_does_not_end_the_process(driven: DrivenBridge) -> None:
    driven.bridge.round()
    with patch.object(Bridge, "round", side_effect=RuntimeError("impossible")):
        _run(driven.bridge, 0.2)
    assert selectors.chain_status().message == "unexpected: RuntimeError: impossible"


def test_status_that_cannot_be_written_does_not_end_the_process(driven: DrivenBridge) -> None:
    """The database goes away exactly while the status of another trouble is written."""
    driven.bridge.round()
    with (
        patch.object(Bridge, "round", side_effect=RpcUnavailable("down")),
        patch("apps.onchain.heartbeat.beat", side_effect=DatabaseError("gone")),
    ):
        _run(driven.bridge, 0.2)
    assert selectors.chain_status().healthy  # as it was before


def test_connection_in_use_by_a_transaction_is_not_dropped(driven: DrivenBridge) -> None:
    with transaction.atomic():
        close_broken_connection()
        assert ChainCursor.objects.filter(chain_id=driven.config.chain_id).exists()


def test_receipt_in_a_block_that_is_not_on_the_chain_does_not_count(
    driven: DrivenBridge, make_actor: MakeActor
) -> None:
    """The node's receipts come from a machine that has not heard of a reorganisation."""
    with _behind_proxy(driven) as proxy:
        intent_id = driven.register_asset(make_actor().organisation_id, 22_082)
        driven.bridge.round()
        attempt = TransactionAttempt.objects.get(transaction__intent_id=intent_id)
        asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_getTransactionReceipt", "params": [attempt.tx_hash]}
        receipt = proxy.forward(asked)["result"]
        proxy.faults.answers["eth_getTransactionReceipt"] = {**receipt, "blockHash": "0x" + "ab" * 32}
        driven.chain.mine(3)
        driven.bridge.round()
        assert ChainTransaction.objects.get(intent_id=intent_id).state == TransactionState.MINED
        assert selectors.intent(intent_id).state == IntentState.SENT
        proxy.heal()
        driven.settle()
        assert selectors.intent(intent_id).state == IntentState.CONFIRMED


def test_node_that_gives_no_logs_holds_up_the_reading_and_not_the_sending(
    driven: DrivenBridge, make_actor: MakeActor
) -> None:
    with _behind_proxy(driven) as proxy:
        driven.settle()
        proxy.faults.refusals["eth_getLogs"] = "logs are disabled"
        intent_id = driven.register_asset(make_actor().organisation_id, 22_083)
        driven.bridge.round()
        driven.chain.mine(3)
        driven.bridge.round()
        assert selectors.chain_status().message == "logs are disabled"
        assert selectors.intent(intent_id).state == IntentState.CONFIRMED
        assert not _told("ChainEventConfirmed", 22_083)
        proxy.heal()
        driven.settle()
        assert len(_told("ChainEventConfirmed", 22_083)) == 1
