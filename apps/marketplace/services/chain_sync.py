"""Licences here follow the contract's: bought there, passed on, taken back, undone by a reorganisation.

Everything is computed again from the asset's confirmed events, so repeats, their order and rollbacks do no harm.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.assets import selectors as assets
from apps.assets import services as asset_registry
from apps.assets.chain_facts import LICENCES
from apps.assets.types import AccessRight, AssetInfo
from apps.core import clock
from apps.core.live import notify
from apps.core.money import Money
from apps.core.outbox import publish
from apps.core.tenant import all_tenants, tenant_scope
from apps.marketplace.chain_licences import ChainPurchase, Key, Slot, purchases, slots
from apps.marketplace.events import LicenceSold
from apps.marketplace.locks import lock_listings_of
from apps.marketplace.models import ChainLicence, Licence, Listing, Sale, SaleReversal, TermsDocument
from apps.marketplace.types import (
    ChainLicenceState,
    LicenceSource,
    LicenceState,
    RecordState,
    Settlement,
)
from apps.onchain.holders import organisation_of
from apps.tenancy.types import Actor

GRANT_SOURCE = "marketplace.licence"
Whose = Mapping[str, UUID]
"""Organisation by address, for the addresses that are somebody's here."""


@transaction.atomic
def follow_chain_licences(*, asset_id: UUID) -> None:
    """Make licences, grants and sales of an asset agree with its confirmed events."""
    listings = lock_listings_of(asset_id)
    asset = assets.asset(asset_id)
    facts = assets.chain_facts(asset_id, LICENCES)
    found = slots(facts)
    bought = purchases(facts)
    whose = _mirror(asset, found)
    for (right, address), slot in found.items():
        if address in whose:
            listing = next((row for row in listings if row.right == right), None)
            paid = [one.price for one in bought if (one.right, one.address) == (right, address)]
            _follow_slot(asset, slot, whose[address], listing, paid[-1] if slot.is_bought and paid else Money(0))
    _follow_vanished(asset, found)
    _follow_purchases(asset, bought, whose, listings)
    notify(f"asset:{asset_id}", {"licences": len(found)})


@transaction.atomic
def recognise_licences(*, organisation_id: UUID, address: str) -> None:
    """A wallet has been linked: the licences that it holds are the organisation's. Repeats change nothing."""
    with all_tenants(reason="a wallet may hold licences of everyone's assets"):
        rows = ChainLicence.objects.filter(address=address).order_by("asset_id")
        asset_ids = list(rows.values_list("asset_id", flat=True).distinct())
        rows.update(organisation_id=organisation_id)
    for asset_id in asset_ids:
        follow_chain_licences(asset_id=asset_id)


def _mirror(asset: AssetInfo, found: Mapping[Key, Slot]) -> Whose:
    """Keep the slots as rows; says whose the addresses are."""
    with tenant_scope(asset.owner_id):
        rows = {(AccessRight(row.right), row.address): row for row in ChainLicence.objects.filter(asset_id=asset.id)}
        known = {row.address: row.organisation_id for row in rows.values() if row.organisation_id}
        known |= _sold_to(asset.id)
        for key, row in rows.items():
            if key not in found:
                row.delete()
        whose: dict[str, UUID] = {}
        for (right, address), slot in found.items():
            organisation_id = organisation_of(address) or known.get(address)
            if organisation_id is not None:
                whose[address] = organisation_id
            ChainLicence.objects.update_or_create(
                tenant_id=asset.owner_id,
                asset_id=asset.id,
                right=right,
                address=address,
                defaults={
                    "organisation_id": organisation_id,
                    "terms_hash": slot.terms_hash,
                    "expires_at": slot.expires_at,
                    "state": slot.state,
                    "is_bought": slot.is_bought,
                    "tx_hash": slot.tx_hash,
                    "block_number": slot.block_number,
                },
            )
    return whose


def _sold_to(asset_id: UUID) -> dict[str, UUID]:
    """Whom a licence was issued for by the platform: theirs, whatever wallet they have by now."""
    with all_tenants(reason="licences of every buyer of the asset"):
        rows = Licence.objects.filter(asset_id=asset_id, source=LicenceSource.PLATFORM).exclude(holder_address="")
        return dict(rows.values_list("holder_address", "tenant_id"))


def _follow_slot(asset: AssetInfo, slot: Slot, organisation_id: UUID, listing: Listing | None, paid: Money) -> None:
    with tenant_scope(organisation_id):
        rows = Licence.objects.select_for_update(of=("self",)).filter(
            tenant_id=organisation_id, asset_id=asset.id, right=slot.right, holder_address=slot.address
        )
        row = rows.order_by("id").last()
        if slot.state == ChainLicenceState.HELD:
            if _is_over(slot.expires_at):
                return
            if row is None or (row.state in (LicenceState.EXPIRED, LicenceState.REVOKED) and _is_new(slot, row)):
                _create(asset, slot, organisation_id, listing, paid)
            elif row.state not in (LicenceState.EXPIRED, LicenceState.REVOKED):
                _record(row, slot)
                _set_state(row, LicenceState.ACTIVE, slot.expires_at)
        elif row is not None and row.state in (LicenceState.ACTIVE, LicenceState.UNDONE):
            moved = slot.state == ChainLicenceState.MOVED
            _set_state(row, LicenceState.PASSED_ON if moved else LicenceState.REVOKED, row.expires_at)


def _is_new(slot: Slot, row: Licence) -> bool:
    """Whether a slot is another licence than the one that has ended here: it came from elsewhere, later."""
    return (slot.is_bought or bool(slot.received_from)) and slot.tx_hash != row.chain_tx_hash


def _create(asset: AssetInfo, slot: Slot, organisation_id: UUID, listing: Listing | None, paid: Money) -> None:
    """A licence that came to be on chain. One that the organisation has otherwise is enough."""
    document = TermsDocument.objects.filter(hash=slot.terms_hash).first()
    held = Licence.objects.filter(
        tenant_id=organisation_id, asset_id=asset.id, right=slot.right, state=LicenceState.ACTIVE
    )
    if listing is None or document is None or held.exists():
        return
    row = Licence.objects.create(
        tenant_id=organisation_id,
        listing=listing,
        asset_id=asset.id,
        asset_name=asset.name,
        seller_id=asset.owner_id,
        right=slot.right,
        terms=json.loads(document.content)["code"],
        terms_hash=slot.terms_hash,
        price_minor=paid.minor,
        currency=paid.currency,
        starts_at=clock.now(),
        expires_at=slot.expires_at,
        source=LicenceSource.CHAIN if slot.is_bought else LicenceSource.PASSED_ON,
        holder_address=slot.address,
        chain_state=RecordState.RECORDED,
        chain_tx_hash=slot.tx_hash,
        chain_block_number=slot.block_number,
    )
    with tenant_scope(asset.owner_id):
        asset_registry.grant_access(
            actor=Actor.system(asset.owner_id),
            asset_id=asset.id,
            grantee_id=organisation_id,
            right=slot.right,
            source_type=GRANT_SOURCE,
            source_id=str(row.id),
            expires_at=slot.expires_at,
            royalty_bps=json.loads(document.content)["royalty_bps"],
            revocable=False,
        )


def _record(row: Licence, slot: Slot) -> None:
    row.chain_state, row.chain_failure = RecordState.RECORDED, ""
    row.chain_tx_hash, row.chain_block_number = slot.tx_hash, slot.block_number
    row.save(update_fields=["chain_state", "chain_failure", "chain_tx_hash", "chain_block_number", "updated_at"])


def _set_state(row: Licence, state: LicenceState, expires_at: datetime | None) -> None:
    """Bring a licence into a state, with the right that it gives."""
    active = state == LicenceState.ACTIVE
    others = Licence.objects.filter(tenant_id=row.tenant_id, asset_id=row.asset_id, right=row.right).exclude(id=row.id)
    if active and row.state != state and others.filter(state=LicenceState.ACTIVE).exists():
        return  # the organisation has the right otherwise by now
    if active and row.expires_at is not None and expires_at is not None:
        expires_at = max(row.expires_at, expires_at)  # the chain counts whole seconds; it never shortens a licence
    row.state, row.expires_at = state, expires_at
    row.save(update_fields=["state", "expires_at", "updated_at"])
    with tenant_scope(row.seller_id):
        asset_registry.set_access_of_source(
            source_type=GRANT_SOURCE, source_id=str(row.id), active=active, expires_at=expires_at
        )
    notify(f"licences:{row.tenant_id}", {"state": state})


def _follow_vanished(asset: AssetInfo, found: Mapping[Key, Slot]) -> None:
    """What the chain has undone: a licence sold here waits for its record again, one that came from there ends."""
    with all_tenants(reason="licences of every holder of the asset"):
        rows = Licence.objects.select_for_update(of=("self",)).filter(
            asset_id=asset.id, chain_state=RecordState.RECORDED
        )
        for row in rows.order_by("id"):
            if (AccessRight(row.right), row.holder_address) in found:
                continue
            if row.source == LicenceSource.PLATFORM:
                row.chain_state, row.chain_tx_hash, row.chain_block_number = RecordState.PENDING, "", None
                row.save(update_fields=["chain_state", "chain_tx_hash", "chain_block_number", "updated_at"])
            elif row.state == LicenceState.ACTIVE:
                with tenant_scope(row.tenant_id):
                    _set_state(row, LicenceState.UNDONE, row.expires_at)


def _follow_purchases(asset: AssetInfo, bought: list[ChainPurchase], whose: Whose, listings: list[Listing]) -> None:
    """One sale a purchase on chain, whose buyer is known; undone with it."""
    with tenant_scope(asset.owner_id):
        sales = {
            sale.idempotency_key: sale for sale in Sale.objects.filter(asset_id=asset.id, settlement=Settlement.CHAIN)
        }
        keys = {purchase.key for purchase in bought}
        for key, sale in sales.items():
            if key in keys:
                SaleReversal.objects.filter(sale=sale).delete()
            else:
                SaleReversal.objects.get_or_create(tenant_id=asset.owner_id, sale=sale)
        for purchase in bought:
            if purchase.key not in sales and purchase.address in whose:
                _sell(asset, purchase, whose[purchase.address], listings)


def _sell(asset: AssetInfo, purchase: ChainPurchase, buyer_id: UUID, listings: list[Listing]) -> None:
    version = assets.latest_version(asset.id)
    listing = next((row for row in listings if row.right == purchase.right), None)
    with tenant_scope(buyer_id):
        licence = (
            Licence.objects.filter(tenant_id=buyer_id, asset_id=asset.id, right=purchase.right).order_by("-id").first()
        )
    if version is None or listing is None or licence is None:
        return
    sale = Sale.objects.create(
        tenant_id=asset.owner_id,
        listing=listing,
        asset_id=asset.id,
        asset_version_id=version.id,
        buyer_id=buyer_id,
        licence_id=licence.id,
        price_minor=purchase.price.minor,
        fee_minor=0,
        currency=purchase.price.currency,
        idempotency_key=purchase.key,
        settlement=Settlement.CHAIN,
        chain_tx_hash=purchase.tx_hash,
    )
    publish(LicenceSold(sale.id, licence.id, asset.id, buyer_id, sale.price_minor, sale.currency))


def _is_over(expires_at: datetime | None) -> bool:
    return expires_at is not None and expires_at <= clock.now()
