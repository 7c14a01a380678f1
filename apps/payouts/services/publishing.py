"""Epochs: all waiting withdrawals, whatever their number, in one Merkle root and one transaction."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from apps.core import clock, live
from apps.core.ids import uuid7
from apps.core.tenant import all_tenants
from apps.onchain import selectors as chain
from apps.onchain import services as onchain
from apps.payouts import tree
from apps.payouts.errors import EpochUnderWay
from apps.payouts.locks import lock_epochs, lock_waiting
from apps.payouts.models import Epoch, Withdrawal
from apps.payouts.policies import require_staff
from apps.payouts.selectors import epoch_info
from apps.payouts.services.claiming import CONTRACT, request_claims
from apps.payouts.types import EpochInfo, EpochState, WithdrawalState
from apps.tenancy.services import record_audit
from apps.tenancy.types import PLATFORM_ID, Actor

EPOCH_KIND = "payouts.epoch"
NO_ROOT = "0x" + "00" * 32
#: After a refused epoch (an empty treasury, a paused contract) the schedule gives the cause time to go away.
PAUSE_AFTER_FAILURE = timedelta(minutes=5)
REASON = "an epoch pays every organisation"


def publish_epoch(*, actor: Actor) -> EpochInfo | None:
    """Publish an epoch now, on demand of the platform's staff; None when no withdrawal waits.

    Raises:
        StaffOnly, EpochUnderWay, ChainNotReady
    """
    require_staff(actor)
    return _publish(actor)


def publish_due_epoch() -> EpochInfo | None:
    """Publish an epoch when withdrawals wait, none is under way, and the last was not refused just now (schedule)."""
    last = Epoch.objects.order_by("-id").first()
    if last is not None:
        failed_lately = last.state == EpochState.FAILED and clock.now() - last.updated_at < PAUSE_AFTER_FAILURE
        if failed_lately or last.state == EpochState.PUBLISHING:
            return None
    with all_tenants(reason=REASON):
        if not Withdrawal.objects.filter(state=WithdrawalState.WAITING).exists():
            return None
    return _publish(Actor.system(PLATFORM_ID))


@transaction.atomic
def _publish(actor: Actor) -> EpochInfo | None:
    lock_epochs()
    distributor, chain_id = chain.contract_address(CONTRACT), chain.chain_id()
    mine = Epoch.objects.filter(chain_id=chain_id, distributor=distributor)
    under_way = mine.filter(state=EpochState.PUBLISHING).first()
    if under_way is not None:
        raise EpochUnderWay(under_way.number)
    last = mine.filter(state=EpochState.PUBLISHED).order_by("-number").first()
    with all_tenants(reason=REASON):
        waiting = lock_waiting()
        if not waiting:
            return None
        epoch = _create(chain_id, distributor, last, waiting)
        Withdrawal.objects.filter(id__in=[row.id for row in waiting]).update(
            state=WithdrawalState.PUBLISHING, epoch=epoch, updated_at=clock.now()
        )
    onchain.request_transaction(
        organisation_id=PLATFORM_ID,
        kind=EPOCH_KIND,
        contract=CONTRACT,
        function="setRoot",
        args=[last.root if last is not None else NO_ROOT, epoch.root, str(epoch.added)],
        idempotency_key=f"{EPOCH_KIND}:{epoch.id}",
    )
    _tell(waiting)
    record_audit(
        Actor(actor.user_id, PLATFORM_ID, actor.role),
        action="epoch.published",
        target_type="epoch",
        target_id=epoch.id,
        detail={"number": epoch.number, "payees": epoch.payees, "added_raw": str(epoch.added)},
    )
    return epoch_info(epoch)


def _create(chain_id: int, distributor: str, last: Epoch | None, waiting: list[Withdrawal]) -> Epoch:
    number = last.number + 1 if last is not None else 1
    amounts = Counter(tree.cumulative_amounts(chain_id=chain_id, distributor=distributor, up_to=number - 1))
    for row in waiting:
        amounts[row.address] += row.token_raw
    built = tree.build(chain_id=chain_id, distributor=distributor, amounts=amounts)
    return Epoch.objects.create(
        id=uuid7(),
        chain_id=chain_id,
        distributor=distributor,
        number=number,
        root=built.root,
        payees=len({row.address for row in waiting}),
        added=sum(row.token_raw for row in waiting),
        cumulative_total=built.cumulative_total,
    )


@transaction.atomic
def confirm_epoch(*, idempotency_key: str, tx_hash: str, block_number: int) -> None:
    """The root is on chain at depth: its withdrawals can be claimed, and the platform claims them for the payees."""
    lock_epochs()
    epoch = _epoch_of(idempotency_key)
    if epoch.state != EpochState.PUBLISHING:
        return
    epoch.state = EpochState.PUBLISHED
    epoch.tx_hash = tx_hash
    epoch.block_number = block_number
    epoch.save(update_fields=["state", "tx_hash", "block_number", "updated_at"])
    with all_tenants(reason=REASON):
        rows = list(epoch.withdrawals.select_for_update().order_by("id"))
        epoch.withdrawals.filter(state=WithdrawalState.PUBLISHING).update(
            state=WithdrawalState.CLAIMABLE, updated_at=clock.now()
        )
        request_claims(epoch)
    _tell(rows)


@transaction.atomic
def fail_epoch(*, idempotency_key: str, reason: str) -> None:
    """The chain refused the root: its withdrawals wait for the next epoch."""
    lock_epochs()
    epoch = _epoch_of(idempotency_key)
    if epoch.state != EpochState.PUBLISHING:
        return
    epoch.state = EpochState.FAILED
    epoch.reason = reason
    epoch.save(update_fields=["state", "reason", "updated_at"])
    with all_tenants(reason=REASON):
        rows = list(epoch.withdrawals.select_for_update().order_by("id"))
        epoch.withdrawals.update(state=WithdrawalState.WAITING, epoch=None, updated_at=clock.now())
    _tell(rows)


def _epoch_of(idempotency_key: str) -> Epoch:
    return Epoch.objects.select_for_update().get(id=UUID(idempotency_key.removeprefix(f"{EPOCH_KIND}:")))


def _tell(rows: list[Withdrawal]) -> None:
    for organisation_id in {row.tenant_id for row in rows}:
        live.notify(f"earnings:{organisation_id}")
