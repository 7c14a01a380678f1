"""Each signer keeps its own order, and what holds one up does not hold up the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from pydantic import SecretStr

from apps.onchain import selectors
from apps.onchain.models import ChainIntent, ChainTransaction, TransactionAttempt
from apps.onchain.types import PAYOUTS_LANE, IntentState, TransactionState
from chain_bridge.gateway import Gateway
from chain_bridge.signer import InvalidKey
from chain_bridge.types import Call, Fees
from tests.apps.onchain.bridge_fixtures import DrivenBridge

pytestmark = pytest.mark.django_db(transaction=True)
MakeActor = Callable[..., Any]
ROOT = "0x" + "11" * 32


def _set_balance(driven: DrivenBridge, address: str, wei: int) -> None:
    driven.chain.gateway.development("anvil_setBalance", address, hex(wei))


def _drop(driven: DrivenBridge, intent_id: Any) -> None:
    attempt = TransactionAttempt.objects.filter(transaction__intent_id=intent_id).order_by("-number")[0]
    driven.chain.gateway.development("anvil_dropTransaction", attempt.tx_hash)


def test_intents_go_through_the_lane_of_their_contract(driven: DrivenBridge, make_actor: MakeActor) -> None:
    asset = driven.register_asset(make_actor().organisation_id, 21_001)
    root = driven.set_root(ROOT)
    driven.settle()
    rows = {row.intent_id: row.lane for row in ChainTransaction.objects.filter(intent_id__in=[asset, root])}
    assert rows == {asset: driven.lane(), root: driven.lane(PAYOUTS_LANE)}
    assert driven.lane().address != driven.lane(PAYOUTS_LANE).address
    assert selectors.intent(root).state == IntentState.CONFIRMED


def test_one_key_signs_all_where_there_is_no_second(driven: DrivenBridge, make_actor: MakeActor) -> None:
    assert driven.config.payouts_signer_key is not None
    driven.restart(signer_key=driven.config.payouts_signer_key, payouts_signer_key=None)
    root = driven.set_root(ROOT)
    driven.settle()
    assert selectors.intent(root).state == IntentState.CONFIRMED
    assert [lane.name for lane in selectors.lanes()] == ["registry"]


def test_malformed_second_key_is_named(driven: DrivenBridge) -> None:
    with pytest.raises(InvalidKey, match="CHAIN_PAYOUTS_SIGNER_KEY must be"):
        driven.restart(payouts_signer_key=SecretStr("0x12"))


@pytest.mark.parametrize("broke", ["registry", "payouts"])
def test_unfunded_signer_says_so_and_the_other_lane_goes_on(
    driven: DrivenBridge, make_actor: MakeActor, broke: str
) -> None:
    driven.bridge.round()
    lane = driven.lane(broke)
    _set_balance(driven, lane.address, 0)
    intents = {
        "registry": driven.register_asset(make_actor().organisation_id, 21_002),
        "payouts": driven.set_root(ROOT),
    }
    other = intents["payouts" if broke == "registry" else "registry"]
    for _ in range(4):
        driven.bridge.round()
        driven.chain.mine()
    assert selectors.intent(other).state == IntentState.CONFIRMED
    assert selectors.intent(intents[broke]).state in (IntentState.QUEUED, IntentState.SENT)
    state = next(one for one in selectors.lanes() if one.name == broke)
    assert f"the {broke} signer {lane.address} cannot pay for gas" in state.problem
    assert state.problem_since is not None
    assert state.balance_wei == 0
    assert state.problem in selectors.chain_status().message
    _set_balance(driven, lane.address, 10**18)
    driven.settle()
    assert selectors.intent(intents[broke]).state == IntentState.CONFIRMED
    assert selectors.chain_status().healthy
    assert next(one for one in selectors.lanes() if one.name == broke).problem == ""


def test_fee_above_the_cap_waits_with_a_clear_status_and_goes_on_when_the_price_falls(
    driven: DrivenBridge, make_actor: MakeActor
) -> None:
    driven.restart(max_fee_cap_wei=20 * 10**9)
    driven.chain.gateway.development("anvil_setNextBlockBaseFeePerGas", hex(10**12))
    driven.chain.mine()
    intent_id = driven.register_asset(make_actor().organisation_id, 21_003)
    driven.bridge.round()
    assert selectors.intent(intent_id).state == IntentState.QUEUED
    assert "above the cap of 20 (CHAIN_MAX_FEE_WEI)" in selectors.chain_status().message
    driven.chain.gateway.development("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    driven.settle()
    assert selectors.intent(intent_id).state == IntentState.CONFIRMED


def test_stuck_by_a_spike_above_the_cap_is_neither_replaced_nor_lost(
    driven: DrivenBridge, make_actor: MakeActor
) -> None:
    driven.restart(max_fee_cap_wei=20 * 10**9, replace_after_blocks=1)
    driven.chain.automine(on=False)
    intent_id = driven.register_asset(make_actor().organisation_id, 21_004)
    later = driven.set_root(ROOT)
    driven.bridge.round()
    for _ in range(3):
        driven.chain.gateway.development("anvil_setNextBlockBaseFeePerGas", hex(10**12))
        driven.chain.mine()
        driven.bridge.round()
    assert TransactionAttempt.objects.filter(transaction__intent_id=intent_id).count() == 1
    assert selectors.intent(intent_id).state == IntentState.SENT
    assert "above the cap" in next(one for one in selectors.lanes() if one.name == "registry").problem
    driven.chain.gateway.development("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    driven.chain.mine()
    driven.settle()
    assert selectors.intent(intent_id).state == IntentState.CONFIRMED
    assert selectors.intent(later).state == IntentState.CONFIRMED


def test_bytes_that_the_node_lost_below_waiting_ones_go_out_again(driven: DrivenBridge, make_actor: MakeActor) -> None:
    organisation_id = make_actor().organisation_id
    driven.chain.automine(on=False)
    intents = [driven.register_asset(organisation_id, 21_010 + number) for number in range(4)]
    driven.bridge.round()
    _drop(driven, intents[1])
    driven.settle()
    assert {selectors.intent(one).state for one in intents} == {IntentState.CONFIRMED}
    assert TransactionAttempt.objects.filter(transaction__intent_id__in=intents).count() == 4


def test_nonce_that_nothing_uses_any_more_is_filled(driven: DrivenBridge, make_actor: MakeActor) -> None:
    """A transaction made by hand used a nonce, ours came after it, and a reorganisation undid both."""
    gateway = driven.chain.gateway
    driven.bridge.round()
    driven.chain.mine(3)
    driven.bridge.round()
    lane, sender = driven.lane(), driven.bridge._senders[1]
    by_hand = sender._signer.sign(Call(lane.address, "0x"), nonce=lane.next_nonce, gas=21_000, fees=gateway.fees())
    gateway.broadcast(by_hand.raw)
    intent_id = driven.register_asset(make_actor().organisation_id, 21_020)
    driven.bridge.round()
    driven.bridge.round()
    assert ChainTransaction.objects.get(intent_id=intent_id).nonce == lane.next_nonce + 1
    driven.chain.reorg(2)
    assert gateway.nonce(lane.address) == lane.next_nonce
    driven.settle()
    assert selectors.intent(intent_id).state == IntentState.CONFIRMED
    filler = ChainTransaction.objects.get(lane=lane, nonce=lane.next_nonce)
    assert (filler.intent_id, filler.state) == (None, TransactionState.CONFIRMED)


def test_no_more_are_under_way_than_allowed(driven: DrivenBridge, make_actor: MakeActor) -> None:
    driven.restart(max_in_flight=3)
    driven.chain.automine(on=False)
    organisation_id = make_actor().organisation_id
    intents = [driven.register_asset(organisation_id, 21_030 + number) for number in range(7)]
    driven.bridge.round()
    driven.bridge.round()
    state = next(one for one in selectors.lanes() if one.name == "registry")
    assert (state.in_flight, state.queued) == (3, 4)
    assert state.highest_fee_wei is not None
    driven.settle()
    assert {selectors.intent(one).state for one in intents} == {IntentState.CONFIRMED}


def test_what_another_process_did_meanwhile_is_not_done_again(driven: DrivenBridge, make_actor: MakeActor) -> None:
    """Two bridges run for a moment while one takes over from the other. The race is forced by calling the second."""
    intent_id = driven.register_asset(make_actor().organisation_id, 21_040)
    driven.chain.automine(on=False)
    driven.bridge.round()
    sender, lane, head = driven.bridge._senders[1], driven.lane(), driven.chain.gateway.head()
    row = ChainTransaction.objects.get(intent_id=intent_id)
    call = Call(row.to_address, row.data)
    fees = driven.chain.gateway.fees()
    assert sender._store(lane.id, intent_id, call, row.gas, fees, head) is None
    first = row.attempts.get()
    sender._replace(row.id, first, head)
    sender._replace(row.id, first, head)
    assert row.attempts.count() == 2
    sender._fail(intent_id, "too late")
    driven.settle()
    row.refresh_from_db()
    receipt = driven.chain.gateway.receipt(row.tx_hash)
    assert receipt is not None
    sender._finish(row.id, receipt, "")
    sender._replace(row.id, row.attempts.get(number=2), head)
    sender._maybe_lost(row, driven.chain.gateway.head())
    assert row.attempts.count() == 2
    assert selectors.intent(intent_id).state == IntentState.CONFIRMED


def test_trouble_with_one_lane_is_not_the_others(driven: DrivenBridge, make_actor: MakeActor) -> None:
    """A lane that cannot even be opened (its node call fails) leaves the other working."""
    intent_id = driven.register_asset(make_actor().organisation_id, 21_041)
    from chain_bridge.errors import RpcUnavailable

    with patch.object(driven.bridge._senders[0], "open_lane", side_effect=RpcUnavailable("no answer")):
        driven.bridge.round()
    assert selectors.intent(intent_id).state == IntentState.SENT
    assert selectors.chain_status().message == "no answer"


def test_intent_that_another_process_takes_at_the_same_moment_is_left_to_it(
    driven: DrivenBridge, make_actor: MakeActor
) -> None:
    """The moment between looking at the queue and locking the intent, forced through the call in between."""
    intent_id = driven.register_asset(make_actor().organisation_id, 21_042)
    ask_fees = Gateway.fees

    def taken_meanwhile(gateway: Gateway) -> Fees:
        ChainIntent.objects.filter(id=intent_id).update(state=IntentState.SENT)
        return ask_fees(gateway)

    with patch.object(Gateway, "fees", taken_meanwhile):
        driven.bridge.round()
    assert not ChainTransaction.objects.filter(intent_id=intent_id).exists()


def test_refusal_to_a_signer_without_coins_is_not_the_contracts(driven: DrivenBridge, make_actor: MakeActor) -> None:
    """Nodes word it alike; what fails for want of gas money must not fail the intent."""
    driven.settle()
    lane = driven.lane()
    _set_balance(driven, lane.address, 0)
    intent_id = driven.register_asset(make_actor().organisation_id, 21_043, parents=(999,))
    driven.bridge.round()
    assert selectors.intent(intent_id).state == IntentState.QUEUED
    assert "cannot pay for gas" in selectors.chain_status().message
    _set_balance(driven, lane.address, 10**18)
    driven.bridge.round()
    assert selectors.intent(intent_id).state == IntentState.FAILED
