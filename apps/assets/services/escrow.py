"""Earnings of wallets that no account had linked: kept by the platform, paid out when somebody proves the wallet."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.assets.models import AssetHolder, ShareHolding
from apps.assets.services.mirroring import recognise_holder
from apps.core.ids import uuid7
from apps.core.tenant import all_tenants
from apps.ledger import selectors as ledger_facts
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.onchain.holders import organisation_of
from apps.tenancy.selectors import platform_organisation_id

SOURCE = "assets.escrow"
CURRENCY = "USD"
"""Sales are in dollars; so is what is kept of them."""


def escrow_account(address: str, currency: str = CURRENCY) -> AccountRef:
    """The platform's account for what an unlinked wallet has earned."""
    return AccountRef(platform_organisation_id(), AccountKind.ESCROW, currency, address)


@transaction.atomic
def pay_out_escrow(*, organisation_id: UUID, address: str) -> None:
    """Move all that is kept for a wallet to the earnings of the organisation that linked it. Repeats move nothing.

    A second call at the same moment finds the account empty, or is refused by the ledger: it cannot be overdrawn.
    """
    account = escrow_account(address)
    with all_tenants(reason="the platform keeps it, the organisation receives it"):
        kept = ledger_facts.balance(account).available
        if not kept:
            return
        ledger.transfer(
            debit=account,
            credit=AccountRef(organisation_id, AccountKind.EARNINGS, CURRENCY),
            amount=kept,
            idempotency_key=f"{SOURCE}:{uuid7()}",
            reason=f"Earned by the wallet {address} before it was linked",
            source=SourceRef(SOURCE, address, {"rule": "escrow", "address": address}),
        )


def settle_linked_wallets() -> int:
    """Once more what happens when a wallet is linked, for all that was on its way at that moment and came too late.

    Returns:
        How many addresses that earn or hold something turned out to be an organisation's.
    """
    with all_tenants(reason="wallets hold tokens and shares of every organisation's assets"):
        holders = AssetHolder.objects.filter(organisation__isnull=True).values_list("address", flat=True)
        holdings = ShareHolding.objects.filter(organisation__isnull=True).values_list("address", flat=True)
        waiting = {*holders, *holdings}
    waiting.update(ledger_facts.references_with_money(platform_organisation_id(), AccountKind.ESCROW, CURRENCY))
    settled = 0
    for address in sorted(waiting):
        organisation_id = organisation_of(address)
        if organisation_id is not None:
            recognise_holder(organisation_id=organisation_id, address=address)
            pay_out_escrow(organisation_id=organisation_id, address=address)
            settled += 1
    return settled
