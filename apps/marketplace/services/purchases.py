"""Buying a licence: one transaction that pays everyone along the provenance graph and opens access."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.assets import services as asset_registry
from apps.assets.chain_addresses import address_of
from apps.assets.services.escrow import escrow_account
from apps.assets.types import AccessRight
from apps.core import clock
from apps.core.ids import uuid7
from apps.core.live import notify
from apps.core.money import Money
from apps.core.outbox import publish
from apps.core.tenant import tenant_scope
from apps.ledger import selectors as ledger_facts
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef, TransferSpec
from apps.marketplace.errors import (
    AlreadyLicensed,
    FundsMissing,
    GuestCannotBuy,
    ListingWithdrawn,
    OwnListing,
    PriceChanged,
    PurchaseKeyReused,
)
from apps.marketplace.events import LicenceSold
from apps.marketplace.locks import lock_listing
from apps.marketplace.models import Licence, Listing, Sale, SaleLine
from apps.marketplace.policies import MarketplacePermission, require
from apps.marketplace.selectors.listings import agreement_of, price_split
from apps.marketplace.selectors.trades import sale_info
from apps.marketplace.services.recording import keep_terms, request_licence
from apps.marketplace.types import LicenceState, ListingState, PriceSplit, SaleInfo, SplitLine
from apps.tenancy import limits
from apps.tenancy.selectors import platform_organisation_id
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

SOURCE = "marketplace.sale"


@transaction.atomic
def buy_licence(*, actor: Actor, listing_id: UUID, idempotency_key: str, agreed_price: Money | None = None) -> SaleInfo:
    """Buy what a listing offers, for the actor's organisation.

    The price goes from the buyer's prepaid balance, in one ledger batch, to the platform (fee) and to every payee of
    the asset's current version, each line saying by which rule and along which path. The same key returns the first
    sale.

    Args:
        agreed_price: what the buyer was shown; another price now refuses the purchase.

    Raises:
        ListingNotFound, ListingWithdrawn, OwnListing, GuestCannotBuy
        AlreadyLicensed: the organisation holds this right, or one that includes it, from an active licence.
        PriceChanged, PurchaseKeyReused
        FundsMissing: the balance is too low; says how much is missing. Nothing has changed in any of these cases.
    """
    if actor.is_guest:
        raise GuestCannotBuy
    require(actor, MarketplacePermission.BUY)
    listing = lock_listing(listing_id)
    with tenant_scope(listing.seller_id):
        earlier = Sale.objects.filter(buyer_id=actor.organisation_id, idempotency_key=idempotency_key).first()
    if earlier is not None:
        if earlier.listing_id != listing_id:
            raise PurchaseKeyReused
        return sale_info(earlier)
    _check_offer(actor, listing, agreed_price)
    split = price_split(listing_id)
    _check_funds(actor, split.price)
    return _complete(actor, listing, split, idempotency_key)


def _check_offer(actor: Actor, listing: Listing, agreed_price: Money | None) -> None:
    if listing.seller_id == actor.organisation_id:
        raise OwnListing
    if listing.state != ListingState.ACTIVE:
        raise ListingWithdrawn(listing.id)
    price = Money(listing.price_minor, listing.currency)
    if agreed_price is not None and agreed_price != price:
        raise PriceChanged(agreed_price, price)
    with tenant_scope(actor.organisation_id):
        licences = Licence.objects.select_for_update().filter(asset_id=listing.asset_id, state=LicenceState.ACTIVE)
        for licence in licences.order_by("id"):
            if licence.expires_at is not None and licence.expires_at <= clock.now():
                licence.state = LicenceState.EXPIRED
                licence.save(update_fields=["state", "updated_at"])
            elif licence.right in (listing.right, AccessRight.DEVELOP):
                raise AlreadyLicensed(licence.id)


def _check_funds(actor: Actor, price: Money) -> None:
    """Say what is missing of the whole price; the ledger itself would name only the first line that fails."""
    limits.require_good_standing(organisation_id=actor.organisation_id)
    available = ledger_facts.balance(_cash(actor.organisation_id, price.currency)).available
    if isinstance(available, Money) and available < price:
        raise FundsMissing(price, available)


def _complete(actor: Actor, listing: Listing, split: PriceSplit, idempotency_key: str) -> SaleInfo:
    now = clock.now()
    expires_at = now + timedelta(days=listing.period_days) if listing.period_days else None
    terms = keep_terms(agreement_of(listing))
    with tenant_scope(actor.organisation_id):
        licence = Licence.objects.create(
            tenant_id=actor.organisation_id,
            listing=listing,
            asset_id=listing.asset_id,
            asset_name=listing.name,
            seller_id=listing.seller_id,
            right=listing.right,
            terms=listing.terms,
            terms_hash=terms.hash,
            price_minor=split.price.minor,
            currency=split.price.currency,
            starts_at=now,
            expires_at=expires_at,
            holder_address=address_of(actor.organisation_id),
        )
        request_licence(licence)
    with tenant_scope(listing.seller_id):
        sale = _record_sale(actor, listing, split, licence, idempotency_key)
        asset_registry.grant_access(
            actor=Actor.system(listing.seller_id),
            asset_id=listing.asset_id,
            grantee_id=actor.organisation_id,
            right=listing.right,
            source_type="marketplace.licence",
            source_id=str(licence.id),
            expires_at=expires_at,
            royalty_bps=listing.royalty_bps,
            revocable=False,
        )
        publish(
            LicenceSold(
                sale.id, licence.id, listing.asset_id, actor.organisation_id, split.price.minor, split.price.currency
            )
        )
    specs = _transfers(actor.organisation_id, sale.id, listing, split)
    if specs:
        ledger.post_batch(specs)
    record_audit(
        actor,
        action="licence.bought",
        target_type="licence",
        target_id=licence.id,
        detail={"asset": str(listing.asset_id), "price": split.price.as_json()},
    )
    notify(f"asset:{listing.asset_id}", {"sold": True})
    return sale_info(sale)


def _record_sale(actor: Actor, listing: Listing, split: PriceSplit, licence: Licence, idempotency_key: str) -> Sale:
    sale = Sale.objects.create(
        tenant_id=listing.seller_id,
        listing=listing,
        asset_id=listing.asset_id,
        asset_version_id=split.asset_version_id,
        buyer_id=actor.organisation_id,
        licence_id=licence.id,
        price_minor=split.price.minor,
        fee_minor=split.fee.minor,
        currency=split.price.currency,
        idempotency_key=idempotency_key,
    )
    SaleLine.objects.bulk_create(
        SaleLine(
            id=uuid7(),
            tenant_id=listing.seller_id,
            sale=sale,
            payee_id=line.payee_id,
            address=line.address,
            amount_minor=line.amount.minor,
            rule=line.rule,
            role=line.role,
            path=[str(version_id) for version_id in line.path],
            weight=f"{line.numerator}/{line.denominator}",
        )
        for line in split.lines
    )
    return sale


def _transfers(buyer_id: UUID, sale_id: UUID, listing: Listing, split: PriceSplit) -> list[TransferSpec]:
    """The ledger's batch of a sale: one transfer for the fee and one for each payee's line above zero."""
    currency = split.price.currency
    cash = _cash(buyer_id, currency)
    detail = {"asset": str(listing.asset_id), "asset_name": listing.name, "price": split.price.as_json()}
    specs = []
    if split.fee:
        specs.append(
            TransferSpec(
                debit=cash,
                credit=AccountRef(platform_organisation_id(), AccountKind.FEES, currency),
                amount=split.fee,
                idempotency_key=f"{SOURCE}:{sale_id}:fee",
                reason=f"Platform fee on the sale of {listing.name}",
                source=SourceRef(SOURCE, str(sale_id), detail | {"rule": "fee", "fee_bps": settings.FEES["sale_bps"]}),
            )
        )
    for index, line in enumerate(split.lines):
        if not line.amount:
            continue
        why = {
            "rule": line.rule,
            "role": line.role,
            "path": [str(version_id) for version_id in line.path],
            "weight": f"{line.numerator}/{line.denominator}",
        }
        if line.address:
            why["address"] = line.address
        specs.append(
            TransferSpec(
                debit=cash,
                credit=_payee_account(line, currency),
                amount=line.amount,
                idempotency_key=f"{SOURCE}:{sale_id}:{index}",
                reason=f"Sale of {listing.name}",
                source=SourceRef(SOURCE, str(sale_id), detail | why),
            )
        )
    return specs


def _payee_account(line: SplitLine, currency: str) -> AccountRef:
    """Where a line is paid to: the payee's earnings, or what the platform keeps for a wallet that nobody has linked."""
    if line.address:
        return escrow_account(line.address, currency)
    return AccountRef(line.payee_id, AccountKind.EARNINGS, currency)


def _cash(organisation_id: UUID, currency: str) -> AccountRef:
    return AccountRef(organisation_id, AccountKind.CASH, currency)
