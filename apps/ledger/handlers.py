"""What the ledger does when it hears of others."""

from __future__ import annotations

from apps.accounts.events import GuestMerged
from apps.core.outbox import handles
from apps.ledger import services
from apps.ledger.services.checkpoints import ANCHOR
from apps.onchain.events import ChainEventConfirmed


@handles(GuestMerged)
def on_guest_merged(event: GuestMerged) -> None:
    """Move a guest's earnings to the user that the guest turned out to be."""
    services.move_earnings_to_successor(
        source_id=event.guest_organisation_id, target_id=event.organisation_id, currency="USD"
    )


@handles(ChainEventConfirmed)
def on_chain_event_confirmed(event: ChainEventConfirmed) -> None:
    """A checkpoint is on chain."""
    if event.contract == ANCHOR and event.event == "HeadCommitted":
        services.record_commitment(
            contract=event.address,
            number=int(event.args["number"]),
            head=bytes.fromhex(str(event.args["head"]).removeprefix("0x")),
            tx_hash=event.tx_hash,
            block_number=event.block_number,
        )
