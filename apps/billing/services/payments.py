"""One payment with everything that happened to it: credited, refunded, disputed."""

from __future__ import annotations

import logging
from uuid import UUID

from apps.billing.errors import PaymentMismatch
from apps.billing.facts import PaymentFacts, ProcessorEvent, RefundFacts
from apps.billing.models import BillingAccount, Invoice, TopUp
from apps.billing.processor import payments
from apps.billing.services.bookkeeping import fees_account, move, processor_account
from apps.billing.services.disputes import book_dispute
from apps.billing.services.reading import apply_latest
from apps.billing.services.refunds import book_refund
from apps.billing.services.top_ups import settle_by_payment
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger.errors import InsufficientFunds
from apps.ledger.selectors import transfers_of_source
from apps.ledger.types import AccountKind, AccountRef, SourceRef

logger = logging.getLogger(__name__)

WHOSE = "a payment names its organisation only by what we know of it"


def sync_payment(payment_intent: str, *, event: ProcessorEvent | None = None) -> bool:
    """Bring everything about a payment to what the processor says.

    Returns:
        False where it is not a payment of ours.

    Raises:
        PaymentMismatch, PaymentsUnavailable: nothing was stored.
    """
    organisation_id = _owner(payment_intent) or _owner_by_asking(payment_intent)
    if organisation_id is None:
        logger.warning("payment %s was not asked for here", payment_intent)
        return False
    apply_latest(
        organisation_id=organisation_id,
        object_id=payment_intent,
        read=lambda: payments.retrieve_payment(payment_intent),
        apply=lambda facts: _apply(organisation_id, facts),
        event=event,
    )
    return True


def organisation_of_customer(customer_id: str) -> UUID | None:
    """Whose customer object it is."""
    with all_tenants(reason=WHOSE):
        rows = BillingAccount.objects.filter(customer_id=customer_id or "none")
        return rows.values_list("tenant_id", flat=True).first()


def _owner(payment_intent: str) -> UUID | None:
    with all_tenants(reason=WHOSE):
        top_ups = TopUp.objects.filter(payment_intent=payment_intent).values_list("tenant_id", flat=True)
        invoices = Invoice.objects.filter(payment_intent=payment_intent).values_list("tenant_id", flat=True)
        return top_ups.first() or invoices.first()


def _owner_by_asking(payment_intent: str) -> UUID | None:
    """Whose payment it is where its news came before ours: what was written on it when it was asked for."""
    facts = payments.retrieve_payment(payment_intent)
    if facts.top_up_id is not None and facts.organisation_id is not None:
        with tenant_scope(facts.organisation_id):
            return facts.organisation_id if TopUp.objects.filter(id=facts.top_up_id).exists() else None
    return organisation_of_customer(facts.customer)


def _apply(organisation_id: UUID, facts: PaymentFacts) -> None:
    rows = TopUp.objects.select_for_update()
    row = rows.filter(payment_intent=facts.id).first()
    if row is None and facts.top_up_id is not None:
        row = rows.filter(id=facts.top_up_id).first()
    if row is not None:
        if row.payment_intent not in ("", facts.id):
            raise PaymentMismatch(row.id, what="payment")
        settle_by_payment(row, facts)
    for refund in facts.refunds:
        if row is not None:
            book_refund(row, refund)
        else:
            _book_invoice_refund(refund)
    for dispute in facts.disputes:
        book_dispute(organisation_id, facts.id, dispute)


def _book_invoice_refund(refund: RefundFacts) -> None:
    """An invoice's payment that was sent back by hand: the platform gives it from its fees."""
    if refund.status != "succeeded" or transfers_of_source("billing.invoice_refund", refund.id):
        return
    source, reason = SourceRef("billing.invoice_refund", refund.id), "Refund of an invoice"
    key, amount = f"invoice-refund:{refund.id}", refund.amount_minor
    fees = fees_account()
    try:
        move(fees, processor_account(), amount, key=key, reason=reason, source=source)
    except InsufficientFunds:
        # The fees were paid out already: the platform owes itself the difference.
        owed = AccountRef(fees.organisation_id, AccountKind.RECEIVABLE, fees.currency)
        move(owed, processor_account(), amount, key=key, reason=reason, source=source)
