"""The bridge's index of events without a chain: rows as the bridge writes them, and the events that it publishes.

A reorganisation below the depth that counts, or a publisher's key that is used elsewhere, takes minutes to provoke on a
real node; what payouts read is the index, so here it is written by hand. The real chain is in `test_epochs.py`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from eth_utils.address import to_checksum_address

from apps.core.tenant import tenant_scope
from apps.onchain.events import ChainEventConfirmed, ChainEventReverted, TransactionConfirmed, TransactionFailed
from apps.onchain.models import ChainContract, ChainEvent, ChainIntent
from apps.onchain.types import EventState
from apps.payouts import handlers
from apps.tenancy.types import PLATFORM_ID


def some_hash() -> str:
    """32 random bytes as 0x-hex."""
    return "0x" + secrets.token_hex(32)


@dataclass
class ChainIndex:
    """A chain of the test's own, with a distributor."""

    chain_id: int = field(default_factory=lambda: secrets.randbelow(10**9) + 10**6)
    distributor: str = field(default_factory=lambda: str(to_checksum_address("0x" + secrets.token_hex(20))))
    block: int = 10

    def __post_init__(self) -> None:
        ChainContract.objects.create(
            chain_id=self.chain_id, name="PayoutDistributor", address=self.distributor, block=1
        )

    def store(self, event: str, **args: Any) -> ChainEvent:
        """A confirmed event in the index, of which nobody has heard yet."""
        self.block += 1
        return ChainEvent.objects.create(
            chain_id=self.chain_id, contract="PayoutDistributor", address=self.distributor, event=event,
            args={name: str(value) for name, value in args.items()}, block_number=self.block, block_hash=some_hash(),
            tx_hash=some_hash(), log_index=0, state=EventState.CONFIRMED,
        )  # fmt: skip

    def tell(self, row: ChainEvent) -> None:
        """Deliver the news of an event (as often as one likes)."""
        handlers.on_chain_event(ChainEventConfirmed(*self._facts(row)))

    def happen(self, event: str, **args: Any) -> ChainEvent:
        """An event is confirmed and heard of."""
        row = self.store(event, **args)
        self.tell(row)
        return row

    def vanish(self, *rows: ChainEvent) -> None:
        """Events that had counted are reorganised away, newest first."""
        for row in rows:
            row.state = EventState.ORPHANED
            row.save(update_fields=["state"])
        for row in reversed(rows):
            handlers.on_chain_event_reverted(ChainEventReverted(*self._facts(row)))

    def intents(self, kind: str) -> list[ChainIntent]:
        """What the platform has asked the bridge for, oldest first."""
        with tenant_scope(PLATFORM_ID):
            return list(ChainIntent.objects.filter(kind=kind).order_by("created_at", "id"))

    def publish(self) -> ChainEvent:
        """The newest round's transaction is mined and confirmed."""
        intent = self.intents("payouts.epoch")[-1]
        previous, root, amount = intent.args
        row = self.store("RootPublished", previousRoot=previous, root=root, amount=amount)
        facts = (intent.id, intent.kind, intent.idempotency_key, row.tx_hash, row.block_number)
        handlers.on_transaction_confirmed(TransactionConfirmed(*facts))
        self.tell(row)
        return row

    def refuse(self, kind: str, reason: str) -> None:
        """The chain refuses the newest intent of a kind."""
        intent = self.intents(kind)[-1]
        handlers.on_transaction_failed(TransactionFailed(intent.id, kind, intent.idempotency_key, reason))

    def claim(self, payee: str) -> ChainEvent:
        """The newest claim that was asked for a payee is confirmed."""
        intent = [row for row in self.intents("payouts.claim") if row.args[0] == payee][-1]
        return self.pay(payee, int(intent.args[1]))

    def pay(self, payee: str, cumulative_amount: int, *, told: bool = True) -> ChainEvent:
        """The contract pays a payee up to a cumulative amount."""
        paid = ChainEvent.objects.filter(
            address=self.distributor, event="Claimed", state=EventState.CONFIRMED, args__payee=payee
        )
        before = max([int(row.args["cumulativeAmount"]) for row in paid], default=0)
        event = self.happen if told else self.store
        return event("Claimed", payee=payee, amount=cumulative_amount - before, cumulativeAmount=cumulative_amount)

    def _facts(self, row: ChainEvent) -> tuple[Any, ...]:
        return (row.contract, row.address, row.event, row.args, row.tx_hash, row.block_number, row.log_index)
