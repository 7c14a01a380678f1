"""Several nodes asked as one: the majority counts, a laggard neither holds up nor is believed, a liar is reported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from chain_bridge.errors import (
    CallReverts,
    ChainMismatch,
    NodesDisagree,
    NonceTooLow,
    RpcRefused,
    RpcUnavailable,
)
from chain_bridge.gateway import Gateway
from chain_bridge.quorum import Quorum, connect
from chain_bridge.signer import Signer
from chain_bridge.types import BlockRef, Call, NodeCondition
from tests.chain_bridge.chain_fixtures import DeployedChain, start_anvil
from tests.chain_bridge.faulty_rpc import FaultyRpc, faulty_rpc

STRANGER = "0x" + "12" * 20
NO_HASH = "0x" + "11" * 32


@contextmanager
def _nodes(chain: DeployedChain, count: int) -> Iterator[tuple[Quorum, list[FaultyRpc]]]:
    with ExitStack() as stack:
        proxies = [stack.enter_context(faulty_rpc(chain.config.rpc_url)) for _ in range(count)]
        quorum = connect([proxy.url for proxy in proxies], chain.config.chain_id, timeout_s=20)
        assert isinstance(quorum, Quorum)
        yield quorum, proxies


def _conditions(quorum: Quorum) -> list[NodeCondition]:
    return [state.condition for state in quorum.node_states()]


def _send(chain: DeployedChain, gateway: Gateway) -> str:
    signer = Signer(chain.config.signer_key, chain.config.chain_id)
    call = Call(signer.address, "0x")
    nonce = chain.gateway.nonce(signer.address)
    signed = signer.sign(call, nonce=nonce, gas=21_000, fees=chain.gateway.fees())
    gateway.broadcast(signed.raw)
    return signed.hash


def test_one_url_is_asked_directly(chain: DeployedChain) -> None:
    gateway = connect([chain.config.rpc_url], chain.config.chain_id)
    assert type(gateway) is Gateway
    head = gateway.head()
    assert [(state.condition, state.head) for state in gateway.node_states()] == [(NodeCondition.AGREES, head.number)]


def test_nodes_that_agree_answer_as_one(own_chain: DeployedChain) -> None:
    with _nodes(own_chain, 2) as (quorum, _):
        direct = own_chain.gateway
        signer = Signer(own_chain.config.signer_key, own_chain.config.chain_id).address
        assert quorum.chain_id() == own_chain.config.chain_id
        assert quorum.head() == direct.head()
        tx_hash = _send(own_chain, quorum)
        head = quorum.head()
        assert _conditions(quorum) == [NodeCondition.AGREES] * 2
        assert quorum.receipt(tx_hash) == direct.receipt(tx_hash)
        assert quorum.knows(tx_hash)
        assert quorum.block(head.number) == head
        assert quorum.block(head.number + 1) is None
        assert quorum.nonce(signer) == direct.nonce(signer)
        assert quorum.nonce(signer, at_block=head.number - 1) == direct.nonce(signer) - 1
        assert quorum.balance(signer) == direct.balance(signer)
        assert quorum.fees() == direct.fees()
        registry = own_chain.contracts["AssetRegistry"]
        assert quorum.code(registry.address) == direct.code(registry.address)
        assert quorum.read(registry, "supportsInterface", ["0x80ac58cd"]) == [True]
        assert quorum.logs([registry.address], 0, head.number) == direct.logs([registry.address], 0, head.number)
        call = Call(STRANGER, "0x")
        assert quorum.estimate_gas(signer, call) == direct.estimate_gas(signer, call)
        assert "lack of gas" in quorum.revert_reason(signer, call, head.number, [])
        assert quorum.receipt(NO_HASH) is None
        assert not quorum.knows(NO_HASH)


def test_node_that_lags_neither_holds_up_nor_contradicts(own_chain: DeployedChain) -> None:
    with _nodes(own_chain, 2) as (quorum, (_, late)):
        own_chain.mine(5)
        tx_hash = _send(own_chain, quorum)
        late.faults.lag_blocks = 3
        head = quorum.head()
        assert head == own_chain.gateway.head()
        assert _conditions(quorum) == [NodeCondition.AGREES, NodeCondition.BEHIND]
        assert quorum.node_states()[1].lag == 3
        receipt = quorum.receipt(tx_hash)
        assert receipt is not None
        assert receipt.block == head
        assert quorum.block(head.number) == head


def test_node_that_lags_is_not_asked_for_the_newest_state(own_chain: DeployedChain) -> None:
    with _nodes(own_chain, 2) as (quorum, (late, _)):
        late.faults.lag_blocks = 1
        own_chain.mine(2)
        quorum.head()
        late.calls.clear()
        quorum.fees()
        quorum.balance(STRANGER)
        assert not late.calls


def test_liar_is_outvoted_and_reported(own_chain: DeployedChain) -> None:
    with _nodes(own_chain, 3) as (quorum, (_, liar, hider)):
        tx_hash = _send(own_chain, quorum)
        liar.faults.other_history = True
        hider.faults.hidden_logs = True
        assert quorum.head() == own_chain.gateway.head()
        assert _conditions(quorum) == [NodeCondition.AGREES, NodeCondition.DISAGREES, NodeCondition.AGREES]
        assert "another history" in quorum.node_states()[1].message
        receipt = quorum.receipt(tx_hash)
        assert receipt == own_chain.gateway.receipt(tx_hash)
        liar.heal()
        registry, head = own_chain.contracts["AssetRegistry"], quorum.head()
        assert quorum.logs([registry.address], 0, head.number)


def test_node_ahead_on_another_history_is_not_followed(own_chain: DeployedChain) -> None:
    """It claims a height that the others do not have, on blocks that they do not have."""
    with _nodes(own_chain, 3) as (quorum, (liar, first, second)):
        own_chain.mine(3)
        liar.faults.other_history = True
        first.faults.lag_blocks = second.faults.lag_blocks = 2
        assert quorum.head() == first_head(own_chain, lag=2)
        assert _conditions(quorum)[0] == NodeCondition.DISAGREES


def first_head(chain: DeployedChain, *, lag: int) -> BlockRef:
    block = chain.gateway.block(chain.gateway.head().number - lag)
    assert block is not None
    return block


def test_two_that_contradict_each_other_are_not_believed(own_chain: DeployedChain) -> None:
    with _nodes(own_chain, 2) as (quorum, (_, liar)):
        tx_hash = _send(own_chain, quorum)
        head = quorum.head()
        liar.faults.other_history = True
        with pytest.raises(NodesDisagree, match="transaction"):
            quorum.receipt(tx_hash)
        with pytest.raises(NodesDisagree, match="block"):
            quorum.block(head.number)
        with pytest.raises(NodesDisagree, match="disagree about the chain"):
            quorum.head()
        assert _conditions(quorum) == [NodeCondition.DISAGREES] * 2


def test_node_that_is_down_has_no_vote(own_chain: DeployedChain) -> None:
    with _nodes(own_chain, 2) as (quorum, (down, _)):
        down.faults.down = True
        assert quorum.chain_id() == own_chain.config.chain_id
        head = quorum.head()
        assert _conditions(quorum) == [NodeCondition.DOWN, NodeCondition.AGREES]
        assert quorum.block(head.number) == head
        assert quorum.receipt(_send(own_chain, quorum)) is None  # the head was looked at before
        assert quorum.head().number == head.number + 1


def test_node_of_another_chain_has_no_vote(own_chain: DeployedChain) -> None:
    with start_anvil(chain_id=1) as foreign:
        quorum = Quorum([foreign, own_chain.config.rpc_url], own_chain.config.chain_id, timeout_s=20)
        assert quorum.chain_id() == own_chain.config.chain_id
        assert quorum.head() == own_chain.gateway.head()
        assert _conditions(quorum) == [NodeCondition.DOWN, NodeCondition.AGREES]
        assert "serves chain 1" in quorum.node_states()[0].message
        only = Quorum([foreign, foreign], own_chain.config.chain_id, timeout_s=20)
        assert only.chain_id() == 1
        with pytest.raises(ChainMismatch, match="serves chain 1"):
            only.head()


def test_all_down_is_unavailable_whatever_is_asked(own_chain: DeployedChain) -> None:
    with _nodes(own_chain, 2) as (quorum, proxies):
        head = quorum.head()
        for proxy in proxies:
            proxy.faults.down = True
        registry = own_chain.contracts["AssetRegistry"].address
        for question in (
            lambda: quorum.receipt(NO_HASH),
            lambda: quorum.knows(NO_HASH),
            lambda: quorum.block(head.number),
            lambda: quorum.nonce(STRANGER),
            lambda: quorum.logs([registry], 0, head.number),
            lambda: quorum.fees(),
            lambda: quorum.broadcast(b"\x01"),
            lambda: quorum.chain_id(),
            lambda: quorum.head(),
        ):
            with pytest.raises(RpcUnavailable):
                question()
        assert _conditions(quorum) == [NodeCondition.DOWN] * 2


def test_what_no_node_can_know_yet_is_unavailable(own_chain: DeployedChain) -> None:
    with _nodes(own_chain, 2) as (quorum, _):
        beyond = quorum.head().number + 5
        with pytest.raises(RpcUnavailable, match="no node has block"):
            quorum.nonce(STRANGER, at_block=beyond)
        with pytest.raises(RpcUnavailable, match="no node has block"):
            quorum.logs([STRANGER], 0, beyond)


def test_refusals_are_the_nodes_own(own_chain: DeployedChain) -> None:
    with _nodes(own_chain, 2) as (quorum, (first, second)):
        signer = Signer(own_chain.config.signer_key, own_chain.config.chain_id)
        used = signer.sign(Call(signer.address, "0x"), nonce=0, gas=21_000, fees=quorum.fees())
        with pytest.raises(NonceTooLow):
            quorum.broadcast(used.raw)
        for proxy in (first, second):
            proxy.faults.refusals = {"eth_estimateGas": "execution timeout", "eth_sendRawTransaction": "pool is full"}
        with pytest.raises(RpcRefused, match="execution timeout"):
            quorum.estimate_gas(signer.address, Call(STRANGER, "0x"))
        with pytest.raises(RpcRefused, match="pool is full"):
            quorum.broadcast(used.raw)
        registry = own_chain.contracts["AssetRegistry"]
        with pytest.raises(CallReverts):
            quorum.read(registry, "ownerOf", [404])


def test_second_node_answers_where_the_first_went_away(own_chain: DeployedChain) -> None:
    with _nodes(own_chain, 2) as (quorum, (first, _)):
        quorum.head()
        first.faults.status = 503
        assert quorum.balance(STRANGER) == 0
        first.heal()
