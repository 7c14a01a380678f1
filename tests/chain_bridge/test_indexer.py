"""The indexer reads every event once and tells a reorganisation from a node that lags."""

import pytest

from chain_bridge.errors import ChainMismatch
from chain_bridge.indexer import Indexer, NodeBehind
from chain_bridge.types import BlockRef, DecodedEvent
from tests.chain_bridge.chain_fixtures import DeployedChain


def _indexer(chain: DeployedChain, chunk_blocks: int = 1000) -> Indexer:
    return Indexer(chain.gateway, list(chain.contracts.values()), chunk_blocks=chunk_blocks)


def test_scanning_in_chunks_finds_the_same_events_as_at_once(own_chain: DeployedChain) -> None:
    indexer, by_block = _indexer(own_chain), _indexer(own_chain, chunk_blocks=1)
    head = own_chain.gateway.head()
    whole = indexer.scan(indexer.first_block, head)
    assert whole is not None
    assert whole.tip == head
    found: list[DecodedEvent] = []
    block = by_block.first_block
    while (scan := by_block.scan(block, head)) is not None:
        found += scan.events
        block = scan.tip.number + 1
    assert found == list(whole.events)
    assert {event.event for event in found} >= {"RoleGranted", "Transfer", "Approval"}
    minted = next(event for event in found if event.event == "Transfer")
    assert minted.args["value"] == str(10**15)


def test_nothing_new_is_none(own_chain: DeployedChain) -> None:
    head = own_chain.gateway.head()
    assert _indexer(own_chain).scan(head.number + 1, head) is None


def test_reorganisation_leads_back_to_the_last_common_block(own_chain: DeployedChain) -> None:
    gateway = own_chain.gateway
    own_chain.mine(8)
    head = gateway.head()
    known = [block for number in range(head.number, head.number - 8, -1) if (block := gateway.block(number))]
    assert _indexer(own_chain).common_block(known, head) == head
    own_chain.reorg(3)
    assert _indexer(own_chain).common_block(known, gateway.head()) == known[3]


def test_node_that_lags_is_not_mistaken_for_a_reorganisation(own_chain: DeployedChain) -> None:
    gateway = own_chain.gateway
    head = gateway.head()
    known = [BlockRef(head.number + 2, "0x" + "ab" * 32), BlockRef(head.number + 1, "0x" + "cd" * 32), head]
    with pytest.raises(NodeBehind, match=f"block {head.number + 2} was seen"):
        _indexer(own_chain).common_block(known, head)


def test_chain_without_any_known_block_is_another_chain(own_chain: DeployedChain) -> None:
    head = own_chain.gateway.head()
    with pytest.raises(ChainMismatch, match="reset"):
        _indexer(own_chain).common_block([BlockRef(1, "0x" + "ab" * 32)], head)
    assert _indexer(own_chain).common_block([], head) is None
