"""The reading half of the bridge: events are stored as seen, count at depth, and go when their block goes.

Every block is read twice: when it is new, and again when it lies at the configured depth. Only what the second reading
shows counts, and what the first one missed (a node that answered before it knew all) is filled in by it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.db import transaction

from apps.core import outbox
from apps.onchain.events import ChainEventConfirmed, ChainEventReverted
from apps.onchain.models import ChainBlock, ChainContract, ChainCursor, ChainEvent
from apps.onchain.types import EventState
from apps.tenancy.selectors import platform_organisation_id
from chain_bridge.errors import ChainMismatch
from chain_bridge.gateway import Gateway
from chain_bridge.indexer import ChainMoved, Indexer, Scan
from chain_bridge.types import BlockRef, DecodedEvent, DeployedContract

logger = logging.getLogger(__name__)

#: How far back blocks are remembered: the deepest reorganisation that can be followed.
REMEMBERED_BLOCKS = 256
#: Chunks of a catch-up that one round reads before the sending gets its turn again.
CHUNKS_A_ROUND = 20


class EventIndex:
    """The stored events of one chain."""

    def __init__(
        self, gateway: Gateway, contracts: Sequence[DeployedContract], *, chain_id: int, chunk_blocks: int, depth: int
    ) -> None:
        self._gateway = gateway
        self._indexer = Indexer(gateway, contracts, chunk_blocks=chunk_blocks)
        self._contracts = contracts
        self._addresses = {contract.name: contract.address for contract in contracts}
        self._chain_id = chain_id
        self._depth = depth

    def open(self) -> None:
        """Record where the contracts are; a contract at a new address is read from its first block on.

        So is what a database restored from a backup no longer vouches for: the cursor never is ahead of its blocks.
        """
        with transaction.atomic():
            first = self._indexer.first_block
            cursor, _ = ChainCursor.objects.select_for_update().get_or_create(
                chain_id=self._chain_id, defaults={"next_block": first}
            )
            if cursor.verified_block is None:
                _rewind(cursor, first - 1)
            for contract in self._contracts:
                known = ChainContract.objects.filter(chain_id=self._chain_id, name=contract.name).first()
                if known is not None and known.address == contract.address:
                    continue
                ChainContract.objects.update_or_create(
                    chain_id=self._chain_id,
                    name=contract.name,
                    defaults={"address": contract.address, "block": contract.block},
                )
                _rewind(cursor, contract.block - 1)
            newest = ChainBlock.objects.filter(chain_id=self._chain_id).order_by("-number").first()
            _rewind(cursor, newest.number if newest is not None else first - 1)
            cursor.save(update_fields=["next_block", "verified_block"])

    def fork_point(self, head: BlockRef, *, patient: bool = True) -> BlockRef | None:
        """Where the chain left the history that was read: the newest block still shared; None when nothing changed.

        Args:
            patient: take a chain that ends below what was read, and does not contradict it, for a node that lags.

        Raises:
            NodeBehind, ChainMismatch: see `Indexer.common_block`.
        """
        rows = ChainBlock.objects.filter(chain_id=self._chain_id).order_by("-number")[:REMEMBERED_BLOCKS]
        known = [BlockRef(row.number, row.hash) for row in rows]
        considered = known if patient else [block for block in known if block.number <= head.number]
        if known and not considered:
            raise ChainMismatch(f"the chain ends at block {head.number}, below everything read before: it was reset")
        common = self._indexer.common_block(considered, head)
        return None if common is None or common == known[0] else common

    def roll_back(self, common: BlockRef) -> None:
        """Undo what was read above the shared block and is no longer on the chain; events that counted are recalled."""
        above = ChainEvent.objects.filter(chain_id=self._chain_id, block_number__gt=common.number)
        blocks = above.exclude(state=EventState.ORPHANED).values_list("block_number", "block_hash").distinct()
        # The remembered blocks lie apart: some of what is above the one found may still be there.
        gone = [hash_ for number, hash_ in blocks if self._gateway.block(number) != BlockRef(number, hash_)]
        with transaction.atomic():
            cursor = ChainCursor.objects.select_for_update().get(chain_id=self._chain_id)
            lost = ChainEvent.objects.filter(chain_id=self._chain_id, block_hash__in=gone)
            dropped, _ = lost.filter(state=EventState.SEEN).delete()
            recalled = list(lost.filter(state=EventState.CONFIRMED).order_by("-block_number", "-log_index"))
            for row in recalled:
                row.state = EventState.ORPHANED
                row.save(update_fields=["state"])
                _tell(ChainEventReverted, row)
            ChainBlock.objects.filter(chain_id=self._chain_id, number__gt=common.number).delete()
            _rewind(cursor, common.number)
            cursor.save(update_fields=["next_block", "verified_block"])
        logger.warning("reorganisation back to block %d: %d events dropped", common.number, dropped)
        if recalled:
            logger.error("%d events that had counted are no longer on the chain", len(recalled))

    def follow(self, head: BlockRef) -> bool:
        """Read what is new and let count what is deep enough, as much as one round allows.

        Returns:
            False when there is more to read.
        """
        deep = self._gateway.block(head.number - self._depth) if head.number >= self._depth else None
        try:
            for _ in range(CHUNKS_A_ROUND):
                if not (deep is not None and self._verify(deep)) and not self._read_on(head):
                    return True
        except ChainMoved as moved:
            logger.info("%s", moved)
        return False

    def waiting(self) -> bool:
        """Whether events wait for their depth."""
        return ChainEvent.objects.filter(chain_id=self._chain_id, state=EventState.SEEN).exists()

    def _verify(self, deep: BlockRef) -> bool:
        """Read the next blocks that lie deep enough, again or for the first time, and let their events count."""
        cursor = ChainCursor.objects.get(chain_id=self._chain_id)
        first = cursor.first_unverified
        scan = self._indexer.scan(first, deep)
        if scan is None:
            return False
        with transaction.atomic():
            cursor = ChainCursor.objects.select_for_update().get(chain_id=self._chain_id)
            if cursor.verified_block != first - 1:
                return True  # another process was faster
            rows, new = self._store(scan)
            in_range = ChainEvent.objects.filter(
                chain_id=self._chain_id,
                address__in=self._addresses.values(),
                block_number__range=(first, scan.tip.number),
                state=EventState.SEEN,
            )
            in_range.exclude(id__in=[row.id for row in rows]).delete()
            missed = [row for row in new if row.block_number < cursor.next_block]
            if missed:
                cursor.gaps_filled += len(missed)
                logger.warning("%d events were not there when their blocks were read first", len(missed))
            for row in rows:
                if row.state != EventState.CONFIRMED:
                    row.state = EventState.CONFIRMED
                    row.save(update_fields=["state"])
                    _tell(ChainEventConfirmed, row)
            cursor.verified_block = scan.tip.number
            cursor.next_block = max(cursor.next_block, scan.tip.number + 1)
            cursor.save(update_fields=["verified_block", "next_block", "gaps_filled"])
        return True

    def _read_on(self, head: BlockRef) -> bool:
        """Read the next blocks for the first time."""
        first = ChainCursor.objects.values_list("next_block", flat=True).get(chain_id=self._chain_id)
        scan = self._indexer.scan(first, head)
        if scan is None:
            return False
        with transaction.atomic():
            cursor = ChainCursor.objects.select_for_update().get(chain_id=self._chain_id)
            if cursor.next_block == first:
                self._store(scan)
                cursor.next_block = scan.tip.number + 1
                cursor.save(update_fields=["next_block"])
        return True

    def _store(self, scan: Scan) -> tuple[list[ChainEvent], list[ChainEvent]]:
        """All rows of what was read, in chain order, and those of them that are new."""
        hashes = {event.block.hash for event in scan.events}
        known = {
            (row.block_hash, row.log_index): row
            for row in ChainEvent.objects.filter(chain_id=self._chain_id, block_hash__in=hashes)
        }
        # A block that was reorganised away may come back: its events are to count again.
        for row in known.values():
            if row.state == EventState.ORPHANED:
                row.state = EventState.SEEN
                row.save(update_fields=["state"])
        keys = [(event.block.hash, event.log_index) for event in scan.events]
        new = [self._row(event) for key, event in zip(keys, scan.events, strict=True) if key not in known]
        ChainEvent.objects.bulk_create(new)
        known |= {(row.block_hash, row.log_index): row for row in new}
        self._remember(scan)
        return [known[key] for key in keys], new

    def _remember(self, scan: Scan) -> None:
        for block in (scan.tip, *scan.anchors):
            ChainBlock.objects.update_or_create(
                chain_id=self._chain_id, number=block.number, defaults={"hash": block.hash}
            )
        blocks = ChainBlock.objects.filter(chain_id=self._chain_id)
        if blocks.count() > REMEMBERED_BLOCKS:
            blocks.filter(number__lt=scan.tip.number - REMEMBERED_BLOCKS).delete()

    def _row(self, event: DecodedEvent) -> ChainEvent:
        return ChainEvent(
            chain_id=self._chain_id,
            contract=event.contract,
            address=self._addresses[event.contract],
            event=event.event,
            args=event.args,
            block_number=event.block.number,
            block_hash=event.block.hash,
            tx_hash=event.tx_hash,
            log_index=event.log_index,
        )


def _rewind(cursor: ChainCursor, last: int) -> None:
    """Let nothing above a block count as read."""
    cursor.next_block = min(cursor.next_block, last + 1)
    cursor.verified_block = last if cursor.verified_block is None else min(cursor.verified_block, last)


def _tell(kind: type[ChainEventConfirmed] | type[ChainEventReverted], row: ChainEvent) -> None:
    outbox.publish(
        kind(row.contract, row.address, row.event, row.args, row.tx_hash, row.block_number, row.log_index),
        tenant_id=platform_organisation_id(),
    )
