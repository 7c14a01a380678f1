"""Taking back what a payee does not claim: announced on chain, a year later done. It is the payee's earnings again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.core import clock
from apps.core.ids import uuid7
from apps.core.tenant import all_tenants
from apps.onchain import selectors as chain
from apps.onchain import services as onchain
from apps.payouts import tree
from apps.payouts.errors import EpochUnderWay, NothingToRecover
from apps.payouts.locks import lock_epochs
from apps.payouts.models import Epoch, Recovery, Withdrawal
from apps.payouts.policies import require_person_of_staff
from apps.payouts.selectors import current_epoch
from apps.payouts.services.claiming import CONTRACT
from apps.payouts.types import UNDER_WAY, RecoveryState, WithdrawalState
from apps.tenancy.services import record_audit
from apps.tenancy.types import PLATFORM_ID, Actor, Role

RECOVERY_KIND = "payouts.recovery"
RECOVER_STEP = "recover"
REASON = "an unclaimed amount may be of any organisation"
OPEN = (RecoveryState.ANNOUNCING, RecoveryState.ANNOUNCED, RecoveryState.RECOVERING)


@transaction.atomic
def announce_recovery(*, actor: Actor, payee: str) -> UUID:
    """Announce on chain that a payee's unclaimed money is taken back; any claim until then ends it.

    Raises:
        NotFound, NothingToRecover, ChainNotReady
    """
    user_id = require_person_of_staff(actor)
    lock_epochs()
    distributor, chain_id = chain.contract_address(CONTRACT), chain.chain_id()
    if Recovery.objects.filter(chain_id=chain_id, distributor=distributor, payee=payee, state__in=OPEN).exists():
        raise NothingToRecover("The recovery of this payee's money is announced already.")
    with all_tenants(reason=REASON):
        old_enough = Withdrawal.objects.filter(
            state=WithdrawalState.CLAIMABLE,
            address=payee,
            epoch__chain_id=chain_id,
            epoch__distributor=distributor,
            epoch__updated_at__lt=clock.now() - settings.PAYOUTS["unclaimed_after"],
        )
        if not old_enough.exists():
            raise NothingToRecover("Nothing of this payee has been unclaimed for long enough.")
    row = Recovery.objects.create(
        id=uuid7(), chain_id=chain_id, distributor=distributor, payee=payee, requested_by=user_id
    )
    _request(row, "announceRecovery", [payee], "announce")
    _audit(user_id, row, "recovery.announced")
    return row.id


@transaction.atomic
def recover_unclaimed(*, actor: Actor, payee: str) -> UUID:
    """Take back what was announced, once the contract allows it.

    Raises:
        NotFound, NothingToRecover, ChainNotReady
        EpochUnderWay: the root that the proof is for is being replaced; try again when it is in force.
    """
    user_id = require_person_of_staff(actor)
    lock_epochs()
    distributor, chain_id = chain.contract_address(CONTRACT), chain.chain_id()
    under_way = Epoch.objects.filter(chain_id=chain_id, distributor=distributor, state__in=UNDER_WAY).first()
    if under_way is not None:
        raise EpochUnderWay(under_way.number)
    rows = Recovery.objects.select_for_update().filter(chain_id=chain_id, distributor=distributor, payee=payee)
    row = rows.filter(state=RecoveryState.ANNOUNCED, recoverable_at__lte=clock.now()).first()
    if row is None:
        raise NothingToRecover("No announced recovery of this payee's money is due.")
    leaf = tree.epoch_tree(current_epoch(chain_id, distributor)).leaves[payee]
    args: list[Any] = [payee, str(leaf.cumulative_amount), list(leaf.proof), chain.custody_address()]
    row.state = RecoveryState.RECOVERING
    row.attempt += 1
    row.save(update_fields=["state", "attempt", "updated_at"])
    _request(row, "recover", args, f"{RECOVER_STEP}:{row.attempt}")
    _audit(user_id, row, "recovery.started")
    return row.id


@transaction.atomic
def record_announcement(*, distributor: str, payee: str, recoverable_at: int) -> None:
    """The announcement is on chain. `recoverable_at`: seconds since 1970."""
    Recovery.objects.filter(
        chain_id=chain.chain_id(), distributor=distributor, payee=payee, state=RecoveryState.ANNOUNCING
    ).update(
        state=RecoveryState.ANNOUNCED,
        recoverable_at=datetime.fromtimestamp(recoverable_at, UTC),
        updated_at=clock.now(),
    )


@transaction.atomic
def end_recovery(*, distributor: str, payee: str, state: RecoveryState) -> None:
    """The money was taken back; or its payee has claimed it, and the contract has dropped the announcement."""
    Recovery.objects.filter(chain_id=chain.chain_id(), distributor=distributor, payee=payee, state__in=OPEN).update(
        state=state,
        reason="" if state == RecoveryState.RECOVERED else "the payee claimed",
        updated_at=clock.now(),
    )


@transaction.atomic
def fail_recovery(*, idempotency_key: str, reason: str) -> None:
    """The chain refused the announcement, which is over then, or the recovery, which can be tried again."""
    recovery_id, step = idempotency_key.removeprefix(f"{RECOVERY_KIND}:").split(":")[:2]
    state = RecoveryState.ANNOUNCED if step == RECOVER_STEP else RecoveryState.FAILED
    Recovery.objects.filter(id=UUID(recovery_id), state__in=OPEN).update(
        state=state, reason=reason, updated_at=clock.now()
    )


def _request(row: Recovery, function: str, args: list[Any], step: str) -> None:
    onchain.request_transaction(
        organisation_id=PLATFORM_ID,
        kind=RECOVERY_KIND,
        contract=CONTRACT,
        function=function,
        args=args,
        idempotency_key=f"{RECOVERY_KIND}:{row.id}:{step}",
    )


def _audit(user_id: UUID, row: Recovery, action: str) -> None:
    record_audit(
        Actor(user_id, PLATFORM_ID, Role.OWNER),
        action=action,
        target_type="payee",
        target_id=row.payee,
        detail={"distributor": row.distributor},
    )
