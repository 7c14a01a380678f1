"""What the platform keeps for organisations without a wallet leaves it on their word: the token, or shares."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.accounts.selectors import linked_wallet
from apps.assets.chain_facts import REGISTRY, SHARES
from apps.assets.errors import AlreadyMoving, AssetNotFound, InvalidShares, NotInCustody, WalletMissing
from apps.assets.events import CustodyMoveEnded
from apps.assets.locks import lock_asset
from apps.assets.models import CustodyMove
from apps.assets.policies import AssetsPermission, require
from apps.assets.selectors.catalogue import asset
from apps.assets.selectors.ownership import custody_move_info, holder, share_holdings
from apps.assets.types import AssetInfo, CustodyMoveInfo, MoveState
from apps.core.ids import uuid7
from apps.core.live import notify
from apps.core.outbox import publish
from apps.core.tenant import tenant_scope
from apps.onchain.holders import address_of, custodial_address
from apps.onchain.services import request_from_custody
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

MOVE_KIND = "assets.custody_move"
MAX_FAILURE = 500


@transaction.atomic
def move_token_to_wallet(*, actor: Actor, asset_id: UUID) -> CustodyMoveInfo:
    """Send the token of an asset, which the platform keeps for the actor's organisation, to its linked wallet.

    Raises:
        AssetNotFound: the organisation does not hold the token.
        NotInCustody: it is in a wallet already.
        WalletMissing: no wallet is linked.
        AlreadyMoving: the same was asked for before.
    """
    require(actor, AssetsPermission.MOVE)
    info = asset(asset_id)
    found = holder(asset_id)
    if found is None or found.organisation_id != actor.organisation_id:
        raise AssetNotFound(asset_id)
    if not found.in_custody:
        raise NotInCustody(found.address)
    wallet = linked_wallet(actor.organisation_id)
    if wallet is None:
        raise WalletMissing
    _serialise(info)
    pending = CustodyMove.objects.filter(
        tenant_id=actor.organisation_id, asset_id=asset_id, contract=REGISTRY, state=MoveState.PENDING
    )
    if pending.exists():
        raise AlreadyMoving
    return _request(actor, info, REGISTRY, to_address=wallet, to_organisation_id=actor.organisation_id, units=1)


@transaction.atomic
def send_shares(
    *, actor: Actor, asset_id: UUID, units: int, to_organisation_id: UUID, idempotency_key: str = ""
) -> CustodyMoveInfo:
    """Send shares that the platform keeps for the actor's organisation to another one, or to the own wallet.

    Args:
        to_organisation_id: receives them at its wallet, or in custody where it has none.
        idempotency_key: the same again returns the first move.

    Raises:
        InvalidShares: none, or more than are in custody and not on their way already.
        WalletMissing: to the own organisation, without a wallet.
    """
    require(actor, AssetsPermission.MOVE)
    info = asset(asset_id)
    _serialise(info)
    earlier = CustodyMove.objects.filter(tenant_id=actor.organisation_id, idempotency_key=idempotency_key).first()
    if idempotency_key and earlier is not None:
        return custody_move_info(earlier)
    available = movable_shares(actor.organisation_id, asset_id)
    if not 1 <= units <= available:
        raise InvalidShares("units", f"Between 1 and {available}, which the platform keeps for your organisation.")
    own = to_organisation_id == actor.organisation_id
    if own and linked_wallet(to_organisation_id) is None:
        raise WalletMissing
    return _request(
        actor,
        info,
        SHARES,
        to_address=address_of(to_organisation_id),
        to_organisation_id=to_organisation_id,
        units=units,
        idempotency_key=idempotency_key,
    )


def movable_shares(organisation_id: UUID, asset_id: UUID) -> int:
    """Shares that the platform keeps for an organisation and that are not on their way already."""
    kept = sum(
        holding.units
        for holding in share_holdings(asset_id)
        if holding.in_custody and holding.organisation_id == organisation_id
    )
    with tenant_scope(organisation_id):
        leaving = CustodyMove.objects.filter(asset_id=asset_id, contract=SHARES, state=MoveState.PENDING)
        return max(0, kept - sum(leaving.values_list("units", flat=True)))


@transaction.atomic
def confirm_custody_move(*, idempotency_key: str, tx_hash: str, block_number: int) -> None:
    """A move is confirmed. Repeats change nothing, except for the block where a reorganisation moved it."""
    row = _lock_move(idempotency_key)
    if row is None or (row.state, row.tx_hash, row.block_number) == (MoveState.CONFIRMED, tx_hash, block_number):
        return
    first_time = row.state != MoveState.CONFIRMED
    row.state, row.failure = MoveState.CONFIRMED, ""
    row.tx_hash, row.block_number = tx_hash, block_number
    row.save(update_fields=["state", "failure", "tx_hash", "block_number", "updated_at"])
    if first_time:
        _end(row)


@transaction.atomic
def fail_custody_move(*, idempotency_key: str, reason: str) -> None:
    """A move was refused by the chain: everything stays where it is. Repeats change nothing."""
    row = _lock_move(idempotency_key)
    if row is None or row.state != MoveState.PENDING:
        return
    row.state, row.failure = MoveState.FAILED, reason[:MAX_FAILURE] or "refused"
    row.save(update_fields=["state", "failure", "updated_at"])
    _end(row)


def _serialise(info: AssetInfo) -> None:
    """Hold the asset's lock: what can be moved is computed and taken by one transaction at a time."""
    with tenant_scope(info.owner_id):
        lock_asset(info.id)


def _request(
    actor: Actor,
    info: AssetInfo,
    contract: str,
    *,
    to_address: str,
    to_organisation_id: UUID,
    units: int,
    idempotency_key: str = "",
) -> CustodyMoveInfo:
    from_address = custodial_address(actor.organisation_id)
    row_id = uuid7()
    row = CustodyMove.objects.create(
        id=row_id,
        tenant_id=actor.organisation_id,
        asset_id=info.id,
        contract=contract,
        from_address=from_address,
        to_address=to_address,
        to_organisation_id=to_organisation_id,
        units=units,
        idempotency_key=idempotency_key or str(row_id),
    )
    token_id = str(info.token_id)
    shares = [from_address, to_address, token_id, str(units), "0x"]
    request_from_custody(
        organisation_id=actor.organisation_id,
        kind=MOVE_KIND,
        contract=contract,
        function="transferFrom" if contract == REGISTRY else "safeTransferFrom",
        args=[from_address, to_address, token_id] if contract == REGISTRY else shares,
        idempotency_key=f"{MOVE_KIND}:{row_id}",
    )
    record_audit(
        actor,
        action="asset.custody_move_requested",
        target_type="asset",
        target_id=info.id,
        detail={"contract": contract, "to": to_address, "units": units},
    )
    return custody_move_info(row)


def _lock_move(idempotency_key: str) -> CustodyMove | None:
    """The running tenant's move that an intent's key names."""
    move_id = UUID(idempotency_key.removeprefix(f"{MOVE_KIND}:"))
    return CustodyMove.objects.select_for_update().filter(id=move_id).first()


def _end(row: CustodyMove) -> None:
    publish(CustodyMoveEnded(row.id, row.asset_id, row.failure), tenant_id=row.tenant_id)
    notify(f"asset:{row.asset_id}", {"move": row.state})
