"""The bridge process: one round after another of watching, sending and reading, with a heartbeat of how it goes.

Only the management commands import this module: it reaches the node and holds the keys.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import psycopg
from django.db import Error as AnyDatabaseError
from django.db import close_old_connections, connection
from django.db.models import Q

from apps.onchain import heartbeat
from apps.onchain.calls import CallEncoder
from apps.onchain.indexing import EventIndex
from apps.onchain.inspection import check_addresses
from apps.onchain.models import ChainTransaction, SignerLane
from apps.onchain.reconciliation import in_background
from apps.onchain.sending import Sender, SendingPolicy, reopen_transactions
from apps.onchain.types import IN_FLIGHT, PAYOUTS_CONTRACTS, PAYOUTS_LANE
from chain_bridge.config import BridgeConfig
from chain_bridge.deploy import load_contracts
from chain_bridge.errors import BridgeError, ChainMismatch
from chain_bridge.indexer import NodeBehind
from chain_bridge.quorum import connect
from chain_bridge.signer import Signer
from chain_bridge.types import BlockRef

logger = logging.getLogger(__name__)

#: After a failed round, and while the chain is another one than expected.
RETRY_S = 2.0
#: So long a chain that ends below what was read is taken for a node that lags; then for a chain that lost its end.
LAG_PATIENCE_S = 15.0


class Bridge:
    """The platform's accounts on one chain."""

    def __init__(self, config: BridgeConfig) -> None:
        self._config = config
        self._gateway = connect(config.rpc_urls, config.chain_id, timeout_s=config.rpc_timeout_s)
        self._contracts = load_contracts(config.addresses_file, config.chain_id)
        self._senders = self._make_senders()
        self._index = EventIndex(
            self._gateway,
            list(self._contracts.values()),
            chain_id=config.chain_id,
            chunk_blocks=config.log_chunk_blocks,
            depth=config.confirmations,
        )
        self._behind_since: float | None = None

    def check_chain(self) -> None:
        """Raise ChainMismatch unless the node serves the configured chain with our contracts on it."""
        served = self._gateway.chain_id()
        if served != self._config.chain_id:
            raise ChainMismatch(f"{self._gateway.label} serves chain {served}, CHAIN_ID is {self._config.chain_id}")
        for contract in self._contracts.values():
            if not self._gateway.code(contract.address):
                raise ChainMismatch(
                    f"chain {served} has no {contract.name} at {contract.address}: it was reset. Bring its state back, "
                    "or deploy again with `manage.py deploy_contracts`"
                )
        self._index.open()

    def round(self) -> bool:
        """One round; a part that fails does not keep the others from their work.

        Returns:
            True when something still is under way.

        Raises:
            BridgeError: the chain cannot be looked at, or is not the one that was read before.
        """
        head = self._gateway.head()
        fork = self._fork(head)
        if fork is not None:
            # Transactions first: once the index is rolled back, nothing tells any more that there was a fork.
            reopen_transactions(self._gateway, self._config.chain_id, above=fork.number)
            self._index.roll_back(fork)
        problems: list[str] = []
        lanes = [self._work(sender, head, problems) for sender in self._senders]
        read = self._attempt(problems, lambda: self._index.follow(head))
        self._attempt(problems, lambda: check_addresses(self._gateway, self._config.chain_id))
        busy = self._index.waiting() or any(
            lane is not None and ChainTransaction.objects.filter(lane=lane, state__in=IN_FLIGHT).exists()
            for lane in lanes
        )
        halted = heartbeat.halted_since(self._config.chain_id, head, self._config.halt_after_s) if busy else None
        if halted is not None:
            problems.append(f"the chain has no new block since {halted:%Y-%m-%d %H:%M:%S} UTC (block {head.number})")
        heartbeat.beat(self._config.chain_id, head, problems, self._gateway.node_states())
        return busy or not read

    def run(self, stop: threading.Event) -> None:
        """Rounds until told to stop. Whatever the node or the database do, it goes on when they are back."""
        checked = False
        in_background(self._config, self._contracts, stop)
        while not stop.is_set():
            pause = RETRY_S
            try:
                if not checked:
                    self.check_chain()
                    checked = True
                self.round()
                pause = self._config.poll_interval_s
            except BridgeError as error:
                checked = False
                logger.warning("the bridge waits: %s", error)
                self._beat_safely(str(error))
            except (AnyDatabaseError, psycopg.Error) as error:
                logger.warning("the bridge waits for the database: %s", error)
                close_broken_connection()
            except Exception as error:
                # The process is the last to handle it: it must neither end nor stop paying for what nobody foresaw.
                logger.exception("the bridge goes on after an unexpected error")
                close_broken_connection()
                self._beat_safely(f"unexpected: {type(error).__name__}: {error}")
            stop.wait(pause)

    def _make_senders(self) -> list[Sender]:
        config = self._config
        main = Signer(config.signer_key, config.chain_id)
        policy = SendingPolicy(
            confirmations=config.confirmations,
            replace_after_blocks=config.replace_after_blocks,
            max_fee_cap=config.max_fee_cap_wei,
            max_in_flight=config.max_in_flight,
        )
        known_errors = [contract.abi for contract in self._contracts.values()]
        if config.payouts_signer_key is None:
            encoder = CallEncoder(self._contracts, main.address)
            return [Sender(self._gateway, main, encoder, policy, known_errors=known_errors)]
        payouts = Signer(config.payouts_signer_key, config.chain_id, variable="CHAIN_PAYOUTS_SIGNER_KEY")
        pays = Q(contract__in=PAYOUTS_CONTRACTS)
        return [
            Sender(
                self._gateway,
                payouts,
                # What comes back from a payout goes where payouts are paid from.
                CallEncoder(self._contracts, payouts.address),
                policy,
                known_errors=known_errors,
                name=PAYOUTS_LANE,
                queue=pays,
            ),
            Sender(
                self._gateway,
                main,
                CallEncoder(self._contracts, main.address),
                policy,
                known_errors=known_errors,
                queue=~pays,
            ),
        ]

    def _fork(self, head: BlockRef) -> BlockRef | None:
        """Where the chain left what was read. A node that lags is waited for; after a while its chain is the chain."""
        patient = self._behind_since is None or time.monotonic() - self._behind_since < LAG_PATIENCE_S
        try:
            fork = self._index.fork_point(head, patient=patient)
        except NodeBehind:
            self._behind_since = self._behind_since or time.monotonic()
            raise
        self._behind_since = None
        return fork

    def _work(self, sender: Sender, head: BlockRef, problems: list[str]) -> SignerLane | None:
        """One lane's turn; what goes wrong in it stays in it."""
        lane = None
        found: list[str] = []
        try:
            lane = sender.open_lane(self._config.chain_id)
            found = sender.watch(lane, head)
            if not found:
                sender.send_queued(lane, head)
        except BridgeError as error:
            logger.warning("lane %s: %s", sender.name, error)
            found = [*found, sender.explain(error)]
        if lane is not None:
            heartbeat.note_lane(lane, "; ".join(found))
        problems += [problem for problem in found if problem not in problems]
        return lane

    def _attempt(self, problems: list[str], work: Callable[[], bool | None]) -> bool:
        try:
            return work() is not False
        except BridgeError as error:
            logger.warning("%s", error)
            problems.append(str(error))
            return False

    def _beat_safely(self, message: str) -> None:
        try:
            heartbeat.beat(self._config.chain_id, None, [message], self._gateway.node_states())
        except (AnyDatabaseError, psycopg.Error):
            close_broken_connection()


def close_broken_connection() -> None:
    """Drop a connection that the server has left, so that the next query opens a new one."""
    if connection.in_atomic_block:
        return
    close_old_connections()
    connection.close()
