"""What the marketplace does when the chain answers, and when somebody links a wallet."""

from __future__ import annotations

from apps.accounts.events import WalletLinked
from apps.assets.chain_facts import LICENCES
from apps.assets.events import (
    AssetChainFactsChanged,
    AssetHolderChanged,
    AssetVersionRegistered,
    AssetVersionReleased,
    CustodyMoveEnded,
)
from apps.core.outbox import handles
from apps.marketplace import services
from apps.marketplace.services.recording import KINDS
from apps.onchain.events import TransactionConfirmed, TransactionFailed


@handles(TransactionConfirmed)
def on_transaction_confirmed(event: TransactionConfirmed) -> None:
    """Terms, a licence or an offer are on chain."""
    if event.kind in KINDS:
        services.record_outcome(
            kind=event.kind,
            idempotency_key=event.idempotency_key,
            tx_hash=event.tx_hash,
            block_number=event.block_number,
        )


@handles(TransactionFailed)
def on_transaction_failed(event: TransactionFailed) -> None:
    """The chain refused one of them."""
    if event.kind in KINDS:
        failure = event.reason or "refused"
        services.record_outcome(kind=event.kind, idempotency_key=event.idempotency_key, failure=failure)


@handles(AssetChainFactsChanged)
def on_asset_chain_facts_changed(event: AssetChainFactsChanged) -> None:
    """The contract of licences said something about an asset, or the chain took it back."""
    if event.contract == LICENCES:
        services.follow_chain_licences(asset_id=event.asset_id)


@handles(AssetVersionRegistered)
def on_asset_version_registered(event: AssetVersionRegistered) -> None:
    """Licences that were sold before their asset was on chain can be recorded now."""
    services.retry_records_of_asset(asset_id=event.asset_id)


@handles(AssetVersionReleased)
def on_asset_version_released(event: AssetVersionReleased) -> None:
    """Others may be owed a part of what the new version earns."""
    services.review_chain_offers(asset_id=event.asset_id)


@handles(AssetHolderChanged)
def on_asset_holder_changed(event: AssetHolderChanged) -> None:
    """The pool pays others from now on."""
    services.review_chain_offers(asset_id=event.asset_id)


@handles(WalletLinked)
def on_wallet_linked(event: WalletLinked) -> None:
    """Licences that the wallet holds are the organisation's now."""
    services.recognise_licences(organisation_id=event.organisation_id, address=event.address)


@handles(CustodyMoveEnded)
def on_custody_move_ended(event: CustodyMoveEnded) -> None:
    """Shares that were bought have reached their buyer, or never will."""
    services.settle_trade(move_id=event.move_id, failure=event.failure)
