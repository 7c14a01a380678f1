"""What the platform's staff sees: the queue of approvals, who is frozen, what is on its way and how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Sum

from apps.accounts.selectors import names_of
from apps.core import clock
from apps.core.money import Money
from apps.core.tenant import all_tenants
from apps.payouts.models import PayoutFreeze, Recovery, Withdrawal
from apps.payouts.selectors import decision_info, withdrawal_info
from apps.payouts.types import (
    CURRENCY,
    ON_ITS_WAY,
    DecisionInfo,
    FreezeInfo,
    RecoveryState,
    WithdrawalInfo,
    WithdrawalState,
)
from apps.tenancy.policies import require_staff
from apps.tenancy.selectors import organisation_names
from apps.tenancy.types import Actor

REASON = "the staff sees every organisation's withdrawals"
SHOWN = 100


@dataclass(frozen=True, slots=True)
class Queued:
    """A withdrawal that waits for the staff, with what the decision needs."""

    withdrawal: WithdrawalInfo
    organisation: str
    requested_by: str
    decisions: tuple[DecisionInfo, ...]
    frozen: bool

    @property
    def approvals_missing(self) -> int:
        """How many more members of the staff have to approve."""
        return self.withdrawal.approvals_needed - sum(decision.approved for decision in self.decisions)


@dataclass(frozen=True, slots=True)
class Frozen:
    """A stop with the organisation's name and what waits behind it."""

    freeze: FreezeInfo
    organisation: str
    waiting: Money


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """What a payee has not claimed for longer than the stated time, and how far its taking back is."""

    payee: str
    distributor: str
    organisations: tuple[str, ...]
    amount: Money
    since: datetime
    state: RecoveryState | None
    recoverable_at: datetime | None
    can_be_recovered: bool


def approval_queue(actor: Actor) -> list[Queued]:
    """Withdrawals that wait for approval, oldest first. Raises NotFound."""
    require_staff(actor)
    with all_tenants(reason=REASON):
        rows = list(
            Withdrawal.objects.filter(state=WithdrawalState.APPROVAL)
            .select_related("epoch")
            .prefetch_related("decisions")
            .order_by("id")[:SHOWN]
        )
        frozen = set(PayoutFreeze.objects.filter(lifted_at=None).values_list("tenant_id", flat=True))
    organisations = organisation_names(row.tenant_id for row in rows)
    people = names_of({row.requested_by for row in rows if row.requested_by is not None})
    return [
        Queued(
            withdrawal_info(row),
            organisations[row.tenant_id],
            people.get(row.requested_by, "") if row.requested_by else "",
            tuple(decision_info(decision) for decision in row.decisions.all()),
            row.tenant_id in frozen,
        )
        for row in rows
    ]


def freezes(actor: Actor) -> list[Frozen]:
    """The organisations whose withdrawals are stopped, newest stop first. Raises NotFound."""
    require_staff(actor)
    with all_tenants(reason=REASON):
        rows = list(PayoutFreeze.objects.filter(lifted_at=None).order_by("-id")[:SHOWN])
        waiting = dict(
            Withdrawal.objects.filter(state=WithdrawalState.WAITING, tenant_id__in=[row.tenant_id for row in rows])
            .order_by()
            .values_list("tenant_id")
            .annotate(total=Sum("amount_minor"))
        )
    names = organisation_names(row.tenant_id for row in rows)
    return [
        Frozen(
            FreezeInfo(row.tenant_id, row.reason, row.created_at),
            names[row.tenant_id],
            Money(int(waiting.get(row.tenant_id, 0)), CURRENCY),
        )
        for row in rows
    ]


def totals_by_state(actor: Actor) -> dict[WithdrawalState, tuple[int, Money]]:
    """Number and sum of the withdrawals that are on their way, by state. Raises NotFound."""
    require_staff(actor)
    with all_tenants(reason=REASON):
        rows = (
            Withdrawal.objects.filter(state__in=ON_ITS_WAY)
            .order_by()
            .values_list("state")
            .annotate(number=Count("id"), total=Sum("amount_minor"))
        )
        found = {state: (int(number), int(total)) for state, number, total in rows}
    none = (0, 0)
    return {state: (found.get(state, none)[0], Money(found.get(state, none)[1], CURRENCY)) for state in ON_ITS_WAY}


def unclaimed(actor: Actor) -> list[Unclaimed]:
    """Payees whose claimable money is older than the stated time, oldest first. Raises NotFound."""
    require_staff(actor)
    before = clock.now() - settings.PAYOUTS["unclaimed_after"]
    with all_tenants(reason=REASON):
        rows = list(
            Withdrawal.objects.filter(state=WithdrawalState.CLAIMABLE, epoch__updated_at__lt=before)
            .select_related("epoch")
            .order_by("id")[:SHOWN]
        )
        announced = {
            (recovery.distributor, recovery.payee): recovery
            for recovery in Recovery.objects.exclude(state__in=(RecoveryState.RECOVERED, RecoveryState.FAILED))
        }
    names = organisation_names(row.tenant_id for row in rows)
    by_payee: dict[tuple[str, str], list[Withdrawal]] = {}
    for row in rows:
        assert row.epoch is not None  # noqa: S101 (the query joins it)
        by_payee.setdefault((row.epoch.distributor, row.address), []).append(row)
    return [_unclaimed(key, mine, names, announced.get(key)) for key, mine in by_payee.items()]


def _unclaimed(
    key: tuple[str, str], rows: list[Withdrawal], names: dict[UUID, str], recovery: Recovery | None
) -> Unclaimed:
    distributor, payee = key
    epochs = [row.epoch.updated_at for row in rows if row.epoch is not None]
    due = recovery.recoverable_at if recovery is not None else None
    return Unclaimed(
        payee=payee,
        distributor=distributor,
        organisations=tuple(sorted({names[row.tenant_id] for row in rows})),
        amount=Money(sum(row.amount_minor for row in rows), CURRENCY),
        since=min(epochs),
        state=RecoveryState(recovery.state) if recovery is not None else None,
        recoverable_at=due,
        can_be_recovered=due is not None
        and due <= clock.now()
        and recovery is not None
        and recovery.state == RecoveryState.ANNOUNCED,
    )
