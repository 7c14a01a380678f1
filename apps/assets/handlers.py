"""What the registry does when the chain answers."""

from __future__ import annotations

from apps.assets import services
from apps.assets.services.registration import CONTRACT, INTENT_KIND
from apps.core.outbox import handles
from apps.onchain.events import ChainEventConfirmed, TransactionConfirmed, TransactionFailed


@handles(TransactionConfirmed)
def on_transaction_confirmed(event: TransactionConfirmed) -> None:
    """A registration succeeded."""
    if event.kind == INTENT_KIND:
        services.confirm_registration(
            idempotency_key=event.idempotency_key, tx_hash=event.tx_hash, block_number=event.block_number
        )


@handles(TransactionFailed)
def on_transaction_failed(event: TransactionFailed) -> None:
    """A registration was reverted or given up."""
    if event.kind == INTENT_KIND:
        services.fail_registration(idempotency_key=event.idempotency_key, reason=event.reason)


@handles(ChainEventConfirmed)
def on_chain_event_confirmed(event: ChainEventConfirmed) -> None:
    """The registry said that a version exists."""
    if event.contract == CONTRACT and event.event == "VersionAdded":
        services.record_chain_event(
            token_id=int(event.args["id"]),
            content_root=str(event.args["contentRoot"]),
            metadata_hash=str(event.args["metadataHash"]),
            number=int(event.args["version"]),
            tx_hash=event.tx_hash,
            block_number=event.block_number,
        )
