"""Who holds an asset's token and its shares, as the chain's confirmed events say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from apps.assets.chain_addresses import is_kept
from apps.assets.chain_facts import in_order
from apps.assets.models import AssetHolder, ChainFact, CustodyMove, RoyaltyRelease, ShareHolding, ShareIssue
from apps.assets.types import (
    ChainFactInfo,
    CustodyMoveInfo,
    HolderInfo,
    HolderPart,
    MoveState,
    ReleaseStep,
    RoyaltyReleaseInfo,
    ShareHoldingInfo,
    ShareIssueInfo,
    ShareRule,
)
from apps.core.tenant import all_tenants
from apps.tenancy.selectors import organisation_names
from apps.tenancy.types import Actor

PUBLIC = "the chain's record of an asset is public"


def chain_facts(asset_id: UUID, contract: str) -> list[ChainFactInfo]:
    """The confirmed events of a contract about an asset, in the chain's order.

    Where the contract was deployed again, only those of its newest address.
    """
    with all_tenants(reason=PUBLIC):
        rows = list(ChainFact.objects.filter(asset_id=asset_id, contract=contract))
    if not rows:
        return []
    newest = max(rows, key=lambda row: row.id).address
    return in_order(
        ChainFactInfo(row.contract, row.event, row.args, row.block_number, row.log_index, row.tx_hash)
        for row in rows
        if row.address == newest
    )


def assets_on_chain(contract: str, address: str) -> list[tuple[UUID, str]]:
    """The assets, by id and token id, that a contract at an address has said something about."""
    with all_tenants(reason=PUBLIC):
        rows = ChainFact.objects.filter(contract=contract, address=address)
        found = rows.values_list("asset_id", "asset__token_id").order_by("asset_id").distinct()
        return [(asset_id, str(int(token_id))) for asset_id, token_id in found]


def holder(asset_id: UUID) -> HolderInfo | None:
    """Who holds an asset's token; None before it is minted."""
    with all_tenants(reason=PUBLIC):
        row = AssetHolder.objects.filter(asset_id=asset_id).first()
    if row is None:
        return None
    names = organisation_names([row.organisation_id] if row.organisation_id else [])
    return HolderInfo(
        asset_id=asset_id,
        address=row.address,
        organisation_id=row.organisation_id,
        organisation_name=names.get(row.organisation_id, "") if row.organisation_id else "",
        in_custody=is_kept(row.organisation_id, row.address),
        since_block=row.since_block,
        tx_hash=row.tx_hash,
    )


def is_holder(organisation_id: UUID, asset_id: UUID) -> bool:
    """Whether the organisation holds an asset's token or shares of it."""
    with all_tenants(reason=PUBLIC):
        return (
            AssetHolder.objects.filter(asset_id=asset_id, organisation_id=organisation_id).exists()
            or ShareHolding.objects.filter(asset_id=asset_id, organisation_id=organisation_id).exists()
        )


def share_holdings(asset_id: UUID) -> list[ShareHoldingInfo]:
    """Who holds shares of an asset, the largest first."""
    with all_tenants(reason=PUBLIC):
        rows = list(ShareHolding.objects.filter(asset_id=asset_id).order_by("-units", "address"))
    names = organisation_names({row.organisation_id for row in rows if row.organisation_id})
    return [
        ShareHoldingInfo(
            asset_id=asset_id,
            address=row.address,
            organisation_id=row.organisation_id,
            organisation_name=names.get(row.organisation_id, "") if row.organisation_id else "",
            in_custody=is_kept(row.organisation_id, row.address),
            units=row.units,
        )
        for row in rows
    ]


def share_holdings_of(actor: Actor) -> list[ShareHoldingInfo]:
    """The shares that the actor's organisation holds, of any asset."""
    with all_tenants(reason="an organisation's own shares, of everyone's assets"):
        rows = list(ShareHolding.objects.filter(organisation_id=actor.organisation_id).order_by("-id"))
    return [
        ShareHoldingInfo(
            row.asset_id, row.address, row.organisation_id, "", is_kept(row.organisation_id, row.address), row.units
        )
        for row in rows
    ]


def share_issue(asset_id: UUID) -> ShareIssueInfo | None:
    """The creation of an asset's shares, or None where there are none."""
    with all_tenants(reason=PUBLIC):
        row = ShareIssue.objects.filter(asset_id=asset_id).first()
    if row is None:
        return None
    return ShareIssueInfo(
        asset_id, row.supply, row.holder_address, MoveState(row.state), row.failure, row.tx_hash, row.block_number
    )


def custody_move_info(row: CustodyMove) -> CustodyMoveInfo:
    """The facts of a move's row."""
    return CustodyMoveInfo(
        id=row.id,
        asset_id=row.asset_id,
        contract=row.contract,
        from_address=row.from_address,
        to_address=row.to_address,
        to_organisation_id=row.to_organisation_id,
        units=row.units,
        state=MoveState(row.state),
        failure=row.failure,
        tx_hash=row.tx_hash,
        block_number=row.block_number,
        requested_at=row.created_at,
    )


def paid_address(asset_id: UUID, organisation_id: UUID, *, shares_only: bool = False) -> str:
    """The organisation's own wallet that the royalty pool pays for an asset; "" where it pays none of its wallets.

    Args:
        shares_only: only what comes by shares counts.
    """
    holdings = share_holdings(asset_id)
    for holding in holdings:
        if holding.organisation_id == organisation_id and not holding.in_custody:
            return holding.address
    held = holder(asset_id)
    if holdings or shares_only or held is None or held.in_custody or held.organisation_id != organisation_id:
        return ""
    return held.address


def royalty_release_info(row: RoyaltyRelease) -> RoyaltyReleaseInfo:
    """The facts of a release's row."""
    return RoyaltyReleaseInfo(
        id=row.id,
        asset_id=row.asset_id,
        to_address=row.to_address,
        step=ReleaseStep(row.step),
        state=MoveState(row.state),
        failure=row.failure,
        tx_hash=row.tx_hash,
        block_number=row.block_number,
        requested_at=row.created_at,
    )


def royalty_release(actor: Actor, asset_id: UUID) -> RoyaltyReleaseInfo | None:
    """The newest request of the actor's organisation for what an asset has earned on chain."""
    row = RoyaltyRelease.objects.filter(tenant_id=actor.organisation_id, asset_id=asset_id).order_by("-id").first()
    return royalty_release_info(row) if row is not None else None


def custody_moves(actor: Actor, asset_id: UUID, *, contract: str) -> list[CustodyMoveInfo]:
    """What the actor's organisation has sent out of custody, newest first."""
    rows = CustodyMove.objects.filter(tenant_id=actor.organisation_id, asset_id=asset_id, contract=contract)
    return [custody_move_info(row) for row in rows.order_by("-id")[:20]]


def owner_parts(asset_ids: Iterable[UUID]) -> dict[UUID, tuple[Sequence[HolderPart], ShareRule]]:
    """Who takes the owner's part of what each asset earns, where it is not simply the organisation that made it."""
    wanted = list(asset_ids)
    parts: dict[UUID, tuple[Sequence[HolderPart], ShareRule]] = {}
    with all_tenants(reason="attribution follows ownership across organisations"):
        tokens = AssetHolder.objects.filter(asset_id__in=wanted)
        for asset_id, address, organisation_id in tokens.values_list("asset_id", "address", "organisation_id"):
            parts[asset_id] = ([HolderPart(address, 1, organisation_id)], ShareRule.OWNER)
        by_asset: dict[UUID, list[HolderPart]] = {}
        shares = ShareHolding.objects.filter(asset_id__in=wanted).order_by("address")
        for asset_id, address, units, organisation_id in shares.values_list(
            "asset_id", "address", "units", "organisation_id"
        ):
            by_asset.setdefault(asset_id, []).append(HolderPart(address, units, organisation_id))
    for asset_id, held in by_asset.items():
        parts[asset_id] = (held, ShareRule.SHAREHOLDER)
    return parts
