"""Payments that a payer's bank asks back: set aside at once, gone or returned with the bank's decision."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.billing.events import DisputeChanged
from apps.billing.facts import DisputeFacts
from apps.billing.models import Dispute, TopUpRefund
from apps.billing.selectors import cash_account
from apps.billing.services.bookkeeping import (
    collect_debt,
    disputed_account,
    lock_account,
    move,
    processor_account,
    take,
)
from apps.billing.types import DisputeState
from apps.core import outbox
from apps.core.money import Money
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger import selectors as ledger_reads
from apps.ledger.types import SourceRef, units_of
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

#: States of the processor in which money is or will be taken; the others are mere questions of the bank.
_CONTESTED = ("needs_response", "under_review", "lost")
_STATES = {"won": DisputeState.WON, "lost": DisputeState.LOST, "prevented": DisputeState.WITHDRAWN}
_STATES |= {"warning_closed": DisputeState.WITHDRAWN}
_REASON = "Disputed with the card's bank"


def book_dispute(organisation_id: UUID, payment_intent: str, facts: DisputeFacts) -> None:
    """What the processor says about a dispute. Idempotent, and the same whatever was heard of it before."""
    lock_account(organisation_id)
    source = SourceRef("billing.dispute", facts.id)
    row, is_new = Dispute.objects.get_or_create(
        dispute_id=facts.id,
        defaults={
            "payment_intent": payment_intent,
            "amount": facts.amount_minor,
            "currency": facts.currency,
            "reason": facts.reason,
        },
    )
    set_aside = disputed_account(organisation_id, facts.id)
    taken = -sum(amount for _, amount in facts.movements)
    is_booked = bool(ledger_reads.transfers_of_source("billing.dispute", facts.id))
    if not is_booked and (facts.status in _CONTESTED or taken):
        row.owed = take(
            organisation_id, to=set_aside, minor=row.amount, key=f"dispute:{facts.id}", reason=_REASON, source=source
        )
        is_booked = True
    if is_booked:
        for line, amount in facts.movements:
            debit, credit = (set_aside, processor_account()) if amount < 0 else (processor_account(), set_aside)
            move(debit, credit, abs(amount), key=f"dispute-line:{line}", reason=_REASON, source=source)
    state = _STATES.get(facts.status, DisputeState.OPEN)
    if state in (DisputeState.WON, DisputeState.WITHDRAWN):
        left = units_of(ledger_reads.balance(set_aside).posted)
        back = f"dispute:{facts.id}:back"
        move(set_aside, cash_account(organisation_id), left, key=back, reason="Dispute decided for you", source=source)
        collect_debt(organisation_id)
    _keep(row, facts, state, is_new=is_new)


def collect_debts() -> int:
    """Pay debts from balances that have money again, from wherever it came; returns minor units paid."""
    with all_tenants(reason="debts of every organisation"):
        disputed = Dispute.objects.filter(owed__gt=0).values_list("tenant_id", flat=True)
        outside = TopUpRefund.objects.filter(hold_id=None).values_list("tenant_id", flat=True)
        debtors = sorted({*disputed, *outside})
    paid = 0
    for organisation_id in debtors:
        with tenant_scope(organisation_id), transaction.atomic():
            paid += collect_debt(organisation_id)
    return paid


def _keep(row: Dispute, facts: DisputeFacts, state: DisputeState, *, is_new: bool) -> None:
    changed = is_new or row.state != state
    row.state, row.due_by = state, facts.due_by
    row.save(update_fields=["state", "due_by", "owed", "updated_at"])
    if changed:
        amount = Money(row.amount, row.currency)
        record_audit(
            Actor.system(row.tenant_id),
            action=f"dispute.{state}",
            target_type="dispute",
            target_id=row.dispute_id,
            detail={"amount": amount.as_json(), "owed": Money(row.owed, row.currency).as_json()},
        )
        outbox.publish(DisputeChanged(row.id, state, str(amount), str(Money(row.owed, row.currency))))
