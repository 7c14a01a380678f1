"""Platform against chain, item by item: run by `manage.py reconcile_chain` and on a schedule. Reaches the node."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connection

from apps.core import clock
from apps.core.tenant import all_tenants
from apps.onchain import selectors
from apps.onchain.comparison import comparisons
from apps.onchain.models import (
    ChainCursor,
    ChainEvent,
    ChainReconciliation,
    ChainTransaction,
    CustodialAddress,
    SignerLane,
)
from apps.onchain.types import IN_FLIGHT, EventState, ReconciliationInfo, TransactionState
from chain_bridge import custody
from chain_bridge.config import ReaderConfig
from chain_bridge.errors import BridgeError, UnknownContract
from chain_bridge.gateway import Gateway
from chain_bridge.indexer import Indexer
from chain_bridge.quorum import connect
from chain_bridge.types import DeployedContract

logger = logging.getLogger(__name__)

FINAL = (TransactionState.CONFIRMED, TransactionState.REVERTED)
#: A difference is looked at so often, with a pause between: what is on its way is none.
ATTEMPTS = 3
PAUSE_S = 2.0
MAX_DIFFERENCES = 500
KEPT_RUNS = 200
FIRST_RUN_AFTER_S = 60.0


class ReadAtBlock:
    """Contracts as of the newest block up to which everything counts. The `ChainReader` of the comparisons."""

    def __init__(self, config: ReaderConfig, contracts: Mapping[str, DeployedContract]) -> None:
        self.config = config
        self.chain_id = config.chain_id
        self.contracts = contracts
        self.gateway: Gateway = connect(config.rpc_urls, config.chain_id, timeout_s=config.rpc_timeout_s)
        cursor = ChainCursor.objects.filter(chain_id=config.chain_id).first()
        self.block = cursor.first_unverified - 1 if cursor is not None else -1

    def address(self, contract: str) -> str:
        """Where a contract of ours is. Raises UnknownContract."""
        return self._contract(contract).address

    def read(self, contract: str, function: str, *args: Any) -> list[Any]:
        """Call a view function of a contract of ours. Raises CallReverts, UnknownContract."""
        return self.gateway.read(self._contract(contract), function, args, block=self.block)

    def _contract(self, name: str) -> DeployedContract:
        if name not in self.contracts:
            raise UnknownContract(f"there is no contract {name}")
        return self.contracts[name]


def reconcile(
    config: ReaderConfig, contracts: Mapping[str, DeployedContract], *, pause_s: float = PAUSE_S
) -> ReconciliationInfo:
    """Run every comparison, store the result and return it.

    Args:
        pause_s: between two looks at what seems to differ.

    Raises:
        BridgeError: the chain cannot be read.
    """
    started = clock.now()
    checks: dict[str, int] = {}
    found: list[str] = []
    block = -1
    for name, check in (_base_checks() | comparisons()).items():
        lasting, block = _lasting(check, config, contracts, pause_s)
        checks[name] = len(lasting)
        found += [f"{name}: {sentence}" for sentence in lasting]
    row = ChainReconciliation.objects.create(
        chain_id=config.chain_id,
        block=block,
        started_at=started,
        finished_at=clock.now(),
        checks=checks,
        differences=found[:MAX_DIFFERENCES],
    )
    kept = ChainReconciliation.objects.filter(chain_id=config.chain_id).order_by("-started_at")[:KEPT_RUNS]
    ChainReconciliation.objects.filter(chain_id=config.chain_id).exclude(id__in=[one.id for one in kept]).delete()
    return selectors.reconciliation_info(row)


def differences(config: ReaderConfig, contracts: Mapping[str, DeployedContract]) -> Iterator[str]:
    """Everything that differs at this moment, one sentence each; nothing is stored."""
    for name, check in (_base_checks() | comparisons()).items():
        for sentence in check(ReadAtBlock(config, contracts)):
            yield f"{name}: {sentence}"


def reconcile_regularly(config: ReaderConfig, contracts: Mapping[str, DeployedContract], stop: threading.Event) -> None:
    """Reconcile once an interval until told to stop, whatever goes wrong in between. A thread of the bridge process."""
    stop.wait(min(FIRST_RUN_AFTER_S, config.reconcile_interval_s))
    while not stop.is_set():
        try:
            if _is_due(config):
                result = reconcile(config, contracts)
                if not result.agrees:
                    logger.error("platform and chain differ in %d things", sum(result.checks.values()))
        except BridgeError as error:
            logger.warning("reconciliation waits: %s", error)
        except Exception:
            # The thread has nobody above it; the next interval tries again.
            logger.exception("reconciliation failed")
        finally:
            connection.close()
        stop.wait(min(FIRST_RUN_AFTER_S, config.reconcile_interval_s))


def _is_due(config: ReaderConfig) -> bool:
    last = ChainReconciliation.objects.filter(chain_id=config.chain_id).order_by("-started_at").first()
    return last is None or clock.now() - last.started_at >= timedelta(seconds=config.reconcile_interval_s)


def _lasting(
    check: Callable[[ReadAtBlock], Iterator[str]],
    config: ReaderConfig,
    contracts: Mapping[str, DeployedContract],
    pause_s: float,
) -> tuple[list[str], int]:
    reader = ReadAtBlock(config, contracts)
    found = list(check(reader))
    for _ in range(ATTEMPTS - 1):
        if not found:
            break
        time.sleep(pause_s)
        reader = ReadAtBlock(config, contracts)
        still = set(check(reader))
        found = [sentence for sentence in found if sentence in still]
    return found, reader.block


def _base_checks() -> dict[str, Callable[[ReadAtBlock], Iterator[str]]]:
    return {
        "onchain.transactions": _transactions,
        "onchain.nonces": _nonces,
        "onchain.events": _events,
        "onchain.custody": _custody,
        "onchain.distributor": _distributor,
        "onchain.anchor": _anchor,
    }


def _transactions(chain: ReadAtBlock) -> Iterator[str]:
    """Every transaction that counted, against its receipt."""
    with all_tenants(reason="reconciliation reads every transaction"):
        rows = ChainTransaction.objects.filter(lane__chain_id=chain.chain_id, state__in=FINAL).order_by("lane", "nonce")
        for row in rows.iterator():
            receipt = chain.gateway.receipt(row.tx_hash)
            if receipt is None:
                yield f"transaction {row.tx_hash} (nonce {row.nonce}) is final here and not on the chain"
            elif receipt.block.hash != row.block_hash:
                yield f"transaction {row.tx_hash} is in block {receipt.block.hash}, recorded in {row.block_hash}"
            elif receipt.succeeded != (row.state == TransactionState.CONFIRMED):
                yield f"transaction {row.tx_hash} is {row.state} here and the chain says otherwise"


def _nonces(chain: ReadAtBlock) -> Iterator[str]:
    """Every nonce that the chain has used is accounted for, and none is left out."""
    for lane in SignerLane.objects.filter(chain_id=chain.chain_id):
        used = chain.gateway.nonce(lane.address)
        in_flight = lane.transactions.filter(state__in=IN_FLIGHT).count()
        if not used <= lane.next_nonce <= used + in_flight:
            yield f"{lane.address} used {used} nonces, {in_flight} are under way, the next here is {lane.next_nonce}"


def _events(chain: ReadAtBlock) -> Iterator[str]:
    """Read all of the chain again and compare with what was stored on the way."""
    contracts = list(chain.contracts.values())
    stored = {
        (row.block_hash, row.log_index)
        for row in ChainEvent.objects.filter(
            chain_id=chain.chain_id,
            address__in=[contract.address for contract in contracts],
            block_number__lte=chain.block,
            state=EventState.CONFIRMED,
        )
    }
    indexer = Indexer(chain.gateway, contracts, chunk_blocks=chain.config.log_chunk_blocks)
    last = chain.gateway.block(chain.block) if chain.block >= 0 else None
    if last is None:
        return
    block = indexer.first_block
    while (scan := indexer.scan(block, last)) is not None:
        for event in scan.events:
            key = (event.block.hash, event.log_index)
            if key not in stored:
                yield f"{event.contract}.{event.event} in block {event.block.number} is on the chain and not here"
            stored.discard(key)
        block = scan.tip.number + 1
    for block_hash, log_index in sorted(stored):
        yield f"an event is here and not on the chain: log {log_index} of block {block_hash}"


def _custody(chain: ReadAtBlock) -> Iterator[str]:
    """Every custodial address that was ever handed out is the one that the contract would deploy to."""
    with all_tenants(reason="reconciliation reads every custodial address"):
        rows = list(CustodialAddress.objects.filter(chain_id=chain.chain_id, factory=chain.address("CustodyAccounts")))
    for row in rows:
        actual = chain.read("CustodyAccounts", "accountOf", custody.organisation_key(row.tenant_id))[0]
        if actual != row.address:
            yield f"the account of organisation {row.tenant_id} is {actual} on the chain, {row.address} here"


def _distributor(chain: ReadAtBlock) -> Iterator[str]:
    """The contract's own figures against the sum of its events."""
    state = selectors.distributor_state(chain.address("PayoutDistributor"), chain_id=chain.chain_id)
    root = chain.read("PayoutDistributor", "root")[0]
    if root != state.root:
        yield f"the distributor is at root {root}, its events say {state.root}"
    for payee, amount in state.claimed_by_payee.items():
        claimed = int(chain.read("PayoutDistributor", "claimed", payee)[0])
        if claimed != amount:
            yield f"{payee} has claimed {claimed}, the events say {amount}"


def _anchor(chain: ReadAtBlock) -> Iterator[str]:
    """The newest ledger checkpoint on the chain is the newest that was seen there."""
    seen = selectors.confirmed_events(chain.address("LedgerAnchor"), "HeadCommitted", chain_id=chain.chain_id)
    expected = (seen[-1]["number"], seen[-1]["head"]) if seen else ("0", selectors.NO_ROOT)
    actual = tuple(chain.read("LedgerAnchor", "latest"))
    if actual != expected:
        yield f"the anchor is at checkpoint {actual[0]} {actual[1]}, its events say {expected[0]} {expected[1]}"


def in_background(
    config: ReaderConfig, contracts: Mapping[str, DeployedContract], stop: threading.Event
) -> threading.Thread | None:
    """Start `reconcile_regularly`, unless the settings leave it to the command."""
    if not config.reconcile_interval_s:
        return None
    work = partial(reconcile_regularly, config, contracts, stop)
    thread = threading.Thread(target=work, name="reconciliation", daemon=True)
    thread.start()
    return thread
