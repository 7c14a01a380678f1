"""Stored facts against the chain, item by item: what `manage.py reconcile_chain` prints. Reaches the node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from apps.core.tenant import all_tenants
from apps.onchain import selectors
from apps.onchain.models import ChainCursor, ChainEvent, ChainTransaction, SignerLane
from apps.onchain.types import IN_FLIGHT, EventState, TransactionState
from chain_bridge.config import BridgeConfig
from chain_bridge.gateway import Gateway
from chain_bridge.indexer import Indexer
from chain_bridge.types import DeployedContract

FINAL = (TransactionState.CONFIRMED, TransactionState.REVERTED)


def differences(config: BridgeConfig, contracts: Mapping[str, DeployedContract]) -> Iterator[str]:
    """Everything in which database and chain disagree, one sentence each; nothing when they agree."""
    gateway = Gateway(config.rpc_url)
    yield from _transactions(gateway, config.chain_id)
    yield from _nonces(gateway, config.chain_id)
    yield from _events(gateway, config, contracts)
    yield from _distributor(gateway, config.chain_id, contracts["PayoutDistributor"])


def _transactions(gateway: Gateway, chain_id: int) -> Iterator[str]:
    with all_tenants(reason="reconciliation reads every transaction"):
        rows = ChainTransaction.objects.filter(lane__chain_id=chain_id, state__in=FINAL).order_by("lane", "nonce")
        for row in rows.iterator():
            receipt = gateway.receipt(row.tx_hash)
            if receipt is None:
                yield f"transaction {row.tx_hash} (nonce {row.nonce}) is final here and not on the chain"
            elif receipt.block.hash != row.block_hash:
                yield f"transaction {row.tx_hash} is in block {receipt.block.hash}, recorded in {row.block_hash}"
            elif receipt.succeeded != (row.state == TransactionState.CONFIRMED):
                yield f"transaction {row.tx_hash} is {row.state} here and the chain says otherwise"


def _nonces(gateway: Gateway, chain_id: int) -> Iterator[str]:
    for lane in SignerLane.objects.filter(chain_id=chain_id):
        used = gateway.nonce(lane.address)
        in_flight = lane.transactions.filter(state__in=IN_FLIGHT).count()
        if not used <= lane.next_nonce <= used + in_flight:
            yield f"{lane.address} used {used} nonces, {in_flight} are under way, the next here is {lane.next_nonce}"


def _events(gateway: Gateway, config: BridgeConfig, contracts: Mapping[str, DeployedContract]) -> Iterator[str]:
    """Read all of the chain again and compare with what was stored on the way."""
    cursor = ChainCursor.objects.filter(chain_id=config.chain_id).first()
    if cursor is None:
        return
    addresses = [contract.address for contract in contracts.values()]
    stored = {
        (row.block_hash, row.log_index)
        for row in ChainEvent.objects.filter(
            chain_id=config.chain_id, address__in=addresses, block_number__lt=cursor.next_block
        ).exclude(state=EventState.ORPHANED)
    }
    indexer = Indexer(gateway, list(contracts.values()), chunk_blocks=config.log_chunk_blocks)
    head = gateway.head()
    block = indexer.first_block
    while block < cursor.next_block and (scan := indexer.scan(block, head)) is not None:
        for event in scan.events:
            key = (event.block.hash, event.log_index)
            if key not in stored and event.block.number < cursor.next_block:
                yield f"{event.contract}.{event.event} in block {event.block.number} is on the chain and not here"
            stored.discard(key)
        block = scan.tip.number + 1
    for block_hash, log_index in sorted(stored):
        yield f"an event is here and not on the chain: log {log_index} of block {block_hash}"


def _distributor(gateway: Gateway, chain_id: int, distributor: DeployedContract) -> Iterator[str]:
    """The contract's own figures against the sum of its events."""
    state = selectors.distributor_state(distributor.address, chain_id=chain_id)
    root = gateway.read(distributor, "root")[0]
    if root != state.root:
        yield f"the distributor is at root {root}, its events say {state.root}"
    for payee, amount in state.claimed_by_payee.items():
        claimed = int(gateway.read(distributor, "claimed", [payee])[0])
        if claimed != amount:
            yield f"{payee} has claimed {claimed}, the events say {amount}"
