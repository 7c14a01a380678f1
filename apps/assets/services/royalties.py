"""Bringing what an asset has earned on chain to its holders' wallets: divided, released from the pool, and claimed.

Anyone may call the contracts for this. The platform does it for a holder who asks, and pays the gas.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from apps.assets.chain_facts import SHARES
from apps.assets.contribution_tree import content_commitment
from apps.assets.errors import NotInWallet, NotOnChainYet
from apps.assets.models import RoyaltyRelease
from apps.assets.policies import AssetsPermission, require
from apps.assets.selectors.catalogue import asset
from apps.assets.selectors.ownership import paid_address, royalty_release_info
from apps.assets.selectors.verification import recorded_versions
from apps.assets.types import MoveState, ReleaseStep, RoyaltyReleaseInfo
from apps.core.live import notify
from apps.onchain import services as onchain
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

RELEASE_KIND = "assets.royalty_release"
POOL = "RoyaltyPool"
MAX_FAILURE = 500
NOTHING_THERE = ("RoyaltyPoolNothingPending", "RoyaltyPoolNothingEarned", "AssetSharesNothingToClaim")
"""A step that had nothing to do: somebody did it before, or the money came by another way."""

_NEXT = {
    ReleaseStep.SETTLE: ReleaseStep.RELEASE,
    ReleaseStep.RELEASE: ReleaseStep.CLAIM,
    ReleaseStep.CLAIM: None,
}


@transaction.atomic
def release_royalties(*, actor: Actor, asset_id: UUID) -> RoyaltyReleaseInfo:
    """Ask for all that the royalty pool holds for an asset; the same while one is under way is that one.

    The pool pays the token's owner. Where there are shares, it pays all their holders, of whom the actor's organisation
    is then paid out, too.

    Raises:
        NotInWallet: the organisation has neither the token nor shares in a wallet of its own.
        NotOnChainYet: no version is recorded on chain.
    """
    require(actor, AssetsPermission.MOVE)
    info = asset(asset_id)
    address = paid_address(asset_id, actor.organisation_id)
    if not address:
        raise NotInWallet
    if not recorded_versions(asset_id):
        raise NotOnChainYet
    row, is_new = RoyaltyRelease.objects.get_or_create(
        tenant_id=actor.organisation_id,
        asset_id=info.id,
        state=MoveState.PENDING.value,
        defaults={"to_address": address, "step": ReleaseStep.SETTLE},
    )
    if is_new:
        _request(row)
        record_audit(actor, action="asset.royalties_released", target_type="asset", target_id=asset_id)
    return royalty_release_info(row)


@transaction.atomic
def confirm_royalty_step(*, idempotency_key: str, tx_hash: str, block_number: int) -> None:
    """A step is confirmed: on to the next one. Repeats change nothing."""
    row = _lock(idempotency_key)
    if row is not None:
        row.tx_hash, row.block_number = tx_hash, block_number
        _advance(row)


@transaction.atomic
def fail_royalty_step(*, idempotency_key: str, reason: str) -> None:
    """A step was refused: on to the next one where there was nothing to do, else the end. Repeats change nothing."""
    row = _lock(idempotency_key)
    if row is None:
        return
    if any(nothing in reason for nothing in NOTHING_THERE):
        _advance(row)
    else:
        _end(row, reason[:MAX_FAILURE] or "refused")


def _advance(row: RoyaltyRelease) -> None:
    following = _NEXT[ReleaseStep(row.step)]
    if following == ReleaseStep.CLAIM and not _has_shares(row):
        following = None
    if following is None:
        _end(row, "" if row.tx_hash else "There was nothing to release.")
        return
    row.step = following
    row.save(update_fields=["step", "tx_hash", "block_number", "updated_at"])
    _request(row)


def _end(row: RoyaltyRelease, failure: str) -> None:
    row.state, row.failure = (MoveState.FAILED if failure else MoveState.CONFIRMED), failure
    row.save(update_fields=["state", "failure", "tx_hash", "block_number", "updated_at"])
    notify(f"asset:{row.asset_id}", {"release": row.state})


def _request(row: RoyaltyRelease) -> None:
    contract, function, args = _call(row)
    onchain.request_transaction(
        organisation_id=row.tenant_id,
        kind=RELEASE_KIND,
        contract=contract,
        function=function,
        args=args,
        idempotency_key=f"{RELEASE_KIND}:{row.id}:{row.step}",
    )


def _call(row: RoyaltyRelease) -> tuple[str, str, list[Any]]:
    token_id = str(asset(row.asset_id).token_id)
    if row.step == ReleaseStep.RELEASE:
        return POOL, "release", [token_id]
    if row.step == ReleaseStep.CLAIM:
        return SHARES, "claim", [token_id, row.to_address]
    newest = max(recorded_versions(row.asset_id), key=lambda version: version.chain_number)
    content = content_commitment(newest.content_root, newest.metadata_hash, newest.contribution_root)
    parents = [str(parent) for parent in newest.parents]
    return POOL, "settle", [token_id, str(newest.chain_number), content, parents, list(newest.weights)]


def _has_shares(row: RoyaltyRelease) -> bool:
    return paid_address(row.asset_id, row.tenant_id, shares_only=True) == row.to_address


def _lock(idempotency_key: str) -> RoyaltyRelease | None:
    """The running tenant's release that waits for the step that an intent's key names."""
    raw_id, _, step = idempotency_key.removeprefix(f"{RELEASE_KIND}:").partition(":")
    rows = RoyaltyRelease.objects.select_for_update().filter(id=UUID(raw_id), step=step, state=MoveState.PENDING)
    return rows.first()
