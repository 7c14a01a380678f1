"""Giving a withdrawal's money back to the earnings that it came from: the two transfers of the request, reversed."""

from __future__ import annotations

from apps.core import clock, live
from apps.core.money import Money, TokenAmount
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef, TransferSpec
from apps.payouts.models import Withdrawal
from apps.payouts.selectors import earnings_account
from apps.payouts.types import CURRENCY, TOKEN, WithdrawalState
from apps.tenancy.types import PLATFORM_ID

SOURCE = "payouts.withdrawal"


def give_back(row: Withdrawal, state: WithdrawalState, why: str) -> None:
    """End a locked withdrawal in a state in which its money is earnings again. `why` is the ledger's reason."""
    row.state = state
    row.updated_at = clock.now()
    row.save()
    source = SourceRef(SOURCE, str(row.id), {"address": row.address, "rule": "returned"})
    conversion = AccountKind.CONVERSION
    ledger.post_batch(
        [
            TransferSpec(
                debit=AccountRef(row.tenant_id, AccountKind.PAYABLE, TOKEN),
                credit=AccountRef(PLATFORM_ID, conversion, TOKEN),
                amount=TokenAmount(row.token_raw, TOKEN),
                idempotency_key=f"{SOURCE}:{row.id}:tokens-returned",
                reason=why,
                source=source,
            ),
            TransferSpec(
                debit=AccountRef(PLATFORM_ID, conversion, CURRENCY),
                credit=earnings_account(row.tenant_id),
                amount=Money(row.amount_minor, CURRENCY),
                idempotency_key=f"{SOURCE}:{row.id}:earnings-returned",
                reason=why,
                source=source,
            ),
        ]
    )
    live.notify(f"earnings:{row.tenant_id}")
