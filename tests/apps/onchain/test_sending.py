"""Transactions: stored before sent, in order, never twice, never stuck."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from apps.core.models import OutboxEvent
from apps.onchain import selectors, services
from apps.onchain.errors import IntentKeyReused
from apps.onchain.models import ChainIntent, ChainTransaction, TransactionAttempt
from apps.onchain.types import IntentState, TransactionState
from chain_bridge.errors import RpcUnavailable
from chain_bridge.gateway import Gateway
from chain_bridge.types import Fees
from tests.apps.onchain.bridge_fixtures import DrivenBridge

pytestmark = pytest.mark.django_db(transaction=True)
MakeActor = Callable[..., Any]


class Killed(BaseException):
    """Stands for `kill -9`: nothing catches it."""


def _events(kind: str, key: str) -> list[dict[str, Any]]:
    rows = OutboxEvent.objects.filter(type=f"onchain.{kind}").order_by("id")
    return [row.payload for row in rows if row.payload["idempotency_key"] == key]


def test_intent_is_sent_confirmed_at_depth_and_told_once(driven: DrivenBridge, make_actor: MakeActor) -> None:
    organisation_id = make_actor().organisation_id
    intent_id = driven.register_asset(organisation_id, 1001)
    driven.bridge.round()
    assert selectors.intent(intent_id).state == IntentState.SENT
    driven.bridge.round()
    assert selectors.intent(intent_id).state == IntentState.SENT
    driven.settle()
    driven.settle()
    info = selectors.intent(intent_id)
    assert info.state == IntentState.CONFIRMED
    assert info.organisation_id == organisation_id
    told = _events("TransactionConfirmed", "test:1001")
    assert [(event["tx_hash"], event["block_number"]) for event in told] == [(info.tx_hash, info.block_number)]
    assert driven.owner_of(1001) == driven.lane().address


def test_same_key_is_the_same_intent_and_other_content_is_refused(driven: DrivenBridge, make_actor: MakeActor) -> None:
    organisation_id = make_actor().organisation_id
    first = driven.register_asset(organisation_id, 1)
    assert driven.register_asset(organisation_id, 1) == first
    with pytest.raises(IntentKeyReused):
        services.request_transaction(
            organisation_id=organisation_id,
            kind="test.register",
            contract="AssetRegistry",
            function="register",
            args=[],
            idempotency_key="test:1",
        )
    assert driven.register_asset(make_actor().organisation_id, 1) != first


def test_many_intents_use_every_nonce_once_in_order(driven: DrivenBridge, make_actor: MakeActor) -> None:
    organisation_id = make_actor().organisation_id
    driven.bridge.round()
    first_nonce = driven.lane().next_nonce
    intents = [driven.register_asset(organisation_id, 100 + number) for number in range(40)]
    driven.settle()
    rows = ChainTransaction.objects.filter(intent_id__in=intents).order_by("nonce")
    assert [row.intent_id for row in rows] == intents
    assert [row.nonce for row in rows] == list(range(first_nonce, first_nonce + 40))
    assert {row.state for row in rows} == {TransactionState.CONFIRMED}


def test_killed_between_storing_and_sending_sends_the_same_bytes(driven: DrivenBridge, make_actor: MakeActor) -> None:
    intent_id = driven.register_asset(make_actor().organisation_id, 7)
    with patch.object(Gateway, "broadcast", side_effect=Killed), pytest.raises(Killed):
        driven.bridge.round()
    stored = TransactionAttempt.objects.get(transaction__intent_id=intent_id)
    sent: list[bytes] = []
    broadcast = Gateway.broadcast

    def spy(gateway: Gateway, raw: bytes) -> None:
        sent.append(raw)
        broadcast(gateway, raw)

    driven.restart()
    with patch.object(Gateway, "broadcast", spy):
        driven.settle()
    assert sent == [bytes(stored.raw)]
    assert selectors.intent(intent_id).tx_hash == stored.tx_hash
    assert TransactionAttempt.objects.filter(transaction__intent_id=intent_id).count() == 1


def test_killed_before_storing_leaves_no_gap(driven: DrivenBridge, make_actor: MakeActor) -> None:
    intent_id = driven.register_asset(make_actor().organisation_id, 7)
    with patch("apps.onchain.sending.TransactionAttempt.objects.create", side_effect=Killed), pytest.raises(Killed):
        driven.bridge.round()
    assert selectors.intent(intent_id).state == IntentState.QUEUED
    assert not ChainTransaction.objects.filter(intent_id=intent_id).exists()
    driven.restart()
    driven.settle()
    assert selectors.intent(intent_id).state == IntentState.CONFIRMED


def test_answer_lost_after_acceptance_has_no_second_effect(driven: DrivenBridge, make_actor: MakeActor) -> None:
    intent_id = driven.register_asset(make_actor().organisation_id, 7)
    broadcast = Gateway.broadcast

    def accept_and_drop(gateway: Gateway, raw: bytes) -> None:
        broadcast(gateway, raw)
        raise RpcUnavailable("the answer was lost")

    with patch.object(Gateway, "broadcast", accept_and_drop):
        driven.bridge.round()
    driven.settle()
    assert selectors.intent(intent_id).state == IntentState.CONFIRMED
    assert TransactionAttempt.objects.filter(transaction__intent_id=intent_id).count() == 1


def test_refused_intent_fails_with_the_contracts_reason_and_uses_no_nonce(
    driven: DrivenBridge, make_actor: MakeActor
) -> None:
    organisation_id = make_actor().organisation_id
    bad = driven.register_asset(organisation_id, 8, parents=(999,))
    good = driven.register_asset(organisation_id, 9)
    driven.settle()
    assert selectors.intent(bad).state == IntentState.FAILED
    assert "AssetRegistryUnknownParent(999)" in selectors.intent(bad).reason
    assert _events("TransactionFailed", "test:8")[0]["reason"] == selectors.intent(bad).reason
    assert not ChainTransaction.objects.filter(intent_id=bad).exists()
    assert selectors.intent(good).state == IntentState.CONFIRMED


def test_receiver_that_burns_gas_in_its_hook_is_not_served_at_the_platforms_cost(
    driven: DrivenBridge, make_actor: MakeActor
) -> None:
    organisation_id = make_actor().organisation_id
    greedy = "0x" + "6a5" + "0" * 36 + "1"
    # Answers as an ERC-1155 receiver does, after widening its memory to 1.5 MB, which costs some 4.5 million gas.
    code = "0x" + "63f23a6e61" + "60e01b" + "600052" + "6000" + "6216e360" + "52" + "60206000f3"
    driven.chain.gateway.development("anvil_setCode", greedy, code)
    driven.register_asset(organisation_id, 61)
    driven.settle()
    bad = services.request_transaction(
        organisation_id=organisation_id,
        kind="test.shares",
        contract="AssetShares",
        function="create",
        args=["61", greedy, "100"],
        idempotency_key="greedy",
    )
    good = driven.register_asset(organisation_id, 62)
    driven.settle()
    assert "gas, 3000000 are allowed" in selectors.intent(bad).reason
    assert not ChainTransaction.objects.filter(intent_id=bad).exists()
    assert selectors.intent(good).state == IntentState.CONFIRMED


def test_child_waits_for_its_parents_block(driven: DrivenBridge, make_actor: MakeActor) -> None:
    organisation_id = make_actor().organisation_id
    driven.chain.automine(on=False)
    parent = driven.register_asset(organisation_id, 10)
    child = driven.register_asset(organisation_id, 11, parents=(10,))
    driven.bridge.round()
    driven.bridge.round()
    assert selectors.intent(child).state == IntentState.QUEUED
    driven.settle()
    assert selectors.intent(parent).state == IntentState.CONFIRMED
    assert selectors.intent(child).state == IntentState.CONFIRMED


def test_transaction_that_reverts_on_chain_fails_and_does_not_block_the_lane(
    driven: DrivenBridge, make_actor: MakeActor
) -> None:
    organisation_id = make_actor().organisation_id
    driven.chain.automine(on=False)
    first = driven.register_asset(organisation_id, 12)
    # The same token again: its estimate passes while the first waits, and it reverts in its block.
    second = services.request_transaction(
        organisation_id=organisation_id,
        kind="test.register",
        contract="AssetRegistry",
        function="register",
        args=["custody", "12", "0x" + "cc" * 32, "0x" + "bb" * 32, "0x" + "00" * 32, [], []],
        idempotency_key="test:12-again",
    )
    third = driven.register_asset(organisation_id, 13)
    driven.settle()
    assert [selectors.intent(i).state for i in (first, second, third)] == ["confirmed", "failed", "confirmed"]
    assert "AssetRegistryAlreadyRegistered(12)" in selectors.intent(second).reason
    assert ChainTransaction.objects.get(intent_id=second).state == TransactionState.REVERTED


@pytest.mark.parametrize(
    ("contract", "function", "args"),
    [
        ("NoSuchContract", "register", []),
        ("AssetRegistry", "noSuchFunction", []),
        ("AssetRegistry", "register", ["not an address", "1", "0x", "0x", "0x", [], []]),
    ],
)
def test_malformed_intent_fails_alone(
    driven: DrivenBridge, make_actor: MakeActor, contract: str, function: str, args: list[Any]
) -> None:
    organisation_id = make_actor().organisation_id
    bad = services.request_transaction(
        organisation_id=organisation_id,
        kind="test",
        contract=contract,
        function=function,
        args=args,
        idempotency_key="x",
    )
    good = driven.register_asset(organisation_id, 14)
    driven.settle()
    assert selectors.intent(bad).state == IntentState.FAILED
    assert selectors.intent(good).state == IntentState.CONFIRMED


def test_reorganised_transaction_goes_out_again_and_counts_once(driven: DrivenBridge, make_actor: MakeActor) -> None:
    intent_id = driven.register_asset(make_actor().organisation_id, 15)
    driven.chain.mine(3)
    driven.bridge.round()
    driven.bridge.round()
    row = ChainTransaction.objects.get(intent_id=intent_id)
    assert row.state == TransactionState.MINED
    driven.chain.reorg(2)
    assert driven.chain.gateway.receipt(str(row.tx_hash)) is None
    driven.settle()
    info = selectors.intent(intent_id)
    assert info.state == IntentState.CONFIRMED
    assert info.tx_hash == TransactionAttempt.objects.get(transaction=row).tx_hash
    assert len(_events("TransactionConfirmed", "test:15")) == 1


def test_stuck_transaction_is_replaced_with_a_higher_fee(driven: DrivenBridge, make_actor: MakeActor) -> None:
    intent_id = driven.register_asset(make_actor().organisation_id, 16)
    driven.chain.automine(on=False)
    with patch.object(Gateway, "fees", return_value=Fees(max_fee=10, priority_fee=1)):
        # Too little for any block, so the node keeps it waiting or turns it away while blocks go by.
        driven.bridge.round()
    driven.chain.mine(5)
    driven.bridge.round()
    attempts = list(TransactionAttempt.objects.filter(transaction__intent_id=intent_id).order_by("number"))
    for _ in range(3):
        if len(attempts) > 1:
            break
        driven.chain.mine()
        driven.bridge.round()
        attempts = list(TransactionAttempt.objects.filter(transaction__intent_id=intent_id).order_by("number"))
    assert len(attempts) == 2
    driven.settle()
    assert selectors.intent(intent_id).tx_hash == attempts[1].tx_hash
    assert ChainTransaction.objects.filter(intent_id=intent_id).count() == 1


def test_nonce_used_by_somebody_else_queues_the_intent_again(driven: DrivenBridge, make_actor: MakeActor) -> None:
    from chain_bridge.signer import Signer
    from chain_bridge.types import Call

    intent_id = driven.register_asset(make_actor().organisation_id, 18)
    with patch.object(Gateway, "broadcast", side_effect=Killed), pytest.raises(Killed):
        driven.bridge.round()
    signer = Signer(driven.chain.config.signer_key, driven.chain.config.chain_id)
    row = ChainTransaction.objects.get(intent_id=intent_id)
    gateway = driven.chain.gateway
    gateway.broadcast(signer.sign(Call(signer.address, "0x"), nonce=row.nonce, gas=21_000, fees=gateway.fees()).raw)
    driven.restart()
    driven.bridge.round()
    driven.chain.mine(6)
    driven.bridge.round()
    assert ChainTransaction.objects.get(id=row.id).state == TransactionState.SENT, "a node that lags may not know it"
    driven.chain.mine(8)
    driven.settle()
    assert ChainTransaction.objects.get(id=row.id).state == TransactionState.LOST
    assert selectors.intent(intent_id).state == IntentState.CONFIRMED
    assert len(_events("TransactionConfirmed", "test:18")) == 1


def test_chain_that_forgot_confirmed_transactions_gets_the_same_bytes(
    driven: DrivenBridge, make_actor: MakeActor
) -> None:
    gateway = driven.chain.gateway
    snapshot = gateway.development("evm_snapshot")
    intent_id = driven.register_asset(make_actor().organisation_id, 19)
    driven.settle()
    assert gateway.development("evm_revert", snapshot)
    driven.chain.mine(1)
    driven.settle()
    assert driven.owner_of(19)
    assert selectors.intent(intent_id).state == IntentState.CONFIRMED
    told = _events("TransactionConfirmed", "test:19")
    assert {event["tx_hash"] for event in told} == {ChainTransaction.objects.get(intent_id=intent_id).tx_hash}
    assert ChainIntent.objects.get(id=intent_id).transactions.count() == 1


def test_confirmed_transaction_that_vanishes_before_the_index_read_its_block_goes_out_again(
    driven: DrivenBridge, make_actor: MakeActor
) -> None:
    """The bridge died after it confirmed the transaction: no fork shows in what the index has read."""
    driven.chain.mine(5)
    driven.bridge.round()
    driven.chain.automine(on=False)
    intent_id = driven.register_asset(make_actor().organisation_id, 11)
    driven.bridge.round()
    driven.chain.mine(1 + driven.config.confirmations)
    sender, head = driven.bridge._senders[-1], driven.chain.gateway.head()
    sender.watch(driven.lane(), head)
    assert selectors.intent(intent_id).state == IntentState.CONFIRMED
    driven.chain.reorg(1 + driven.config.confirmations)
    driven.restart()
    driven.bridge.round()
    assert selectors.intent(intent_id).state == IntentState.SENT
    driven.settle()
    assert selectors.intent(intent_id).state == IntentState.CONFIRMED
    assert driven.owner_of(11) == driven.lane().address


def test_nonce_from_a_node_that_lags_takes_nothing_back(driven: DrivenBridge, make_actor: MakeActor) -> None:
    intent_id = driven.register_asset(make_actor().organisation_id, 12)
    driven.settle()
    (row,) = ChainTransaction.objects.filter(intent_id=intent_id)
    with patch.object(Gateway, "nonce", return_value=row.nonce):
        driven.bridge._senders[-1].watch(driven.lane(), driven.chain.gateway.head())
    assert selectors.intent(intent_id).state == IntentState.CONFIRMED
