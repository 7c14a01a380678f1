"""Licences of a buyer and sales of a seller."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.assets import selectors as assets
from apps.assets.selectors.shares import short_wallet
from apps.assets.types import AccessRight, ShareRule
from apps.core import clock
from apps.core.errors import NotFound
from apps.core.money import Money
from apps.core.tenant import all_tenants
from apps.marketplace.models import ChainLicence, Licence, Sale, SaleLine
from apps.marketplace.policies import MarketplacePermission, require
from apps.marketplace.types import (
    ChainLicenceInfo,
    ChainLicenceState,
    ChainRecord,
    LicenceInfo,
    LicenceSource,
    LicenceState,
    RecordState,
    SaleInfo,
    Settlement,
    SplitLine,
)
from apps.tenancy.selectors import organisation_names
from apps.tenancy.types import Actor


def licence_info(row: Licence) -> LicenceInfo:
    """The facts of a licence's row; expired by the clock even before the schedule has marked it."""
    over = row.expires_at is not None and row.expires_at <= clock.now()
    return LicenceInfo(
        id=row.id,
        asset_id=row.asset_id,
        asset_name=row.asset_name,
        listing_id=row.listing_id,
        seller_id=row.seller_id,
        buyer_id=row.tenant_id,
        right=AccessRight(row.right),
        terms=row.terms,
        price=Money(row.price_minor, row.currency),
        starts_at=row.starts_at,
        expires_at=row.expires_at,
        state=LicenceState.EXPIRED if over and row.state == LicenceState.ACTIVE else LicenceState(row.state),
        terms_hash=row.terms_hash,
        source=LicenceSource(row.source),
        end_reason=row.end_reason,
        record=ChainRecord(
            RecordState(row.chain_state),
            row.holder_address,
            row.chain_tx_hash,
            row.chain_block_number,
            row.chain_failure,
        ),
        revocation=RecordState(row.revocation_state),
        revocation_failure=row.revocation_failure,
    )


def sale_info(row: Sale) -> SaleInfo:
    """The facts of a sale's row."""
    return SaleInfo(
        id=row.id,
        listing_id=row.listing_id,
        asset_id=row.asset_id,
        asset_version_id=row.asset_version_id,
        seller_id=row.tenant_id,
        buyer_id=row.buyer_id,
        price=Money(row.price_minor, row.currency),
        fee=Money(row.fee_minor, row.currency),
        licence_id=row.licence_id,
        sold_at=row.created_at,
        settlement=Settlement(row.settlement),
        chain_tx_hash=row.chain_tx_hash,
        is_undone=row.settlement == Settlement.CHAIN and hasattr(row, "reversal"),
    )


def licences(actor: Actor) -> QuerySet[Licence]:
    """Licences that the organisation bought, newest first."""
    require(actor, MarketplacePermission.VIEW_LICENCES)
    return Licence.objects.filter(tenant_id=actor.organisation_id).select_related("seller").order_by("-id")


def licence(actor: Actor, licence_id: UUID) -> LicenceInfo:
    """A licence, for its buyer and its seller. Raises NotFound for anyone else."""
    with all_tenants(reason="a licence concerns its buyer and its seller"):
        parties = Q(tenant_id=actor.organisation_id) | Q(seller_id=actor.organisation_id)
        row = Licence.objects.filter(parties, id=licence_id).first()
    if row is None:
        raise NotFound("licence_not_found", "There is no such licence.", licence_id=str(licence_id))
    return licence_info(row)


def active_licence(organisation_id: UUID, asset_id: UUID, right: AccessRight) -> LicenceInfo | None:
    """The licence by which an organisation holds a right on an asset now (development includes use), or None."""
    enough = [AccessRight.DEVELOP] if right == AccessRight.DEVELOP else [AccessRight.USE, AccessRight.DEVELOP]
    with all_tenants(reason="the licence of one organisation"):
        rows = Licence.objects.filter(
            Q(expires_at=None) | Q(expires_at__gt=clock.now()),
            tenant_id=organisation_id,
            asset_id=asset_id,
            right__in=enough,
            state=LicenceState.ACTIVE,
        )
        row = rows.order_by("id").first()
    return None if row is None else licence_info(row)


def chain_licences(actor: Actor, asset_id: UUID) -> list[ChainLicenceInfo]:
    """The licences of an own asset as the contract has them, also those of wallets that nobody here has linked."""
    require(actor, MarketplacePermission.VIEW_SALES)
    return chain_licences_of(asset_id) if assets.asset(asset_id).owner_id == actor.organisation_id else []


def chain_licences_of(asset_id: UUID) -> list[ChainLicenceInfo]:
    """The licences of an asset as the contract has them."""
    with all_tenants(reason="the chain's record of licences is public"):
        rows = list(ChainLicence.objects.filter(asset_id=asset_id).order_by("-id"))
    names = organisation_names({row.organisation_id for row in rows if row.organisation_id})
    return [
        ChainLicenceInfo(
            asset_id=asset_id,
            right=AccessRight(row.right),
            address=row.address,
            organisation_id=row.organisation_id,
            organisation_name=names.get(row.organisation_id, "") if row.organisation_id else "",
            terms_hash=row.terms_hash,
            expires_at=row.expires_at,
            state=ChainLicenceState(row.state),
            tx_hash=row.tx_hash,
        )
        for row in rows
    ]


def revoked_but_held(asset_id: UUID) -> list[LicenceInfo]:
    """Licences of an asset that ended here by their seller's word, and that the contract still has."""
    with all_tenants(reason="licences of every buyer of the asset, against the chain's record"):
        held = set(
            ChainLicence.objects.filter(asset_id=asset_id, state=ChainLicenceState.HELD).values_list("right", "address")
        )
        newest: dict[tuple[str, str], Licence] = {}
        for row in Licence.objects.filter(asset_id=asset_id).exclude(holder_address="").order_by("id"):
            newest[row.right, row.holder_address] = row
        return [
            licence_info(row)
            for slot, row in newest.items()
            if slot in held and row.state == LicenceState.REVOKED and row.end_reason
        ]


def may_retry_revocation(licence: LicenceInfo) -> bool:
    """Whether the chain is to be asked once more to end a licence that its seller has ended here."""
    if licence.state != LicenceState.REVOKED or licence.revocation == RecordState.PENDING:
        return False
    return licence.revocation == RecordState.FAILED or any(
        one.id == licence.id for one in revoked_but_held(licence.asset_id)
    )


def sales(actor: Actor) -> QuerySet[Sale]:
    """What the organisation sold, newest first."""
    require(actor, MarketplacePermission.VIEW_SALES)
    return (
        Sale.objects.filter(tenant_id=actor.organisation_id)
        .select_related("listing", "buyer", "reversal")
        .order_by("-id")
    )


def sale_lines(sale: SaleInfo) -> list[SplitLine]:
    """How the price of a sale was divided."""
    with all_tenants(reason="the lines of a sale that the caller may see"):
        rows = list(SaleLine.objects.filter(sale_id=sale.id).order_by("id"))
    return [_split_line(row, sale.price.currency) for row in rows]


def sale_line_rows(sale: SaleInfo) -> list[dict[str, Any]]:
    """The lines of a sale as its seller may see them: contributors are named where the seller owns the version."""
    lines = sale_lines(sale)
    owners = {node.version_id: node.owner_id for node in assets.lineage(sale.asset_version_id).nodes}
    names = organisation_names({line.payee_id for line in lines})
    rows = []
    for line in lines:
        named = line.rule != ShareRule.CONTRIBUTOR or owners[line.path[-1]] == sale.seller_id
        known = named and not line.address
        payee_name = names.get(line.payee_id, "") if known else short_wallet(line.address) or "A contributor"
        rows.append(
            {
                "payee_id": str(line.payee_id) if known else None,
                "payee_name": payee_name,
                "amount": line.amount,
                "rule": line.rule,
                "role": line.role,
                "path": line.path,
                "weight": f"{line.numerator}/{line.denominator}",
            }
        )
    return rows


def _split_line(row: SaleLine, currency: str) -> SplitLine:
    numerator, _, denominator = row.weight.partition("/")
    return SplitLine(
        payee_id=row.payee_id,
        amount=Money(row.amount_minor, currency),
        rule=row.rule,
        role=row.role,
        path=tuple(UUID(version_id) for version_id in row.path),
        numerator=int(numerator),
        denominator=int(denominator),
        address=row.address,
    )
