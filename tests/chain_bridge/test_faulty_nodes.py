"""Whatever a node answers, the gateway says either the truth or that the node is of no use now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from chain_bridge.errors import CallReverts, RpcRefused, RpcUnavailable, SignerUnfunded, Underpriced
from chain_bridge.gateway import Gateway, node_label
from chain_bridge.indexer import ChainMoved, Indexer
from chain_bridge.types import Call, DecodedEvent, NodeCondition
from tests.chain_bridge.chain_fixtures import DeployedChain
from tests.chain_bridge.faulty_rpc import FaultyRpc, faulty_rpc

STRANGER = "0x" + "12" * 20
HASH = "0x" + "11" * 32
NOTHING = Call(STRANGER, "0x")

QUESTIONS: list[Callable[[Gateway], Any]] = [
    lambda node: node.chain_id(),
    lambda node: node.head(),
    lambda node: node.block(1),
    lambda node: node.nonce(STRANGER),
    lambda node: node.balance(STRANGER),
    lambda node: node.code(STRANGER),
    lambda node: node.fees(),
    lambda node: node.estimate_gas(STRANGER, NOTHING),
    lambda node: node.knows(HASH),
    lambda node: node.receipt(HASH),
    lambda node: node.logs([STRANGER], 0, 1),
    lambda node: node.client_version(),
    lambda node: node.broadcast(b"\x01"),
]


@pytest.fixture(scope="module")
def proxy(chain: DeployedChain) -> Iterator[FaultyRpc]:
    with faulty_rpc(chain.config.rpc_url) as running:
        yield running


@pytest.fixture
def node(proxy: FaultyRpc) -> Iterator[Gateway]:
    """A node that is good again after the test."""
    yield Gateway(proxy.url)
    proxy.heal()


@pytest.mark.parametrize(
    "fault", [{"down": True}, {"nonsense": True}, {"status": 429}, {"status": 500}, {"status": 503}, {"slow_s": 0.8}]
)
def test_node_without_a_proper_answer_is_unavailable(proxy: FaultyRpc, node: Gateway, fault: dict[str, Any]) -> None:
    for name, value in fault.items():
        setattr(proxy.faults, name, value)
    questions = QUESTIONS
    if "slow_s" in fault:
        node, questions = Gateway(proxy.url, timeout_s=0.5), QUESTIONS[1:2]
    for question in questions:
        with pytest.raises(RpcUnavailable, match=node.label):
            question(node)
    assert [state.condition for state in node.node_states()] == [NodeCondition.DOWN]


@pytest.mark.parametrize("nonsense", ["0xzz", 7, [], {"unexpected": [1, None]}, "", True])
def test_answer_of_the_wrong_form_is_unavailable_or_harmless(proxy: FaultyRpc, node: Gateway, nonsense: Any) -> None:
    """No other exception gets out, whatever the form; a few forms happen to be a possible answer."""
    for method in (
        "eth_chainId",
        "eth_getBlockByNumber",
        "eth_getTransactionCount",
        "eth_getBalance",
        "eth_getCode",
        "eth_estimateGas",
        "eth_getTransactionByHash",
        "eth_getTransactionReceipt",
        "eth_getLogs",
        "eth_maxPriorityFeePerGas",
        "web3_clientVersion",
        "eth_sendRawTransaction",
    ):
        proxy.faults.answers[method] = nonsense
    for question in QUESTIONS:
        with suppress(RpcUnavailable):
            question(node)


def test_node_without_blocks_is_unavailable(proxy: FaultyRpc, node: Gateway) -> None:
    proxy.faults.answers["eth_getBlockByNumber"] = None
    with pytest.raises(RpcUnavailable, match="no newest block"):
        node.head()


@pytest.mark.parametrize(
    ("method", "message", "question", "error"),
    [
        ("eth_estimateGas", "insufficient funds for transfer", QUESTIONS[7], SignerUnfunded),
        ("eth_estimateGas", "gas required exceeds allowance (0)", QUESTIONS[7], CallReverts),
        ("eth_estimateGas", "execution timeout", QUESTIONS[7], RpcRefused),
        ("eth_sendRawTransaction", "replacement transaction underpriced", QUESTIONS[12], Underpriced),
        ("eth_sendRawTransaction", "max fee per gas less than block base fee", QUESTIONS[12], Underpriced),
        ("eth_sendRawTransaction", "txpool is full", QUESTIONS[12], RpcRefused),
        ("eth_getLogs", "query returned more than 10000 results", QUESTIONS[10], RpcRefused),
    ],
)
def test_refusal_is_told_by_what_to_do_about_it(
    proxy: FaultyRpc, node: Gateway, method: str, message: str, question: Callable[[Gateway], Any], error: type
) -> None:
    proxy.faults.refusals[method] = message
    with pytest.raises(error):
        question(node)


@pytest.mark.parametrize("words", ["already known", "transaction already imported"])
def test_sending_what_the_node_has_is_no_error(proxy: FaultyRpc, node: Gateway, words: str) -> None:
    proxy.faults.refusals["eth_sendRawTransaction"] = words
    node.broadcast(b"\x01")


def test_reason_of_a_revert_waits_for_the_node_and_does_without_its_old_state(
    chain: DeployedChain, proxy: FaultyRpc, node: Gateway
) -> None:
    registry = chain.contracts["AssetRegistry"]
    refused = Call(registry.address, "0x6352211e" + "00" * 31 + "07")  # ownerOf(7)
    head = chain.gateway.head().number
    assert "7" in node.revert_reason(STRANGER, refused, head, [registry.abi])
    assert "lack of gas" in node.revert_reason(STRANGER, NOTHING, head, [])
    assert node.revert_reason(STRANGER, Call(registry.address, "0x12345678"), head, []) == "execution reverted"
    proxy.faults.refusals["eth_call"] = "missing trie node"
    assert "no longer has the state" in node.revert_reason(STRANGER, refused, head, [])
    proxy.faults.status = 503
    with pytest.raises(RpcUnavailable):
        node.revert_reason(STRANGER, refused, head, [])


def test_messages_do_not_contain_the_providers_keys(proxy: FaultyRpc) -> None:
    proxy.faults.status = 503
    url = proxy.url.replace("http://", "http://me:pa55@") + "/v3/0f1e2d-key?token=s3cret"
    node = Gateway(url, timeout_s=1)
    with pytest.raises(RpcUnavailable) as caught:
        node.head()
    proxy.heal()
    for secret in ("0f1e2d", "s3cret", "pa55"):
        assert secret not in str(caught.value)
    assert node_label("https://rpc.example/v3/0f1e2d-key") == "https://rpc.example"
    assert node.label in str(caught.value)


def test_logs_are_read_in_smaller_pieces_where_the_node_limits_them(
    chain: DeployedChain, proxy: FaultyRpc, node: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Indexer(chain.gateway, list(chain.contracts.values()), chunk_blocks=10_000)
    limited = Indexer(node, list(chain.contracts.values()), chunk_blocks=10_000)
    head = chain.gateway.head()
    forward = proxy.forward

    def at_most_three_blocks(request: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == "eth_getLogs":
            query = request["params"][0]
            if int(query["toBlock"], 16) - int(query["fromBlock"], 16) >= 3:
                return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32005, "message": "range too large"}}
        return forward(request)

    monkeypatch.setattr(proxy, "forward", at_most_three_blocks)
    expected = whole.scan(0, head)
    found: list[DecodedEvent] = []
    block = 0
    while (scan := limited.scan(block, head)) is not None:
        assert scan.tip.number - block < 3
        found += scan.events
        block = scan.tip.number + 1
    assert expected is not None
    assert found == list(expected.events)
    proxy.faults.refusals["eth_getLogs"] = "no"
    with pytest.raises(RpcRefused):
        limited.scan(0, head)


def test_logs_of_blocks_that_are_not_on_the_chain_are_read_again(own_chain: DeployedChain) -> None:
    """A node whose logs come from a machine that has not heard of a reorganisation."""
    with faulty_rpc(own_chain.config.rpc_url) as proxy:
        indexer = Indexer(Gateway(proxy.url), list(own_chain.contracts.values()), chunk_blocks=1000)
        head = own_chain.gateway.head()
        old = Gateway(proxy.url).logs([one.address for one in own_chain.contracts.values()], 0, head.number)
        raw = [
            {
                "address": log.address,
                "topics": ["0x" + topic.hex() for topic in log.topics],
                "data": "0x" + log.data.hex(),
                "blockNumber": hex(log.block.number),
                "blockHash": "0xffff" + log.block.hash[6:],
                "transactionHash": log.tx_hash,
                "transactionIndex": "0x0",
                "logIndex": hex(log.log_index),
                "removed": False,
            }
            for log in old[:1]
        ]
        proxy.faults.answers["eth_getLogs"] = raw
        with pytest.raises(ChainMoved, match="changed while they were read"):
            indexer.scan(0, head)
        proxy.faults.answers = {"eth_getBlockByNumber": None}
        with pytest.raises(ChainMoved, match="went while it was read"):
            indexer.scan(0, head)
