"""What payouts do when the chain answers."""

from __future__ import annotations

from apps.core.outbox import handles
from apps.onchain.events import ChainEventConfirmed, TransactionConfirmed, TransactionFailed
from apps.payouts import services
from apps.payouts.services.claiming import CLAIM_KIND, CONTRACT
from apps.payouts.services.publishing import EPOCH_KIND


@handles(TransactionConfirmed)
def on_transaction_confirmed(event: TransactionConfirmed) -> None:
    """A root is published. (A claim is booked by its event, whoever sent it.)"""
    if event.kind == EPOCH_KIND:
        services.confirm_epoch(
            idempotency_key=event.idempotency_key, tx_hash=event.tx_hash, block_number=event.block_number
        )


@handles(TransactionFailed)
def on_transaction_failed(event: TransactionFailed) -> None:
    """A root or a claim was refused."""
    if event.kind == EPOCH_KIND:
        services.fail_epoch(idempotency_key=event.idempotency_key, reason=event.reason)
    elif event.kind == CLAIM_KIND:
        services.record_claim_failure(idempotency_key=event.idempotency_key, reason=event.reason)


@handles(ChainEventConfirmed)
def on_chain_event_confirmed(event: ChainEventConfirmed) -> None:
    """A payee was paid."""
    if event.contract == CONTRACT and event.event == "Claimed":
        services.record_claim(
            distributor=event.address,
            payee=str(event.args["payee"]),
            cumulative_amount=int(event.args["cumulativeAmount"]),
            tx_hash=event.tx_hash,
            block_number=event.block_number,
        )
