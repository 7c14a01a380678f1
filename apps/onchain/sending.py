"""The sending half of the bridge: intents become transactions, in order, and every one is brought to its end.

What may go wrong at any line is covered by one rule: nonce and signed bytes are stored in one transaction before
anything is sent. After a crash the stored bytes are sent again; a second copy of them can have no second effect.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from apps.core import outbox
from apps.core.tenant import all_tenants
from apps.onchain.events import TransactionConfirmed, TransactionFailed
from apps.onchain.models import ChainIntent, ChainTransaction, SignerLane, TransactionAttempt
from apps.onchain.types import CUSTODY, IN_FLIGHT, IntentState, TransactionState
from chain_bridge import abi
from chain_bridge.errors import CallReverts, InvalidArguments, NonceTooLow, Underpriced, UnknownContract
from chain_bridge.gateway import Gateway
from chain_bridge.signer import Signer
from chain_bridge.types import BlockRef, Call, DeployedContract, Fees, Receipt

logger = logging.getLogger(__name__)

#: Nodes refuse a replacement that pays less than 10 % more; a little above, because they round.
BUMP_PERCENT = 12
REASON = "the bridge sends for every organisation"


@dataclass(frozen=True)
class SendingPolicy:
    """When a transaction counts, when it is replaced, and what it may cost."""

    confirmations: int
    replace_after_blocks: int
    max_fee_cap: int
    max_in_flight: int


@dataclass(frozen=True)
class _Prepared:
    """What is needed to sign, gathered from the node before the database transaction."""

    call: Call
    gas: int
    fees: Fees


class _NotYet(Exception):
    """The intent may depend on a transaction that is still under way."""


class Sender:
    """Sends for one account on one chain."""

    def __init__(
        self, gateway: Gateway, signer: Signer, contracts: Mapping[str, DeployedContract], policy: SendingPolicy
    ) -> None:
        self._gateway = gateway
        self._signer = signer
        self._contracts = contracts
        self._abis = [contract.abi for contract in contracts.values()]
        self._policy = policy

    def open_lane(self, chain_id: int) -> SignerLane:
        """The account's row, made at first; goes past nonces that were used without it (deployments, by hand)."""
        used = self._gateway.nonce(self._signer.address)
        with transaction.atomic():
            lane, _ = SignerLane.objects.select_for_update().get_or_create(
                chain_id=chain_id, address=self._signer.address, defaults={"next_nonce": used}
            )
            if used > lane.next_nonce:
                logger.warning("nonces %d to %d of %s were used elsewhere", lane.next_nonce, used - 1, lane.address)
                lane.next_nonce = used
                lane.save(update_fields=["next_nonce"])
        return lane

    def watch(self, lane: SignerLane, head: BlockRef) -> None:
        """Look after every transaction that is under way: note receipts, confirm at depth, send again, replace."""
        used = self._gateway.nonce(self._signer.address)
        self._reopen_what_the_chain_lost(lane, used)
        with all_tenants(reason=REASON):
            under_way = list(
                lane.transactions.filter(state__in=IN_FLIGHT).prefetch_related("attempts").order_by("nonce")
            )
            for row in under_way:
                self._watch_one(row, head, used)

    def send_queued(self, lane: SignerLane, head: BlockRef) -> int:
        """Sign and send waiting intents in order, as many as may be under way at once; returns how many."""
        sent = 0
        with all_tenants(reason=REASON):
            while lane.transactions.filter(state__in=IN_FLIGHT).count() < self._policy.max_in_flight:
                intent = ChainIntent.objects.filter(state=IntentState.QUEUED).order_by("created_at", "id").first()
                if intent is None:
                    break
                try:
                    prepared = self._prepare(lane, intent)
                except _NotYet:
                    break
                except (UnknownContract, InvalidArguments, CallReverts) as error:
                    self._fail(intent.id, str(error))
                    continue
                attempt = self._store(lane.id, intent.id, prepared, head)
                if attempt is not None:
                    self._send(attempt)
                    sent += 1
        return sent

    def _prepare(self, lane: SignerLane, intent: ChainIntent) -> _Prepared:
        contract = self._contracts.get(intent.contract)
        if contract is None:
            raise UnknownContract(f"there is no contract {intent.contract}")
        args = [self._signer.address if value == CUSTODY else value for value in intent.args]
        call = Call(contract.address, abi.encode_call(contract.abi, intent.function, args))
        try:
            gas = self._gateway.estimate_gas(self._signer.address, call, self._abis)
        except CallReverts:
            # A transaction before it may be what makes it possible (a parent's registration): wait for its block.
            if lane.transactions.filter(state=TransactionState.SENT).exists():
                raise _NotYet from None
            raise
        return _Prepared(call, gas, self._gateway.fees())

    def _store(self, lane_id: UUID, intent_id: UUID, prepared: _Prepared, head: BlockRef) -> TransactionAttempt | None:
        with transaction.atomic():
            lane = SignerLane.objects.select_for_update().get(id=lane_id)
            intent = ChainIntent.objects.select_for_update().get(id=intent_id)
            if intent.state != IntentState.QUEUED:
                return None
            row = ChainTransaction.objects.create(
                lane=lane,
                nonce=lane.next_nonce,
                intent=intent,
                to_address=prepared.call.to,
                data=prepared.call.data,
                gas=prepared.gas,
            )
            attempt = self._sign(row, 1, prepared.fees, head)
            lane.next_nonce += 1
            lane.save(update_fields=["next_nonce"])
            intent.state = IntentState.SENT
            intent.tx_hash = attempt.tx_hash
            intent.save(update_fields=["state", "tx_hash", "updated_at"])
        return attempt

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

    def _watch_one(self, row: ChainTransaction, head: BlockRef, used_nonces: int) -> None:
        attempts = sorted(row.attempts.all(), key=lambda attempt: -attempt.number)
        for attempt in attempts:
            receipt = self._gateway.receipt(attempt.tx_hash)
            if receipt is not None:
                self._mined(row, receipt, head)
                return
        if row.state == TransactionState.MINED:
            logger.warning("nonce %d: block %s was reorganised away", row.nonce, row.block_number)
            self._note(row, TransactionState.SENT, None)
        if used_nonces > row.nonce:
            self._maybe_lost(row, head)
        elif (
            row.nonce == used_nonces and head.number - attempts[0].signed_at_block >= self._policy.replace_after_blocks
        ):
            self._replace(row.id, attempts[0], head)
        elif not self._gateway.knows(attempts[0].tx_hash):
            self._send(attempts[0])

    def _mined(self, row: ChainTransaction, receipt: Receipt, head: BlockRef) -> None:
        if (row.state, row.block_hash) != (TransactionState.MINED, receipt.block.hash):
            self._note(row, TransactionState.MINED, receipt)
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

    def _note(self, row: ChainTransaction, state: TransactionState, receipt: Receipt | None) -> None:
        row.state = state
        row.tx_hash = receipt.tx_hash if receipt is not None else ""
        row.block_number = receipt.block.number if receipt is not None else None
        row.block_hash = receipt.block.hash if receipt is not None else ""
        row.gas_used = receipt.gas_used if receipt is not None else None
        row.save(update_fields=["state", "tx_hash", "block_number", "block_hash", "gas_used", "updated_at"])

    def _finish(self, transaction_id: UUID, receipt: Receipt, reason: str) -> None:
        with transaction.atomic():
            row = ChainTransaction.objects.select_for_update().get(id=transaction_id)
            if row.state not in IN_FLIGHT:
                return
            self._note(row, TransactionState.CONFIRMED if receipt.succeeded else TransactionState.REVERTED, receipt)
            intent = ChainIntent.objects.select_for_update().get(id=row.intent_id)
            if intent.state != IntentState.SENT:
                return  # it was told before; the chain had lost the transaction and took it again
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
        fees = raised_fees(Fees(int(last.max_fee), int(last.priority_fee)), self._gateway.fees())
        if fees.max_fee > self._policy.max_fee_cap:
            logger.warning(
                "%s waits: a replacement would cost %d wei per gas, above the cap", last.tx_hash, fees.max_fee
            )
            self._send(last)
            return
        with transaction.atomic():
            row = ChainTransaction.objects.select_for_update().get(id=transaction_id)
            newest = row.attempts.order_by("-number").first()
            if row.state not in IN_FLIGHT or newest is None or newest.number != last.number:
                return
            attempt = self._sign(row, last.number + 1, fees, head)
        logger.info("nonce %d: %s replaces %s", row.nonce, attempt.tx_hash, last.tx_hash)
        self._send(attempt)

    def _maybe_lost(self, row: ChainTransaction, head: BlockRef) -> None:
        """The nonce is used and none of our attempts has a receipt: wait until that is certain, then start afresh."""
        depth = head.number - self._policy.confirmations
        if depth < 0 or self._gateway.nonce(self._signer.address, at_block=depth) <= row.nonce:
            return
        with transaction.atomic():
            locked = ChainTransaction.objects.select_for_update().get(id=row.id)
            if locked.state not in IN_FLIGHT:
                return
            logger.error("nonce %d was used by a transaction that is not ours; its intent is queued again", row.nonce)
            self._note(locked, TransactionState.LOST, None)
            ChainIntent.objects.filter(id=row.intent_id, state=IntentState.SENT).update(
                state=IntentState.QUEUED, tx_hash=""
            )

    def _reopen_what_the_chain_lost(self, lane: SignerLane, used_nonces: int) -> None:
        """A chain that forgot confirmed transactions (restored from a backup) gets the same bytes again."""
        lost = lane.transactions.filter(
            nonce__gte=used_nonces, state__in=(TransactionState.CONFIRMED, TransactionState.REVERTED)
        )
        count = lost.update(state=TransactionState.SENT, block_number=None, block_hash="")
        if count:
            logger.error("the chain lost %d transactions that were confirmed; sending their bytes again", count)


def raised_fees(last: Fees, current: Fees) -> Fees:
    """Fees of a replacement: at least a tenth above the last attempt's, and what the node asks for now."""

    def raised(fee: int) -> int:
        return -(-fee * (100 + BUMP_PERCENT) // 100) + 1

    return Fees(
        max_fee=max(raised(last.max_fee), current.max_fee),
        priority_fee=max(raised(last.priority_fee), current.priority_fee),
    )


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
