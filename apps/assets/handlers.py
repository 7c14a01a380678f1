"""What the registry does when the chain answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apps.accounts.events import WalletLinked
from apps.assets import services
from apps.assets.chain_facts import LICENCES, REGISTRY, SHARES
from apps.assets.records import ZERO_ROOT
from apps.assets.services.custody import MOVE_KIND
from apps.assets.services.registration import CONTRACT, INTENT_KIND
from apps.assets.services.royalties import RELEASE_KIND
from apps.assets.services.shares import ISSUE_KIND
from apps.core.outbox import handles
from apps.onchain.events import ChainEventConfirmed, ChainEventReverted, TransactionConfirmed, TransactionFailed

_CONFIRM: dict[str, Callable[..., None]] = {
    INTENT_KIND: services.confirm_registration,
    ISSUE_KIND: services.confirm_share_issue,
    MOVE_KIND: services.confirm_custody_move,
    RELEASE_KIND: services.confirm_royalty_step,
}
_FAIL: dict[str, Callable[..., None]] = {
    INTENT_KIND: services.fail_registration,
    ISSUE_KIND: services.fail_share_issue,
    MOVE_KIND: services.fail_custody_move,
    RELEASE_KIND: services.fail_royalty_step,
}
_WATCHED = (REGISTRY, SHARES, LICENCES)


@handles(TransactionConfirmed)
def on_transaction_confirmed(event: TransactionConfirmed) -> None:
    """A registration, a creation of shares or a move out of custody succeeded."""
    confirm = _CONFIRM.get(event.kind)
    if confirm is not None:
        confirm(idempotency_key=event.idempotency_key, tx_hash=event.tx_hash, block_number=event.block_number)


@handles(TransactionFailed)
def on_transaction_failed(event: TransactionFailed) -> None:
    """One of them was reverted or given up."""
    fail = _FAIL.get(event.kind)
    if fail is not None:
        fail(idempotency_key=event.idempotency_key, reason=event.reason)


@handles(ChainEventConfirmed)
def on_chain_event_confirmed(event: ChainEventConfirmed) -> None:
    """One of our contracts said something about an asset."""
    if event.contract == CONTRACT and event.event == "VersionAdded":
        services.record_chain_event(
            token_id=int(event.args["id"]),
            content_root=str(event.args["contentRoot"]),
            metadata_hash=str(event.args["metadataHash"]),
            contribution_root=str(event.args.get("contributionRoot", ZERO_ROOT)),
            parents=event.args.get("parents", []),
            weights=event.args.get("parentWeightsBps", []),
            number=int(event.args["version"]),
            tx_hash=event.tx_hash,
            block_number=event.block_number,
        )
    if event.contract in _WATCHED:
        services.follow_chain_event(**_fact(event))


@handles(ChainEventReverted)
def on_chain_event_reverted(event: ChainEventReverted) -> None:
    """The chain has undone what one of our contracts had said."""
    if event.contract in _WATCHED:
        services.follow_chain_event(**_fact(event))


@handles(WalletLinked)
def on_wallet_linked(event: WalletLinked) -> None:
    """What a wallet holds, and what was kept for it, is the organisation's that has linked it."""
    services.recognise_holder(organisation_id=event.organisation_id, address=event.address)
    services.pay_out_escrow(organisation_id=event.organisation_id, address=event.address)


def _fact(event: ChainEventConfirmed | ChainEventReverted) -> dict[str, Any]:
    return {
        "contract": event.contract,
        "address": event.address,
        "event": event.event,
        "args": event.args,
        "tx_hash": event.tx_hash,
        "block_number": event.block_number,
        "log_index": event.log_index,
    }
