"""Reads of earnings, withdrawals, epochs and their proofs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet, Sum

from apps.accounts.selectors import wallet_address
from apps.core.money import Money, TokenAmount
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef, StatementLine
from apps.payouts.errors import EpochNotFound, WithdrawalNotFound
from apps.payouts.models import Epoch, PayoutFreeze, Withdrawal, WithdrawalDecision
from apps.payouts.policies import require
from apps.payouts.types import (
    CANCELLABLE,
    CURRENCY,
    ON_ITS_WAY,
    TOKEN,
    DecisionInfo,
    EarningsSummary,
    EpochInfo,
    EpochState,
    FreezeInfo,
    PayoutsPermission,
    WithdrawalInfo,
    WithdrawalState,
)
from apps.tenancy.types import Actor


def minimum_withdrawal() -> Money:
    """The smallest amount that is paid out."""
    return Money(settings.FEES["minimum_withdrawal_minor"], CURRENCY)


def earnings_account(organisation_id: UUID) -> AccountRef:
    """The ledger account that earnings are collected on."""
    return AccountRef(organisation_id, AccountKind.EARNINGS, CURRENCY)


def earnings_summary(actor: Actor) -> EarningsSummary:
    """What the actor's organisation can withdraw, has on its way, and has in its wallet."""
    require(actor, PayoutsPermission.VIEW)
    available = ledger.balance(earnings_account(actor.organisation_id)).available
    assert isinstance(available, Money)  # noqa: S101 (the account is in a currency)
    sums = {
        row["state"]: int(row["total"])
        for row in Withdrawal.objects.order_by().values("state").annotate(total=Sum("amount_minor"))
    }
    pending = sum(sums.get(state, 0) for state in ON_ITS_WAY)
    return EarningsSummary(
        available=available,
        pending=Money(pending, CURRENCY),
        withdrawn=Money(sums.get(WithdrawalState.CLAIMED, 0), CURRENCY),
        minimum=minimum_withdrawal(),
        wallet=wallet_address(actor.organisation_id),
        next_payout=_next_payout(sums),
        frozen=freeze_of(actor.organisation_id),
    )


def _next_payout(sums: dict[str, int]) -> str:
    if sums.get(WithdrawalState.CLAIMABLE):
        return "Published; being sent to your wallet"
    if sums.get(WithdrawalState.PUBLISHING):
        return "Being published now"
    if sums.get(WithdrawalState.WAITING):
        return "Within a minute"
    if sums.get(WithdrawalState.APPROVAL):
        return "When it is approved"
    return "When you withdraw"


def earned(actor: Actor) -> QuerySet[Any]:
    """Ledger transfers of the earnings account, newest first; `earned_line` reads one."""
    require(actor, PayoutsPermission.VIEW)
    return ledger.transfers(actor, kind=AccountKind.EARNINGS, currency=CURRENCY)


def earned_line(row: Any, actor: Actor) -> StatementLine:
    """One transfer of `earned` as the actor's organisation sees it."""
    return ledger.statement_line(row, actor.organisation_id)


def earned_lines(actor: Actor) -> Iterator[StatementLine]:
    """All lines of the earnings account, oldest first (export)."""
    for row in earned(actor).order_by("id").iterator(chunk_size=500):
        yield earned_line(row, actor)


def withdrawals(actor: Actor) -> QuerySet[Withdrawal]:
    """The withdrawals of the actor's organisation, newest first."""
    require(actor, PayoutsPermission.VIEW)
    return Withdrawal.objects.select_related("epoch").order_by("-id")


def withdrawal(actor: Actor, withdrawal_id: UUID) -> WithdrawalInfo:
    """One withdrawal. Raises WithdrawalNotFound."""
    return withdrawal_info(_withdrawal_row(actor, withdrawal_id))


def withdrawal_info(row: Withdrawal) -> WithdrawalInfo:
    """A withdrawal's row as plain facts."""
    return WithdrawalInfo(
        id=row.id,
        organisation_id=row.tenant_id,
        amount=Money(row.amount_minor, CURRENCY),
        tokens=TokenAmount(row.token_raw, TOKEN),
        address=row.address,
        state=WithdrawalState(row.state),
        epoch_id=row.epoch_id,
        epoch_number=row.epoch.number if row.epoch is not None else None,
        tx_hash=row.tx_hash,
        block_number=row.block_number,
        claim_problem=row.claim_problem,
        created_at=row.created_at,
        claimed_at=row.claimed_at,
        approvals_needed=row.approvals_needed,
        reason=row.reason,
        can_be_cancelled=row.state in CANCELLABLE,
    )


def decisions(actor: Actor, withdrawal_id: UUID) -> list[DecisionInfo]:
    """What the staff has decided about a withdrawal, oldest first. Raises WithdrawalNotFound."""
    row = _withdrawal_row(actor, withdrawal_id)
    return [decision_info(decision) for decision in row.decisions.order_by("id")]


def decision_info(row: WithdrawalDecision) -> DecisionInfo:
    """A decision's row as plain facts."""
    return DecisionInfo(row.user_id, row.approved, row.reason, row.created_at)


def freeze_of(organisation_id: UUID) -> FreezeInfo | None:
    """The stop of an organisation's withdrawals, or None."""
    with tenant_scope(organisation_id):
        row = PayoutFreeze.objects.filter(lifted_at=None).first()
    return FreezeInfo(row.tenant_id, row.reason, row.created_at) if row is not None else None


def epochs() -> QuerySet[Epoch]:
    """All epochs, newest first; they are public, as they are on chain."""
    return Epoch.objects.order_by("-id")


def epoch(epoch_id: UUID) -> EpochInfo:
    """One epoch. Raises EpochNotFound."""
    row = Epoch.objects.filter(id=epoch_id).first()
    if row is None:
        raise EpochNotFound
    return epoch_info(row)


def epoch_info(row: Epoch) -> EpochInfo:
    """An epoch's row as plain facts."""
    return EpochInfo(
        id=row.id,
        number=row.number,
        state=EpochState(row.state),
        distributor=row.distributor,
        previous_root=row.previous_root,
        root=row.root,
        payees=row.payees,
        added=TokenAmount(row.added, TOKEN),
        cumulative_total=TokenAmount(row.cumulative_total, TOKEN),
        tx_hash=row.tx_hash,
        block_number=row.block_number,
        reason=row.reason,
        created_at=row.created_at,
    )


def current_epoch(chain_id: int, distributor: str) -> Epoch:
    """The epoch in force on a distributor. Raises EpochNotFound before the first."""
    row = (
        Epoch.objects.filter(chain_id=chain_id, distributor=distributor, state=EpochState.PUBLISHED)
        .order_by("-number")
        .first()
    )
    if row is None:
        raise EpochNotFound
    return row


def withdrawn_so_far() -> tuple[int, int]:
    """Raw token units of all withdrawals that are on their way, and of those that were claimed."""
    with all_tenants(reason="reconciliation sums every organisation's withdrawals"):
        rows = Withdrawal.objects.order_by().values("state").annotate(total=Sum("token_raw"))
        sums = {row["state"]: int(row["total"]) for row in rows}
    return sum(sums.get(state, 0) for state in ON_ITS_WAY), sums.get(WithdrawalState.CLAIMED, 0)


def _withdrawal_row(actor: Actor, withdrawal_id: UUID) -> Withdrawal:
    row = Withdrawal.objects.select_related("epoch").filter(id=withdrawal_id).first()
    if row is None or row.tenant_id != actor.organisation_id:
        raise WithdrawalNotFound
    require(actor, PayoutsPermission.VIEW, row)
    return row
