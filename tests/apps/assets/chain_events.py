"""Confirmed events of our contracts as the bridge publishes them, for tests that need no chain."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction
from eth_utils.address import to_checksum_address

from apps.accounts.events import WalletLinked
from apps.accounts.models import Wallet
from apps.core import clock, outbox
from apps.core.tenant import tenant_scope
from apps.onchain.events import ChainEventConfirmed, ChainEventReverted
from apps.onchain.models import ChainContract, ChainEvent
from apps.onchain.selectors import chain_id
from apps.onchain.types import EventState
from apps.tenancy.types import PLATFORM_ID

NOBODY = "0x" + 40 * "0"


def fresh_wallet() -> str:
    """An address that nobody has linked yet."""
    return str(to_checksum_address(secrets.token_bytes(20)))


WALLET, OTHER_WALLET = fresh_wallet(), fresh_wallet()


@dataclass
class Chain:
    """A history of events; each goes into a block of its own."""

    blocks: Any = field(default_factory=lambda: itertools.count(10))
    salt: str = field(default_factory=lambda: secrets.token_hex(24))

    def event(self, contract: str, event: str, args: dict[str, Any], block: int | None = None) -> ChainEventConfirmed:
        number = next(self.blocks) if block is None else block
        plain = {name: str(value) if isinstance(value, int) else value for name, value in args.items()}
        return ChainEventConfirmed(
            contract, f"0x{contract.encode().hex():0<40.40}", event, plain, f"0x{self.salt}{number:016x}", number, 0
        )

    def says(self, *events: ChainEventConfirmed | ChainEventReverted) -> None:
        """The index has it, and the handlers hear of it."""
        for event in events:
            self.indexes(event)
        self.tells(*events)

    def indexes(self, event: ChainEventConfirmed | ChainEventReverted) -> None:
        """What the bridge's index of events holds from now on."""
        state = EventState.ORPHANED if isinstance(event, ChainEventReverted) else EventState.CONFIRMED
        ChainEvent.objects.update_or_create(
            chain_id=chain_id(),
            block_hash=event.tx_hash,
            log_index=event.log_index,
            address=event.address,
            defaults={
                "contract": event.contract,
                "event": event.event,
                "args": event.args,
                "block_number": event.block_number,
                "tx_hash": event.tx_hash,
                "state": state,
            },
        )

    def tells(self, *events: ChainEventConfirmed | ChainEventReverted) -> None:
        """The news alone, which may be old."""
        with tenant_scope(PLATFORM_ID), transaction.atomic():
            for event in events:
                outbox.publish(event)
        outbox.drain()

    def undoes(self, event: ChainEventConfirmed) -> None:
        self.says(ChainEventReverted(**vars(event)))

    def moves_token(self, asset: Any, sender: str, receiver: str) -> ChainEventConfirmed:
        event = self.event("AssetRegistry", "Transfer", {"tokenId": asset.token_id, "to": receiver, "from": sender})
        self.says(event)
        return event

    def creates_shares(self, asset: Any, holder: str, supply: int) -> None:
        created = self.event(
            "AssetShares", "SharesCreated", {"asset": asset.token_id, "holder": holder, "supply": supply}
        )
        self.says(created)
        self.moves_shares(asset, NOBODY, holder, supply)

    def moves_shares(self, asset: Any, sender: str, receiver: str, units: int) -> ChainEventConfirmed:
        args = {"operator": sender, "from": sender, "to": receiver, "id": asset.token_id, "value": units}
        event = self.event("AssetShares", "TransferSingle", args)
        self.says(event)
        return event

    def licence_id(self, asset: Any, right: int) -> int:
        return (int(asset.token_id) << 8) | right

    def issues_licence(
        self,
        asset: Any,
        holder: str,
        terms_hash: str,
        *,
        right: int = 1,
        expires_at: int = 0,
        bought_for: int | None = None,
    ) -> list[ChainEventConfirmed]:
        """`issue`, or `buy` at a price in raw units, with the events that the contract emits in one transaction."""
        block = next(self.blocks)
        facts = {"holder": holder, "asset": asset.token_id, "right": right, "expiresAt": expires_at}
        events = []
        if bought_for is not None:
            events.append(
                self.event("LicenseBook", "LicenceBought", facts | {"buyer": holder, "price": bought_for}, block)
            )
        events.append(self.event("LicenseBook", "LicenceIssued", facts | {"termsHash": terms_hash}, block))
        numbered = [replace(event, log_index=index) for index, event in enumerate(events)]
        self.says(*numbered)
        return numbered

    def moves_licence(self, asset: Any, sender: str, receiver: str, right: int = 1) -> ChainEventConfirmed:
        args = {"operator": sender, "from": sender, "to": receiver, "id": self.licence_id(asset, right), "value": 1}
        event = self.event("LicenseBook", "TransferSingle", args)
        self.says(event)
        return event

    def revokes_licence(self, asset: Any, holder: str, right: int = 1) -> ChainEventConfirmed:
        args = {"holder": holder, "asset": asset.token_id, "right": right, "reason": "0x" + 64 * "0"}
        event = self.event("LicenseBook", "LicenceRevoked", args)
        self.says(event)
        return event


def know_the_contracts() -> None:
    """As after the bridge's first round: where each contract is, so that every organisation has an address."""
    for name in ("CustodyAccounts", "LicenseBook", "AssetRegistry", "AssetShares"):
        ChainContract.objects.get_or_create(
            chain_id=chain_id(), name=name, defaults={"address": fresh_wallet(), "block": 1}
        )


def link_wallet(actor: Any, address: str = "") -> str:
    """As after a signature was checked: the address is proved to be the organisation's, and everybody hears of it."""
    address = address or fresh_wallet()
    with tenant_scope(actor.organisation_id), transaction.atomic():
        Wallet.objects.update_or_create(
            tenant_id=actor.organisation_id, defaults={"address": address, "proved_at": clock.now()}
        )
        outbox.publish(WalletLinked(actor.organisation_id, address))
    outbox.drain()
    return address
