"""Where money in stands in the ledger: accounts, debts, and who is the processor's customer."""

from __future__ import annotations

from uuid import UUID

from apps.billing.models import BillingAccount
from apps.billing.selectors import cash_account, money_owed
from apps.billing.types import CURRENCY
from apps.core.ids import uuid7
from apps.core.money import Money
from apps.ledger import selectors as ledger_reads
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef, units_of
from apps.tenancy.selectors import platform_organisation_id


def processor_account() -> AccountRef:
    """What came in and went out through the processor."""
    return AccountRef(platform_organisation_id(), AccountKind.PROCESSOR, CURRENCY)


def fees_account() -> AccountRef:
    """What the platform earns."""
    return AccountRef(platform_organisation_id(), AccountKind.FEES, CURRENCY)


def refunds_account(organisation_id: UUID) -> AccountRef:
    """Money on its way back to the organisation's card."""
    return AccountRef(organisation_id, AccountKind.REFUNDS, CURRENCY)


def disputed_account(organisation_id: UUID, dispute_id: str) -> AccountRef:
    """Money that one dispute is about; an account each, so that each is settled by itself."""
    return AccountRef(organisation_id, AccountKind.DISPUTED, CURRENCY, dispute_id)


def receivable_account(organisation_id: UUID) -> AccountRef:
    """Below zero by what the organisation owes."""
    return AccountRef(organisation_id, AccountKind.RECEIVABLE, CURRENCY)


def lock_account(organisation_id: UUID) -> BillingAccount:
    """The organisation's billing account, locked: whoever books or collects a debt holds it.

    It is locked before any account of the ledger, so that no two of them wait for each other.
    """
    BillingAccount.objects.get_or_create(tenant_id=organisation_id)
    return BillingAccount.objects.select_for_update().get(tenant_id=organisation_id)


def move(debit: AccountRef, credit: AccountRef, minor: int, *, key: str, reason: str, source: SourceRef) -> None:
    """One transfer; nothing where the amount is zero."""
    if minor:
        ledger.transfer(
            debit=debit,
            credit=credit,
            amount=Money(minor, CURRENCY),
            idempotency_key=key,
            reason=reason,
            source=source,
        )


def take(organisation_id: UUID, *, to: AccountRef, minor: int, key: str, reason: str, source: SourceRef) -> int:
    """Take money that the processor wants back: what the balance has, and the rest as a debt.

    The caller makes sure that it happens once: how it divides depends on the balance of the moment.

    Returns:
        The part that is owed, in minor units.
    """
    lock_account(organisation_id)
    cash = cash_account(organisation_id)
    available = min(minor, max(0, units_of(ledger_reads.balance(cash).available)))
    move(cash, to, available, key=f"{key}:cash", reason=reason, source=source)
    move(receivable_account(organisation_id), to, minor - available, key=f"{key}:owed", reason=reason, source=source)
    return minor - available


def collect_debt(organisation_id: UUID) -> int:
    """Pay what the organisation owes from what its balance has; returns minor units paid."""
    if not money_owed(organisation_id):
        return 0
    lock_account(organisation_id)
    available = units_of(ledger_reads.balance(cash_account(organisation_id)).available)
    paid = min(money_owed(organisation_id).minor, max(0, available))
    collection = uuid7()
    move(
        cash_account(organisation_id),
        receivable_account(organisation_id),
        paid,
        key=f"debt:{collection}",
        reason="Debt of a disputed payment",
        source=SourceRef("billing.debt", str(collection)),
    )
    return paid
