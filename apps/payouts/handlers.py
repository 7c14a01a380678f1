"""What payouts do when the chain answers."""

from __future__ import annotations

from apps.accounts.addresses import refuses_wallets
from apps.accounts.selectors import organisation_of_wallet
from apps.core.outbox import handles
from apps.onchain import selectors as chain
from apps.onchain import services as onchain
from apps.onchain.events import (
    AddressChecked,
    ChainEventConfirmed,
    ChainEventReverted,
    TransactionConfirmed,
    TransactionFailed,
)
from apps.onchain.holders import organisation_of
from apps.payouts import services
from apps.payouts.services.claiming import CONTRACT
from apps.payouts.services.publishing import EPOCH_KIND
from apps.payouts.services.recovering import RECOVERY_KIND
from apps.payouts.services.settling import CLAIM_KIND
from apps.payouts.types import RecoveryState


@refuses_wallets
def refuse_our_contracts(address: str) -> str | None:
    """What is paid to a contract of ours is lost."""
    ours = address in chain.contract_addresses().values()
    kept_here = organisation_of_wallet(address) is None and organisation_of(address) is not None
    return "This is a contract of the platform, not a wallet." if ours or kept_here else None


@refuses_wallets
def refuse_contracts(address: str) -> str | None:
    """Whether there is code is known to the bridge alone: it is asked, and by the next withdrawal it has answered."""
    answer = onchain.request_address_check(address)
    return "This is the address of a contract. Use a wallet that has a key." if answer.has_code else None


@handles(AddressChecked)
def on_address_checked(event: AddressChecked) -> None:
    """An address has turned out to be a contract's: what waits to be paid to it goes back."""
    if event.has_code:
        services.return_payments_to_contract(address=event.address)


@handles(TransactionConfirmed)
def on_transaction_confirmed(event: TransactionConfirmed) -> None:
    """A root is published. (A claim is booked by its event, whoever sent it.)"""
    if event.kind == EPOCH_KIND:
        services.confirm_epoch(
            idempotency_key=event.idempotency_key, tx_hash=event.tx_hash, block_number=event.block_number
        )


@handles(TransactionFailed)
def on_transaction_failed(event: TransactionFailed) -> None:
    """A root, a claim or a recovery was refused."""
    if event.kind == EPOCH_KIND:
        services.fail_epoch(idempotency_key=event.idempotency_key, reason=event.reason)
    elif event.kind == CLAIM_KIND:
        services.record_claim_failure(idempotency_key=event.idempotency_key, reason=event.reason)
    elif event.kind == RECOVERY_KIND:
        services.fail_recovery(idempotency_key=event.idempotency_key, reason=event.reason)


@handles(ChainEventConfirmed)
def on_chain_event(event: ChainEventConfirmed) -> None:
    """A payee was paid by a claim of the platform or of anyone else, a root is in force, a recovery is announced."""
    if event.contract != CONTRACT:
        return
    _settle(event)
    if event.event == "RecoveryAnnounced":
        services.record_announcement(
            distributor=event.address,
            payee=event.args["payee"],
            recoverable_at=int(event.args["recoverableAt"]),
        )
    elif event.event in ("Claimed", "Recovered"):
        state = RecoveryState.RECOVERED if event.event == "Recovered" else RecoveryState.FAILED
        services.end_recovery(distributor=event.address, payee=event.args["payee"], state=state)


@handles(ChainEventReverted)
def on_chain_event_reverted(event: ChainEventReverted) -> None:
    """What had counted is off the chain: bring the books to what the chain says now."""
    if event.contract == CONTRACT:
        _settle(event)


def _settle(event: ChainEventConfirmed | ChainEventReverted) -> None:
    if event.event in ("Claimed", "Recovered"):
        services.settle_payee(distributor=event.address, payee=event.args["payee"])
    elif event.event == "RootPublished":
        services.settle_root(distributor=event.address, root=event.args["root"])
