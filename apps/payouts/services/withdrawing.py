"""Taking earnings out of the platform: from dollars earned to tokens owed."""

from __future__ import annotations

from django.db import transaction

from apps.accounts.selectors import wallet_address
from apps.core import live
from apps.core.ids import uuid7
from apps.core.money import Money
from apps.core.outbox import publish
from apps.ledger import services as ledger
from apps.ledger.errors import InsufficientFunds
from apps.ledger.selectors import balance
from apps.ledger.types import AccountKind, AccountRef, SourceRef, TransferSpec
from apps.payouts.errors import WalletMissing, WithdrawalAboveBalance, WithdrawalBelowMinimum
from apps.payouts.events import WithdrawalRequested
from apps.payouts.models import Withdrawal
from apps.payouts.policies import require, require_account
from apps.payouts.selectors import earnings_account, minimum_withdrawal, withdrawal_info
from apps.payouts.types import CURRENCY, TOKEN, PayoutsPermission, WithdrawalInfo
from apps.tenancy.services import record_audit
from apps.tenancy.types import PLATFORM_ID, Actor

SOURCE = "payouts.withdrawal"


@transaction.atomic
def request_withdrawal(*, actor: Actor, amount: Money) -> WithdrawalInfo:
    """Turn earnings into tokens that the next epoch pays to the organisation's wallet.

    Args:
        amount: in the currency of the earnings; at least `selectors.minimum_withdrawal()`.

    Raises:
        GuestCannotWithdraw, NotPermitted, WalletMissing, WithdrawalBelowMinimum, WithdrawalAboveBalance: nothing is
            changed.
    """
    require_account(actor)
    require(actor, PayoutsPermission.WITHDRAW)
    address = wallet_address(actor.organisation_id)
    if address is None:
        raise WalletMissing
    if amount < minimum_withdrawal():
        raise WithdrawalBelowMinimum(minimum_withdrawal())
    row = Withdrawal.objects.create(
        id=uuid7(),
        tenant_id=actor.organisation_id,
        amount_minor=amount.minor,
        token_raw=amount.to_token(TOKEN).raw,
        address=address,
        requested_by=actor.user_id,
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
        detail={"amount_minor": str(amount.minor), "address": address},
    )
    publish(WithdrawalRequested(row.id), tenant_id=actor.organisation_id)
    live.notify(f"earnings:{actor.organisation_id}")
    return withdrawal_info(row)


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
