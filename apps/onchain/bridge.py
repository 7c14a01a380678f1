"""The bridge process: one round after another of watching, sending and reading, with a heartbeat of how it goes.

Only the management commands import this module: it reaches the node and holds the key.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.db import DatabaseError, close_old_connections, connection

from apps.core import clock
from apps.onchain.indexing import EventIndex
from apps.onchain.models import ChainCursor, ChainTransaction
from apps.onchain.sending import Sender, SendingPolicy
from apps.onchain.types import IN_FLIGHT
from chain_bridge.config import BridgeConfig
from chain_bridge.deploy import load_contracts
from chain_bridge.errors import BridgeError, ChainMismatch
from chain_bridge.gateway import Gateway
from chain_bridge.signer import Signer
from chain_bridge.types import BlockRef

logger = logging.getLogger(__name__)

#: After a failed round, and while the chain is another one than expected.
RETRY_S = 2.0


class Bridge:
    """One account on one chain."""

    def __init__(self, config: BridgeConfig) -> None:
        self._config = config
        self._gateway = Gateway(config.rpc_url)
        contracts = load_contracts(config.addresses_file, config.chain_id)
        self._contracts = contracts
        self._sender = Sender(
            self._gateway,
            Signer(config.signer_key, config.chain_id),
            contracts,
            SendingPolicy(
                confirmations=config.confirmations,
                replace_after_blocks=config.replace_after_blocks,
                max_fee_cap=config.max_fee_cap_wei,
                max_in_flight=config.max_in_flight,
            ),
        )
        self._index = EventIndex(
            self._gateway,
            list(contracts.values()),
            chain_id=config.chain_id,
            chunk_blocks=config.log_chunk_blocks,
            depth=config.confirmations,
        )

    def check_chain(self) -> None:
        """Raise ChainMismatch unless the node serves the configured chain with our contracts on it."""
        served = self._gateway.chain_id()
        if served != self._config.chain_id:
            raise ChainMismatch(f"{self._config.rpc_url} serves chain {served}, CHAIN_ID is {self._config.chain_id}")
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
        """
        problems: list[str] = []
        head = self._gateway.head()
        lane = self._sender.open_lane(self._config.chain_id)
        self._attempt(problems, lambda: self._sender.watch(lane, head))
        self._attempt(problems, lambda: self._sender.send_queued(lane, head))
        self._attempt(problems, lambda: self._index.follow(head))
        self._beat(head, "; ".join(problems))
        return ChainTransaction.objects.filter(lane=lane, state__in=IN_FLIGHT).exists() or self._index.waiting()

    def run(self, stop: threading.Event) -> None:
        """Rounds until told to stop. Whatever the node or the database do, it goes on when they are back."""
        checked = False
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
            except DatabaseError as error:
                logger.warning("the bridge waits for the database: %s", error)
                close_broken_connection()
            stop.wait(pause)

    def _attempt(self, problems: list[str], work: Callable[[], object]) -> None:
        try:
            work()
        except BridgeError as error:
            logger.warning("%s", error)
            problems.append(str(error))

    def _beat(self, head: BlockRef | None, message: str) -> None:
        changes = {"beat_at": clock.now(), "healthy": not message, "message": message}
        if head is not None:
            changes["head_block"] = head.number
        ChainCursor.objects.filter(chain_id=self._config.chain_id).update(**changes)

    def _beat_safely(self, message: str) -> None:
        try:
            self._beat(None, message)
        except DatabaseError:
            close_broken_connection()


def close_broken_connection() -> None:
    """Drop a connection that the server has left, so that the next query opens a new one."""
    if connection.in_atomic_block:
        return
    close_old_connections()
    connection.close()
