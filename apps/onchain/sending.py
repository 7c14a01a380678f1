"""The sending half of the bridge: intents become transactions, in order, and every one is brought to its end.

What may go wrong at any line is covered by one rule: nonce and signed bytes are stored in one transaction before
anything is sent. After a crash the stored bytes are sent again; a second copy of them can have no second effect.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from apps.core import outbox
from apps.core.tenant import all_tenants
from apps.onchain.calls import CallEncoder
from apps.onchain.events import TransactionConfirmed, TransactionFailed
from apps.onchain.fees import first_fees, replacement_fees
from apps.onchain.models import ChainIntent, ChainTransaction, SignerLane, TransactionAttempt
from apps.onchain.types import IN_FLIGHT, REGISTRY_LANE, IntentState, TransactionState
from chain_bridge.abi import Abi
from chain_bridge.errors import (
    BridgeError,
    CallReverts,
    FeeAboveCap,
    InvalidArguments,
    NodesDisagree,
    NonceTooLow,
    RpcRefused,
    SignerUnfunded,
    Underpriced,
    UnknownContract,
)
from chain_bridge.gateway import Gateway
from chain_bridge.signer import Signer
from chain_bridge.types import BlockRef, Call, Fees, Receipt

logger = logging.getLogger(__name__)

REASON = "the bridge sends for every organisation"
#: Blocks by which no node of ours is behind the one that is asked first: deeper than what counts elsewhere.
CERTAINLY_LOST_DEPTH = 12
#: Transactions whose end was told; a reorganisation can still undo it.
TOLD = (TransactionState.CONFIRMED, TransactionState.REVERTED)


@dataclass(frozen=True)
class SendingPolicy:
    """When a transaction counts, when it is replaced, and what it may cost."""

    confirmations: int
    replace_after_blocks: int
    max_fee_cap: int
    max_in_flight: int
    max_gas: int = 3_000_000  # many times what our calls need: a receiver's hook cannot spend a block at our cost


class _NotYet(Exception):
    """The intent may depend on a transaction that is still under way."""


class Sender:
    """Sends the intents of one lane with one account on one chain."""

    def __init__(
        self,
        gateway: Gateway,
        signer: Signer,
        encoder: CallEncoder,
        policy: SendingPolicy,
        *,
        known_errors: list[Abi],
        name: str = REGISTRY_LANE,
        queue: Q | None = None,
    ) -> None:
        self.name = name
        self._gateway = gateway
        self._signer = signer
        self._encoder = encoder
        self._policy = policy
        self._abis = known_errors
        self._queue = queue or Q()

    def open_lane(self, chain_id: int) -> SignerLane:
        """The account's row, made at first; goes past nonces that were used without it (deployments, by hand)."""
        used = self._gateway.nonce(self._signer.address)
        balance = self._gateway.balance(self._signer.address)
        with transaction.atomic():
            lane, _ = SignerLane.objects.select_for_update().get_or_create(
                chain_id=chain_id, address=self._signer.address, defaults={"next_nonce": used, "name": self.name}
            )
            if used > lane.next_nonce:
                logger.warning("nonces %d to %d of %s were used elsewhere", lane.next_nonce, used - 1, lane.address)
                lane.next_nonce = used
            lane.name, lane.balance_wei = self.name, balance
            lane.save(update_fields=["next_nonce", "name", "balance_wei"])
        return lane

    def watch(self, lane: SignerLane, head: BlockRef) -> list[str]:
        """Look after every transaction that is under way: note receipts, confirm at depth, send again, replace.

        Returns:
            What keeps transactions from going on, one sentence each; trouble with one does not keep the others.
        """
        used = self._gateway.nonce(self._signer.address)
        problems: list[str] = []
        with all_tenants(reason=REASON):
            self._take_back_unread(lane, used)
            under_way = lane.transactions.filter(state__in=IN_FLIGHT).prefetch_related("attempts").order_by("nonce")
            works = [partial(self._watch_one, row, head, used) for row in under_way]
            for work in (*works, partial(self._fill_gaps, lane, used, head)):
                try:
                    work()
                except (SignerUnfunded, FeeAboveCap, NodesDisagree, RpcRefused) as error:
                    problems.append(self.explain(error))
        return list(dict.fromkeys(problems))

    def send_queued(self, lane: SignerLane, head: BlockRef) -> int:
        """Sign and send waiting intents in order, as many as may be under way at once; returns how many.

        Raises:
            FeeAboveCap, SignerUnfunded: nothing more can be sent now; the intents stay queued.
        """
        sent = 0
        with all_tenants(reason=REASON):
            waiting = ChainIntent.objects.filter(self._queue, state=IntentState.QUEUED).order_by("created_at", "id")
            while lane.transactions.filter(state__in=IN_FLIGHT).count() < self._policy.max_in_flight:
                intent = waiting.first()
                if intent is None:
                    break
                try:
                    call, gas = self._prepare(lane, intent)
                except _NotYet:
                    break
                except (UnknownContract, InvalidArguments, CallReverts) as error:
                    self._fail(intent.id, str(error))
                    continue
                fees = first_fees(self._gateway.fees(), self._policy.max_fee_cap)
                attempt = self._store(lane.id, intent.id, call, gas, fees, head)
                if attempt is not None:
                    self._send(attempt)
                    sent += 1
        return sent

    def explain(self, error: BridgeError) -> str:
        """What is wrong with this lane, for its status."""
        if isinstance(error, SignerUnfunded):
            return f"the {self.name} signer {self._signer.address} cannot pay for gas: send it coins ({error})"
        return str(error)

    def _prepare(self, lane: SignerLane, intent: ChainIntent) -> tuple[Call, int]:
        call = self._encoder.encode(intent.contract, intent.function, intent.args)
        try:
            gas = self._gateway.estimate_gas(self._signer.address, call, self._abis)
            if gas > self._policy.max_gas:
                raise InvalidArguments(f"the call needs {gas} gas, {self._policy.max_gas} are allowed")
            return call, gas
        except CallReverts:
            # A transaction before it may be what makes it possible (a parent's registration): wait for its block.
            if lane.transactions.filter(state=TransactionState.SENT).exists():
                raise _NotYet from None
            # Some nodes report an account that cannot pay as a call that runs out of gas.
            if self._gateway.balance(self._signer.address) == 0:
                raise SignerUnfunded("its balance is 0") from None
            raise

    def _store(
        self, lane_id: UUID, intent_id: UUID, call: Call, gas: int, fees: Fees, head: BlockRef
    ) -> TransactionAttempt | None:
        with transaction.atomic():
            lane = SignerLane.objects.select_for_update().get(id=lane_id)
            intent = ChainIntent.objects.select_for_update().get(id=intent_id)
            if intent.state != IntentState.QUEUED:
                return None
            row = ChainTransaction.objects.create(
                lane=lane, nonce=lane.next_nonce, intent=intent, to_address=call.to, data=call.data, gas=gas
            )
            attempt = self._sign(row, 1, fees, head)
            lane.next_nonce += 1
            lane.save(update_fields=["next_nonce"])
            intent.state = IntentState.SENT
            intent.tx_hash = attempt.tx_hash
            intent.save(update_fields=["state", "tx_hash", "updated_at"])
        return attempt

    def _fill_gaps(self, lane: SignerLane, used: int, head: BlockRef) -> None:
        """Use up nonces that were given and belong to no transaction of ours, or later ones would wait for ever.

        They come about when a transaction that was not sent from here used a nonce and a reorganisation undid it.
        """
        ours = set(
            lane.transactions.filter(nonce__gte=used)
            .exclude(state=TransactionState.LOST)
            .values_list("nonce", flat=True)
        )
        for nonce in range(used, lane.next_nonce):
            if nonce in ours:
                continue
            nothing = Call(self._signer.address, "0x")
            gas = self._gateway.estimate_gas(self._signer.address, nothing)
            fees = self._filler_fees(lane, nonce)
            with transaction.atomic():
                row = ChainTransaction.objects.create(
                    lane=lane, nonce=nonce, intent=None, to_address=nothing.to, data=nothing.data, gas=gas
                )
                self._sign(row, 1, fees, head)
            logger.warning("nonce %d of %s was free below used ones; an empty transaction fills it", nonce, lane)

    def _filler_fees(self, lane: SignerLane, nonce: int) -> Fees:
        """A node may still hold the bytes of a transaction that was told as failed: the filler must win over them."""
        given_up = TransactionAttempt.objects.filter(transaction__lane=lane, transaction__nonce=nonce)
        last, market, cap = given_up.order_by("-max_fee").first(), self._gateway.fees(), self._policy.max_fee_cap
        if last is None:
            return first_fees(market, cap)
        return replacement_fees(Fees(int(last.max_fee), int(last.priority_fee)), market, cap)

    def _sign(self, row: ChainTransaction, number: int, fees: Fees, head: BlockRef) -> TransactionAttempt:
        signed = self._signer.sign(Call(row.to_address, row.data), nonce=row.nonce, gas=row.gas, fees=fees)
        return TransactionAttempt.objects.create(
            transaction=row,
            number=number,
            raw=signed.raw,
            tx_hash=signed.hash,
            max_fee=fees.max_fee,
            priority_fee=fees.priority_fee,
            signed_at_block=head.number,
        )

    def _send(self, attempt: TransactionAttempt) -> None:
        try:
            self._gateway.broadcast(bytes(attempt.raw))
        except (NonceTooLow, Underpriced) as refusal:
            # Another attempt of this nonce is mined, or the fee is too low: `watch` finds out and replaces in time.
            logger.info("%s: %s", attempt.tx_hash, refusal)

    def _take_back_unread(self, lane: SignerLane, used: int) -> None:
        """Take up again what vanished with blocks that the index had not read yet: the account's nonce tells of it.

        The index finds no fork where it saw nothing. A replica that lags has no block at the height, or the same.
        """
        for row in lane.transactions.filter(nonce__gte=used, state__in=TOLD).order_by("nonce"):
            recorded = BlockRef(row.block_number or 0, row.block_hash)
            found = self._gateway.block(recorded.number)
            if found is not None and found != recorded:
                logger.error("nonce %d: block %d, which had counted, was reorganised away", row.nonce, recorded.number)
                _take_back(row)

    def _watch_one(self, row: ChainTransaction, head: BlockRef, used_nonces: int) -> None:
        attempts = sorted(row.attempts.all(), key=lambda attempt: -attempt.number)
        for attempt in attempts:
            receipt = self._gateway.receipt(attempt.tx_hash)
            if receipt is not None:
                self._mined(row, receipt, head)
                return
        if row.state == TransactionState.MINED:
            logger.warning("nonce %d: block %s was reorganised away", row.nonce, row.block_number)
            _note(row, TransactionState.SENT, None)
        overdue = head.number - attempts[0].signed_at_block >= self._policy.replace_after_blocks
        if used_nonces > row.nonce:
            self._maybe_lost(row, head)
        elif row.nonce == used_nonces and overdue:
            self._replace(row.id, attempts[0], head)
        elif not self._gateway.knows(attempts[0].tx_hash):
            self._send(attempts[0])

    def _mined(self, row: ChainTransaction, receipt: Receipt, head: BlockRef) -> None:
        if (row.state, row.block_hash) != (TransactionState.MINED, receipt.block.hash):
            _note(row, TransactionState.MINED, receipt)
        if head.number - receipt.block.number < self._policy.confirmations:
            return
        # The receipt may come from a node that has not heard of a reorganisation: ask for the block again.
        if self._gateway.block(receipt.block.number) != receipt.block:
            return
        reason = "" if receipt.succeeded else self._revert_reason(row, receipt)
        self._finish(row.id, receipt, reason)

    def _revert_reason(self, row: ChainTransaction, receipt: Receipt) -> str:
        call = Call(row.to_address, row.data)
        return self._gateway.revert_reason(self._signer.address, call, receipt.block.number, self._abis)

    def _finish(self, transaction_id: UUID, receipt: Receipt, reason: str) -> None:
        with transaction.atomic():
            row = ChainTransaction.objects.select_for_update().get(id=transaction_id)
            if row.state not in IN_FLIGHT:
                return  # another process was faster
            _note(row, TransactionState.CONFIRMED if receipt.succeeded else TransactionState.REVERTED, receipt)
            intent = ChainIntent.objects.select_for_update().filter(transactions=row).first()
            if intent is None:
                return  # it only filled a gap
            if not receipt.succeeded:
                _end_in_failure(intent, reason, receipt)
                return
            intent.state = IntentState.CONFIRMED
            intent.tx_hash = receipt.tx_hash
            intent.block_number = receipt.block.number
            intent.save(update_fields=["state", "tx_hash", "block_number", "updated_at"])
            outbox.publish(
                TransactionConfirmed(
                    intent.id, intent.kind, intent.idempotency_key, receipt.tx_hash, receipt.block.number
                ),
                tenant_id=intent.tenant_id,
            )

    def _fail(self, intent_id: UUID, reason: str) -> None:
        with transaction.atomic():
            intent = ChainIntent.objects.select_for_update().get(id=intent_id)
            if intent.state == IntentState.QUEUED:
                _end_in_failure(intent, reason, None)

    def _replace(self, transaction_id: UUID, last: TransactionAttempt, head: BlockRef) -> None:
        try:
            fees = replacement_fees(
                Fees(int(last.max_fee), int(last.priority_fee)), self._gateway.fees(), self._policy.max_fee_cap
            )
        except FeeAboveCap:
            # What was signed goes through when the price falls, if a node still holds it.
            self._send(last)
            raise
        with transaction.atomic():
            row = ChainTransaction.objects.select_for_update().get(id=transaction_id)
            if row.state not in IN_FLIGHT or row.attempts.filter(number__gt=last.number).exists():
                return  # another process was faster
            attempt = self._sign(row, last.number + 1, fees, head)
        logger.info("nonce %d: %s replaces %s", row.nonce, attempt.tx_hash, last.tx_hash)
        self._send(attempt)

    def _used_at(self, block: int) -> int:
        """How many nonces were used as of a block; 0 where the node does not have its state."""
        try:
            return self._gateway.nonce(self._signer.address, at_block=block)
        except RpcRefused:
            return 0

    def _maybe_lost(self, row: ChainTransaction, head: BlockRef) -> None:
        """The nonce is used and none of our attempts has a receipt: wait until that is certain, then start afresh."""
        depth = head.number - max(self._policy.confirmations, CERTAINLY_LOST_DEPTH)
        if depth < 0 or self._used_at(depth) <= row.nonce:
            return
        with transaction.atomic():
            logger.error("nonce %d was used by a transaction that is not ours; its intent is queued again", row.nonce)
            _note(row, TransactionState.LOST, None)
            ChainIntent.objects.filter(transactions=row, state=IntentState.SENT).update(
                state=IntentState.QUEUED, tx_hash=""
            )


def reopen_transactions(gateway: Gateway, chain_id: int, *, above: int) -> int:
    """Take up again what a reorganisation undid: the same bytes go out again, and the end is told again.

    Args:
        above: the newest block that is known to be still part of the chain.

    Returns:
        How many transactions are no longer at their end.
    """
    reopened = 0
    with all_tenants(reason=REASON):
        told = ChainTransaction.objects.filter(lane__chain_id=chain_id, state__in=TOLD, block_number__gt=above)
        for row in told.order_by("lane", "nonce"):
            recorded = BlockRef(row.block_number or 0, row.block_hash)
            if gateway.block(recorded.number) != recorded:
                _take_back(row)
                reopened += 1
    if reopened:
        logger.error("the chain lost %d transactions that had counted", reopened)
    return reopened


def _take_back(row: ChainTransaction) -> None:
    with transaction.atomic():
        if row.state == TransactionState.REVERTED:
            # It was told as failed and may be asked for anew: it must not succeed now. Its nonce will be filled.
            _note(row, TransactionState.LOST, None)
            return
        _note(row, TransactionState.SENT, None)
        ChainIntent.objects.filter(transactions=row).update(state=IntentState.SENT, block_number=None)


def _note(row: ChainTransaction, state: TransactionState, receipt: Receipt | None) -> None:
    row.state = state
    row.tx_hash = receipt.tx_hash if receipt is not None else ""
    row.block_number = receipt.block.number if receipt is not None else None
    row.block_hash = receipt.block.hash if receipt is not None else ""
    row.gas_used = receipt.gas_used if receipt is not None else None
    row.save(update_fields=["state", "tx_hash", "block_number", "block_hash", "gas_used", "updated_at"])


def _end_in_failure(intent: ChainIntent, reason: str, receipt: Receipt | None) -> None:
    intent.state = IntentState.FAILED
    intent.reason = reason
    if receipt is not None:
        intent.tx_hash = receipt.tx_hash
        intent.block_number = receipt.block.number
    intent.save(update_fields=["state", "reason", "tx_hash", "block_number", "updated_at"])
    outbox.publish(
        TransactionFailed(intent.id, intent.kind, intent.idempotency_key, reason), tenant_id=intent.tenant_id
    )
