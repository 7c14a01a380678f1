"""Reads the events of our contracts and notices when the chain's history changed under what was read before."""

from collections.abc import Sequence
from dataclasses import dataclass

from chain_bridge import abi
from chain_bridge.errors import BridgeError, ChainMismatch, RpcRefused
from chain_bridge.gateway import Gateway
from chain_bridge.types import BlockRef, DecodedEvent, DeployedContract, RawLog

_ANCHOR_POWERS = 9


class NodeBehind(BridgeError):
    """The node knows less than it knew before but does not contradict it: it lags, wait for it."""


class ChainMoved(BridgeError):
    """The chain was reorganised while it was being read: read again."""


@dataclass(frozen=True)
class Scan:
    """The events of a range of blocks, and the last block of the range, whose hash vouches for all before it.

    `anchors` are some earlier blocks of the range, ever farther apart, to find a later fork's place by.
    """

    tip: BlockRef
    anchors: tuple[BlockRef, ...]
    events: tuple[DecodedEvent, ...]


class Indexer:
    """Reads one chain. It keeps no state: what was seen before is handed in by the caller, who stores it."""

    def __init__(self, gateway: Gateway, contracts: Sequence[DeployedContract], *, chunk_blocks: int) -> None:
        self._gateway = gateway
        self._contracts = {contract.address.lower(): contract for contract in contracts}
        self._chunk_blocks = chunk_blocks

    @property
    def first_block(self) -> int:
        """The earliest block that can hold an event of ours."""
        return min(contract.block for contract in self._contracts.values())

    def common_block(self, known: Sequence[BlockRef], head: BlockRef) -> BlockRef | None:
        """The newest of the blocks seen before that is still part of the chain.

        Args:
            known: Blocks seen before, newest first.
            head: The chain's newest block.

        Returns:
            None when nothing was seen before. A block older than ``known[0]`` means a reorganisation.

        Raises:
            NodeBehind: The newest known blocks are beyond the node's head and nothing contradicts them.
            ChainMismatch: Not one known block is on this chain.
        """
        contradicted = False
        for block in known:
            if block.number > head.number:
                continue
            actual = self._gateway.block(block.number)
            if actual == block:
                if block != known[0] and not contradicted:
                    raise NodeBehind(f"the node is at block {head.number}, block {known[0].number} was seen before")
                return block
            contradicted = True
        if not known:
            return None
        raise ChainMismatch(
            f"none of the {len(known)} blocks seen before (newest {known[0].number}) is on this chain: "
            "it was reset, or this is another chain"
        )

    def scan(self, first: int, head: BlockRef) -> Scan | None:
        """Read the next blocks from `first` on, at most one chunk; None when there are none yet.

        Raises:
            ChainMoved: A block of the range changed while its logs were read.
        """
        if first > head.number:
            return None
        tip, logs = self._logs(first, min(first + self._chunk_blocks - 1, head.number))
        blocks = {tip} | {log.block for log in logs}
        if any(self._gateway.block(block.number) != block for block in blocks):
            raise ChainMoved(f"the blocks from {first} to {tip.number} changed while they were read")
        events = []
        for log in logs:
            contract = self._contracts[log.address.lower()]
            decoded = abi.decode_log(contract.abi, log)
            if decoded is not None:
                name, args = decoded
                events.append(DecodedEvent(contract.name, name, args, log.block, log.tx_hash, log.log_index))
        return Scan(tip, self._anchors(first, tip.number), tuple(events))

    def _logs(self, first: int, last: int) -> tuple[BlockRef, list[RawLog]]:
        """The logs of as much of the range as the node gives at once, and the last block of that much."""
        addresses = [contract.address for contract in self._contracts.values()]
        while True:
            tip = self._gateway.block(last)
            if tip is None:
                raise ChainMoved(f"block {last} went while it was read")
            try:
                return tip, self._gateway.logs(addresses, first, last)
            except RpcRefused:
                if last == first:
                    raise
                # Nodes limit the blocks or the results of one query, each in words of its own: ask for less.
                last = first + (last - first) // 2

    def _anchors(self, first: int, last: int) -> tuple[BlockRef, ...]:
        distances = (1 << power for power in range(_ANCHOR_POWERS))
        blocks = (self._gateway.block(last - distance) for distance in distances if last - distance >= first)
        return tuple(block for block in blocks if block is not None)
