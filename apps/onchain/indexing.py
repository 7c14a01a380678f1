"""The reading half of the bridge: events are stored as seen, count at depth, and go when their block goes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import groupby

from django.db import transaction

from apps.core import outbox
from apps.onchain.events import ChainEventConfirmed
from apps.onchain.models import ChainBlock, ChainContract, ChainCursor, ChainEvent
from apps.onchain.types import EventState
from apps.tenancy.selectors import platform_organisation_id
from chain_bridge.gateway import Gateway
from chain_bridge.indexer import ChainMoved, Indexer, Scan
from chain_bridge.types import BlockRef, DecodedEvent, DeployedContract

logger = logging.getLogger(__name__)

#: How far back blocks are remembered: the deepest reorganisation that can be followed.
REMEMBERED_BLOCKS = 256


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
        """Record where the contracts are; a contract at a new address is read from its first block on."""
        with transaction.atomic():
            cursor, _ = ChainCursor.objects.select_for_update().get_or_create(
                chain_id=self._chain_id, defaults={"next_block": self._indexer.first_block}
            )
            for contract in self._contracts:
                known = ChainContract.objects.filter(chain_id=self._chain_id, name=contract.name).first()
                if known is not None and known.address == contract.address:
                    continue
                ChainContract.objects.update_or_create(
                    chain_id=self._chain_id,
                    name=contract.name,
                    defaults={"address": contract.address, "block": contract.block},
                )
                cursor.next_block = min(cursor.next_block, contract.block)
            cursor.save(update_fields=["next_block"])

    def follow(self, head: BlockRef) -> None:
        """Roll back what a reorganisation undid, read what is new, and let count what is deep enough.

        Raises:
            NodeBehind, ChainMismatch: see `Indexer.common_block`.
        """
        self._roll_back(head)
        while self._read_on(head):
            pass
        self._confirm(head)

    def waiting(self) -> bool:
        """Whether events wait for their depth."""
        return ChainEvent.objects.filter(chain_id=self._chain_id, state=EventState.SEEN).exists()

    def _roll_back(self, head: BlockRef) -> None:
        rows = ChainBlock.objects.filter(chain_id=self._chain_id).order_by("-number")[:REMEMBERED_BLOCKS]
        known = [BlockRef(row.number, row.hash) for row in rows]
        common = self._indexer.common_block(known, head)
        if common is None or common == known[0]:
            return
        with transaction.atomic():
            cursor = ChainCursor.objects.select_for_update().get(chain_id=self._chain_id)
            above = ChainEvent.objects.filter(chain_id=self._chain_id, block_number__gt=common.number)
            dropped, _ = above.filter(state=EventState.SEEN).delete()
            orphaned = above.filter(state=EventState.CONFIRMED).update(state=EventState.ORPHANED)
            ChainBlock.objects.filter(chain_id=self._chain_id, number__gt=common.number).delete()
            cursor.next_block = min(cursor.next_block, common.number + 1)
            cursor.save(update_fields=["next_block"])
        logger.warning("reorganisation back to block %d: %d events dropped", common.number, dropped)
        if orphaned:
            logger.error("%d events that had counted are no longer on the chain: check reconcile_chain", orphaned)

    def _read_on(self, head: BlockRef) -> bool:
        first = ChainCursor.objects.values_list("next_block", flat=True).get(chain_id=self._chain_id)
        try:
            scan = self._indexer.scan(first, head)
        except ChainMoved as moved:
            logger.info("%s", moved)
            return False
        if scan is None:
            return False
        self._store(first, scan)
        return scan.tip.number < head.number

    def _store(self, first: int, scan: Scan) -> None:
        with transaction.atomic():
            cursor = ChainCursor.objects.select_for_update().get(chain_id=self._chain_id)
            if cursor.next_block != first:
                return
            ChainEvent.objects.bulk_create([self._row(event) for event in scan.events], ignore_conflicts=True)
            # A rollback may go a little below the fork: what is found in the same block again never went.
            hashes = {event.block.hash for event in scan.events}
            ChainEvent.objects.filter(chain_id=self._chain_id, block_hash__in=hashes, state=EventState.ORPHANED).update(
                state=EventState.CONFIRMED
            )
            for block in (scan.tip, *scan.anchors):
                ChainBlock.objects.update_or_create(
                    chain_id=self._chain_id, number=block.number, defaults={"hash": block.hash}
                )
            oldest_kept = scan.tip.number - REMEMBERED_BLOCKS
            blocks = ChainBlock.objects.filter(chain_id=self._chain_id)
            if blocks.count() > REMEMBERED_BLOCKS:
                blocks.filter(number__lt=oldest_kept).delete()
            cursor.next_block = scan.tip.number + 1
            cursor.save(update_fields=["next_block"])

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

    def _confirm(self, head: BlockRef) -> None:
        deep = ChainEvent.objects.filter(
            chain_id=self._chain_id, state=EventState.SEEN, block_number__lte=head.number - self._depth
        ).order_by("block_number", "log_index")
        for (number, block_hash), rows in groupby(list(deep), key=lambda row: (row.block_number, row.block_hash)):
            if self._gateway.block(number) == BlockRef(number, block_hash):
                self._count(list(rows))

    def _count(self, rows: Sequence[ChainEvent]) -> None:
        with transaction.atomic():
            ids = [row.id for row in rows]
            locked = ChainEvent.objects.select_for_update().filter(id__in=ids, state=EventState.SEEN)
            for row in locked.order_by("id"):
                row.state = EventState.CONFIRMED
                row.save(update_fields=["state"])
                outbox.publish(
                    ChainEventConfirmed(
                        row.contract, row.address, row.event, row.args, row.tx_hash, row.block_number, row.log_index
                    ),
                    tenant_id=platform_organisation_id(),
                )
