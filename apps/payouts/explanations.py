"""Where earnings went: the withdrawal that took them, its payout round, and how far it is."""

from __future__ import annotations

from uuid import UUID

from apps.ledger.explanations import explains, readable
from apps.ledger.types import Facts, SourceRef
from apps.payouts import selectors
from apps.payouts.errors import WithdrawalNotFound
from apps.payouts.sources import source_url
from apps.tenancy.types import Actor


@explains("payouts.withdrawal")
def withdrawal(source: SourceRef, organisation_id: UUID) -> Facts:
    """A withdrawal: its wallet, its round with the transaction of the round's root, and its state."""
    try:
        info = selectors.withdrawal(Actor.system(organisation_id), UUID(source.id))
    except (WithdrawalNotFound, ValueError):
        return Facts(readable(source.detail), source_url(source))
    lines = [("Wallet", info.address), ("State", info.state.label)]
    if info.epoch_id is not None:
        epoch = selectors.epoch(info.epoch_id)
        lines += [
            ("Payout round", str(epoch.number)),
            ("Transaction of the round", epoch.tx_hash or "not yet on chain"),
        ]
    return Facts(tuple(lines), source_url(source))


@explains("labeling.annotation")
def label(source: SourceRef, organisation_id: UUID) -> Facts:
    """An accepted label: the rule that accepted it, and the order that it was for."""
    return Facts(readable(source.detail), source_url(source))
