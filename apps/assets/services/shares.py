"""Creating an asset's shares: a fixed number of parts of what its owner earns, held and moved on chain."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.assets.chain_facts import SHARES
from apps.assets.errors import AssetNotFound, InvalidShares, NotOnChainYet, SharesExist
from apps.assets.locks import lock_asset
from apps.assets.models import Asset, ShareIssue
from apps.assets.policies import AssetsPermission, require
from apps.assets.selectors.ownership import holder, share_issue
from apps.assets.types import ChainState, MoveState, ShareIssueInfo
from apps.core.live import notify
from apps.onchain import services as onchain
from apps.onchain.holders import address_of
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

ISSUE_KIND = "assets.shares"
MAX_SUPPLY = 10**12
MAX_FAILURE = 500


@transaction.atomic
def create_shares(*, actor: Actor, asset_id: UUID, supply: int) -> ShareIssueInfo:
    """Divide the owner's part of an own asset into shares; all of them go to the organisation's own address.

    The number is fixed for ever. After a failure on chain, a second call asks again.

    Raises:
        AssetNotFound: the asset is not the organisation's.
        NotOnChainYet: it is not registered, or its token is held by somebody else.
        InvalidShares, SharesExist
    """
    row = lock_asset(asset_id)
    require(actor, AssetsPermission.MOVE, row)
    if not 1 <= supply <= MAX_SUPPLY:
        raise InvalidShares("supply", f"Between 1 and {MAX_SUPPLY:,}.")
    _check_owned(row)
    issue = _new_or_failed(row, supply)
    onchain.request_transaction(
        organisation_id=row.tenant_id,
        kind=ISSUE_KIND,
        contract=SHARES,
        function="create",
        args=[str(int(row.token_id)), issue.holder_address, str(supply)],
        idempotency_key=f"{ISSUE_KIND}:{issue.id}:{issue.attempt}",
    )
    record_audit(
        actor,
        action="asset.shares_created",
        target_type="asset",
        target_id=asset_id,
        detail={"supply": supply},
    )
    return _info(asset_id)


@transaction.atomic
def confirm_share_issue(*, idempotency_key: str, tx_hash: str, block_number: int) -> None:
    """The shares exist. Repeats change nothing, except for the block where a reorganisation moved it."""
    issue = _lock_issue(idempotency_key)
    if issue is None or (issue.tx_hash, issue.block_number) == (tx_hash, block_number):
        return
    issue.state, issue.failure = MoveState.CONFIRMED, ""
    issue.tx_hash, issue.block_number = tx_hash, block_number
    issue.save(update_fields=["state", "failure", "tx_hash", "block_number", "updated_at"])
    notify(f"asset:{issue.asset_id}", {"shares": issue.state})


@transaction.atomic
def fail_share_issue(*, idempotency_key: str, reason: str) -> None:
    """The chain refused to create the shares. Repeats change nothing."""
    issue = _lock_issue(idempotency_key)
    if issue is None or issue.state != MoveState.PENDING:
        return
    issue.state, issue.failure = MoveState.FAILED, reason[:MAX_FAILURE] or "refused"
    issue.save(update_fields=["state", "failure", "updated_at"])
    notify(f"asset:{issue.asset_id}", {"shares": issue.state})


def _check_owned(row: Asset) -> None:
    held = holder(row.id)
    if row.chain_state != ChainState.REGISTERED or held is None:
        raise NotOnChainYet
    if held.organisation_id != row.tenant_id:
        raise AssetNotFound(row.id)


def _new_or_failed(row: Asset, supply: int) -> ShareIssue:
    """The row of this creation (the asset is locked)."""
    address = address_of(row.tenant_id)
    issue = ShareIssue.objects.select_for_update().filter(asset=row).first()
    if issue is None:
        return ShareIssue.objects.create(tenant_id=row.tenant_id, asset=row, supply=supply, holder_address=address)
    if issue.state != MoveState.FAILED:
        raise SharesExist
    issue.supply, issue.holder_address, issue.state, issue.failure = supply, address, MoveState.PENDING, ""
    issue.attempt += 1
    issue.save(update_fields=["supply", "holder_address", "state", "failure", "attempt", "updated_at"])
    return issue


def _lock_issue(idempotency_key: str) -> ShareIssue | None:
    """The running tenant's issue that an intent's key names; None for an earlier attempt's key."""
    _, raw_id, attempt = idempotency_key.rsplit(":", 2)
    return ShareIssue.objects.select_for_update().filter(id=UUID(raw_id), attempt=int(attempt)).first()


def _info(asset_id: UUID) -> ShareIssueInfo:
    found = share_issue(asset_id)
    if found is None:
        raise AssetNotFound(asset_id)
    return found
