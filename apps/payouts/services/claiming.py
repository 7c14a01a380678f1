"""Claims: the distributor pays a payee the whole of what the current root promises and was not paid before."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from apps.core import clock, live
from apps.core.tenant import all_tenants
from apps.onchain import services as onchain
from apps.payouts import tree
from apps.payouts.errors import EpochUnderWay, NotClaimable
from apps.payouts.locks import lock_epochs, lock_withdrawal
from apps.payouts.models import Epoch, Withdrawal
from apps.payouts.policies import require, require_account
from apps.payouts.selectors import current_epoch, withdrawal_info
from apps.payouts.services.settling import CLAIM_KIND, REASON
from apps.payouts.types import UNDER_WAY, PayoutsPermission, WithdrawalInfo, WithdrawalState
from apps.tenancy.services import record_audit
from apps.tenancy.types import PLATFORM_ID, Actor

CONTRACT = "PayoutDistributor"


def request_claims(epoch: Epoch, *, only: Sequence[str] = ()) -> None:
    """Ask the bridge to claim for every payee that is owed something under this epoch's root; the platform pays gas.

    Runs under `lock_epochs` and `all_tenants`, so that the claims stand in the signer's queue before the next root,
    under which these proofs would not hold.
    """
    owed = Withdrawal.objects.filter(
        state=WithdrawalState.CLAIMABLE, epoch__chain_id=epoch.chain_id, epoch__distributor=epoch.distributor
    )
    if only:
        owed = owed.filter(address__in=only)
    attempts: dict[str, int] = {}
    for row in owed.order_by("id"):
        attempts[row.address] = max(attempts.get(row.address, 0), row.claim_attempt + 1)
    if not attempts:
        return
    leaves = tree.epoch_tree(epoch).leaves
    for address, attempt in attempts.items():
        leaf = leaves[address]
        onchain.request_transaction(
            organisation_id=PLATFORM_ID,
            kind=CLAIM_KIND,
            contract=CONTRACT,
            function="claim",
            args=[address, str(leaf.cumulative_amount), list(leaf.proof)],
            idempotency_key=f"{CLAIM_KIND}:{epoch.id}:{address}:{attempt}",
        )
        owed.filter(address=address).update(claim_attempt=attempt, claim_problem="", updated_at=clock.now())


@transaction.atomic
def claim_again(*, actor: Actor, withdrawal_id: UUID) -> WithdrawalInfo:
    """Claim a withdrawal whose automatic claim failed.

    Raises:
        WithdrawalNotFound, NotClaimable, EpochUnderWay
    """
    require_account(actor)
    lock_epochs()
    row = lock_withdrawal(withdrawal_id)
    require(actor, PayoutsPermission.WITHDRAW, row)
    if row.state != WithdrawalState.CLAIMABLE or row.epoch is None:
        raise NotClaimable(f"This withdrawal is not to be claimed: {row.get_state_display()}.", state=row.state)
    if not row.claim_problem:
        raise NotClaimable("The claim is on its way already.", state=row.state)
    chain_id, distributor = row.epoch.chain_id, row.epoch.distributor
    same = Epoch.objects.filter(chain_id=chain_id, distributor=distributor)
    under_way = same.filter(state__in=UNDER_WAY).first()
    if under_way is not None:
        raise EpochUnderWay(under_way.number)
    with all_tenants(reason=REASON):
        request_claims(current_epoch(chain_id, distributor), only=[row.address])
    record_audit(actor, action="withdrawal.claimed_again", target_type="withdrawal", target_id=row.id)
    row.refresh_from_db()
    return withdrawal_info(row)


@transaction.atomic
def record_claim_failure(*, idempotency_key: str, reason: str) -> None:
    """The chain refused a claim: its withdrawals say why, and the next epoch or the payee claims again."""
    _, epoch_id, address, _ = idempotency_key.split(":")
    epoch = Epoch.objects.get(id=UUID(epoch_id))
    with all_tenants(reason=REASON):
        rows = Withdrawal.objects.select_for_update(of=("self",)).filter(
            state=WithdrawalState.CLAIMABLE,
            address=address,
            epoch__chain_id=epoch.chain_id,
            epoch__distributor=epoch.distributor,
        )
        for row in rows.order_by("id"):
            row.claim_problem = reason
            row.save(update_fields=["claim_problem", "updated_at"])
            live.notify(f"earnings:{row.tenant_id}")
