"""Taking earnings out of the platform: from dollars earned to tokens owed, and back while no round has them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from apps.accounts.addresses import wallet_address_of
from apps.accounts.selectors import wallet
from apps.core import clock, live
from apps.core.ids import uuid7
from apps.core.money import Money
from apps.core.outbox import publish
from apps.core.tenant import all_tenants
from apps.ledger import services as ledger
from apps.ledger.errors import InsufficientFunds
from apps.ledger.selectors import balance
from apps.ledger.types import AccountKind, AccountRef, SourceRef, TransferSpec
from apps.payouts.errors import (
    DailyLimitReached,
    NotCancellable,
    PayoutsFrozen,
    PlatformLimitReached,
    WalletChanging,
    WalletMissing,
    WithdrawalAboveBalance,
    WithdrawalBelowMinimum,
)
from apps.payouts.events import WithdrawalRequested
from apps.payouts.locks import lock_requests, lock_withdrawal
from apps.payouts.models import Withdrawal
from apps.payouts.policies import require, require_account
from apps.payouts.selectors import earnings_account, freeze_of, minimum_withdrawal, withdrawal_info
from apps.payouts.services.returning import give_back
from apps.payouts.types import (
    CANCELLABLE,
    CURRENCY,
    TOKEN,
    PayoutsPermission,
    WithdrawalInfo,
    WithdrawalState,
)
from apps.tenancy.services import record_audit
from apps.tenancy.types import PLATFORM_ID, Actor

SOURCE = "payouts.withdrawal"
WINDOW = timedelta(hours=24)
#: Their money came back and does not count towards the limits.
NOT_PAID = (WithdrawalState.CANCELLED, WithdrawalState.REJECTED)


@transaction.atomic
def request_withdrawal(*, actor: Actor, amount: Money, idempotency_key: str = "") -> WithdrawalInfo:
    """Turn earnings into tokens that the next epoch pays to the organisation's wallet.

    A large amount first waits for the platform's staff (`approve_withdrawal`); small ones that add up to a large one
    within a day do too.

    Args:
        amount: in the currency of the earnings; at least `selectors.minimum_withdrawal()`.
        idempotency_key: the caller's own; a repeat gets the first withdrawal, also when the first answer was lost with
            its process.

    Raises:
        GuestCannotWithdraw, NotPermitted, PayoutsFrozen, WalletMissing, WalletChanging, InvalidWalletAddress,
        WithdrawalBelowMinimum, DailyLimitReached, PlatformLimitReached, WithdrawalAboveBalance: nothing is changed.
    """
    require_account(actor)
    require(actor, PayoutsPermission.WITHDRAW)
    lock_requests()
    if idempotency_key:
        earlier = Withdrawal.objects.filter(tenant_id=actor.organisation_id, request_key=idempotency_key).first()
        if earlier is not None:
            return withdrawal_info(earlier)
    address = _payable_address(actor.organisation_id)
    if amount < minimum_withdrawal():
        raise WithdrawalBelowMinimum(minimum_withdrawal())
    approvals = approvals_needed(_require_within_limits(actor.organisation_id, amount))
    row = Withdrawal.objects.create(
        id=uuid7(),
        tenant_id=actor.organisation_id,
        amount_minor=amount.minor,
        token_raw=amount.to_token(TOKEN).raw,
        address=address,
        request_key=idempotency_key,
        requested_by=actor.user_id,
        approvals_needed=approvals,
        state=WithdrawalState.APPROVAL if approvals else WithdrawalState.WAITING,
    )
    try:
        ledger.post_batch(_conversion(row, amount))
    except InsufficientFunds as error:
        available = balance(earnings_account(actor.organisation_id)).available
        raise WithdrawalAboveBalance(asked=amount, available=available) from error
    record_audit(
        actor,
        action="withdrawal.requested",
        target_type="withdrawal",
        target_id=row.id,
        detail={"amount_minor": str(amount.minor), "address": address, "approvals_needed": approvals},
    )
    publish(WithdrawalRequested(row.id), tenant_id=actor.organisation_id)
    live.notify(f"earnings:{actor.organisation_id}")
    return withdrawal_info(row)


@transaction.atomic
def cancel_withdrawal(*, actor: Actor, withdrawal_id: UUID) -> WithdrawalInfo:
    """Call a withdrawal off that is in no payout round yet; the money is earnings again, to the cent.

    Raises:
        GuestCannotWithdraw, NotPermitted, WithdrawalNotFound, NotCancellable
    """
    require_account(actor)
    row = lock_withdrawal(withdrawal_id)
    require(actor, PayoutsPermission.WITHDRAW, row)
    if row.state not in CANCELLABLE:
        raise NotCancellable(row.state)
    give_back(row, WithdrawalState.CANCELLED, "Withdrawal cancelled")
    record_audit(actor, action="withdrawal.cancelled", target_type="withdrawal", target_id=row.id)
    return withdrawal_info(row)


@transaction.atomic
def return_payments_to_contract(*, address: str) -> int:
    """Give back what waits to be paid to an address that has turned out to be a contract's.

    Returns:
        How many withdrawals were given back.
    """
    with all_tenants(reason="withdrawals of any organisation may go to the address"):
        waiting = Withdrawal.objects.filter(address=address, state__in=CANCELLABLE)
        rows = list(waiting.select_for_update(of=("self",)).order_by("id"))
        for row in rows:
            row.reason = "The address is a contract's, not a wallet's. Set another one and withdraw again."
            give_back(row, WithdrawalState.CANCELLED, "Withdrawal returned: the address is a contract's")
    return len(rows)


def approvals_needed(amount: Money) -> int:
    """How many members of the staff approve a day's amount, besides the requester: none, one or two."""
    thresholds = (settings.PAYOUTS["approval_minor"], settings.PAYOUTS["second_approval_minor"])
    return sum(amount.minor >= threshold for threshold in thresholds)


def _payable_address(organisation_id: UUID) -> str:
    frozen = freeze_of(organisation_id)
    if frozen is not None:
        raise PayoutsFrozen(frozen.reason)
    found = wallet(organisation_id)
    if found.address is None:
        raise WalletMissing
    if found.pending_address is not None and found.pending_until is not None:
        raise WalletChanging(found.pending_address, found.pending_until)
    return wallet_address_of(found.address)  # what can be no wallet may have become known since it was set


def _require_within_limits(organisation_id: UUID, amount: Money) -> Money:
    """Refuse what is above a limit; else what the organisation will have asked for within the last day."""
    with all_tenants(reason="the platform's limit counts every organisation's withdrawals"):
        lately = Withdrawal.objects.filter(created_at__gt=clock.now() - WINDOW).exclude(state__in=NOT_PAID).order_by()
        everybody = lately.aggregate(total=Sum("amount_minor"))["total"] or 0
        own = lately.filter(tenant_id=organisation_id).aggregate(total=Sum("amount_minor"))["total"] or 0
    limit = settings.PAYOUTS["organisation_daily_limit_minor"]
    if own + amount.minor > limit:
        raise DailyLimitReached(limit=Money(limit, CURRENCY), left=Money(max(limit - own, 0), CURRENCY))
    if everybody + amount.minor > settings.PAYOUTS["daily_limit_minor"]:
        raise PlatformLimitReached
    return Money(own + amount.minor, CURRENCY)


def _conversion(row: Withdrawal, amount: Money) -> list[TransferSpec]:
    source = SourceRef(SOURCE, str(row.id), {"address": row.address, "url": "/earnings/"})
    reason = f"Withdrawal to {row.address[:6]}…{row.address[-4:]}"
    conversion = AccountKind.CONVERSION
    return [
        TransferSpec(
            debit=earnings_account(row.tenant_id),
            credit=AccountRef(PLATFORM_ID, conversion, CURRENCY),
            amount=amount,
            idempotency_key=f"{SOURCE}:{row.id}:earnings",
            reason=reason,
            source=source,
        ),
        TransferSpec(
            debit=AccountRef(PLATFORM_ID, conversion, TOKEN),
            credit=AccountRef(row.tenant_id, AccountKind.PAYABLE, TOKEN),
            amount=amount.to_token(TOKEN),
            idempotency_key=f"{SOURCE}:{row.id}:tokens",
            reason=reason,
            source=source,
        ),
    ]
