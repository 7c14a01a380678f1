"""Unspent money back to the card: held, then on its way (REFUNDS), then gone, or back in the balance."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from apps.billing import policies
from apps.billing.errors import NothingToRefund
from apps.billing.events import RefundRequested
from apps.billing.facts import RefundFacts
from apps.billing.models import Dispute, TopUp, TopUpRefund
from apps.billing.policies import BillingPermission
from apps.billing.processor import payments
from apps.billing.selectors import cash_account, refund_info, top_up_info
from apps.billing.services.bookkeeping import collect_debt, lock_account, move, processor_account, refunds_account, take
from apps.billing.services.top_ups import locked
from apps.billing.types import DisputeState, RefundInfo, RefundState
from apps.core import clock, live, outbox
from apps.core.errors import DomainError
from apps.core.money import Money
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger import selectors as ledger_reads
from apps.ledger import services as ledger
from apps.ledger.types import SourceRef, units_of
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

logger = logging.getLogger(__name__)

REASON = "Refund to your card"
#: A refund that its event has not sent by then is sent by the schedule.
SEND_AFTER = timedelta(minutes=10)
SENT_AT_ONCE = 200


def refund_top_up(*, actor: Actor, top_up_id: UUID, amount: Money | None = None) -> RefundInfo:
    """Send unspent money of a top-up back to its card; the amount is held until the processor has taken it.

    Args:
        amount: everything that can be refunded, where left out.

    Raises:
        TopUpNotFound, NothingToRefund
    """
    policies.require(actor, BillingPermission.REFUND)
    with transaction.atomic():
        row = locked(top_up_id)
        spendable = units_of(ledger_reads.balance(cash_account(actor.organisation_id)).available)
        disputes = Dispute.objects.filter(payment_intent=row.payment_intent or "none")
        is_disputed = disputes.filter(state__in=(DisputeState.OPEN, DisputeState.LOST)).exists()
        refundable = Money(0 if is_disputed else min(top_up_info(row).refundable.minor, spendable), row.currency)
        wanted = amount if amount is not None else refundable
        if wanted.currency != row.currency or not Money(0, row.currency) < wanted <= refundable:
            raise NothingToRefund(refundable=refundable)
        refund = TopUpRefund(top_up=row, amount=wanted.minor)
        hold = ledger.place_hold(
            account=cash_account(actor.organisation_id),
            amount=wanted,
            idempotency_key=f"refund:{refund.id}",
            reason=REASON,
            source=SourceRef("billing.refund", str(refund.id)),
        )
        refund.hold_id = hold.id
        refund.save(force_insert=True)
        _count(row)
        record_audit(
            actor,
            action="refund.requested",
            target_type="top_up",
            target_id=row.id,
            detail={"amount": wanted.as_json()},
        )
        outbox.publish(RefundRequested(refund.id))
    return refund_info(refund)


def send_refund(*, refund_id: UUID) -> RefundInfo:
    """Have the processor send a refund, then book what it says. Repeats have no second effect.

    Raises:
        PaymentsUnavailable: try again.
    """
    pending = TopUpRefund.objects.select_related("top_up").get(id=refund_id)
    if pending.state != RefundState.PENDING:
        return refund_info(pending)
    facts = _made_before(pending) or payments.refund(
        refund_id=refund_id,
        organisation_id=pending.tenant_id,
        payment_intent=pending.top_up.payment_intent,
        amount=Money(pending.amount, pending.top_up.currency),
    )
    with transaction.atomic():
        row = locked(pending.top_up_id)
        refund = TopUpRefund.objects.select_for_update().select_related("top_up").get(id=refund_id)
        if facts is not None:
            advance(row, refund, facts)
        elif refund.state == RefundState.PENDING and refund.hold_id is not None:
            ledger.release_hold(hold_id=refund.hold_id)
            _become(row, refund, RefundState.FAILED)
    return refund_info(refund)


def send_overdue_refunds() -> int:
    """Send every refund that still waits, for example since the processor was down; returns how many were tried."""
    with all_tenants(reason="waiting refunds of every organisation"):
        overdue = TopUpRefund.objects.filter(state=RefundState.PENDING, created_at__lt=clock.now() - SEND_AFTER)
        found = list(overdue.order_by("id").values_list("tenant_id", "id")[:SENT_AT_ONCE])
    for organisation_id, refund_id in found:
        with tenant_scope(organisation_id):
            try:
                send_refund(refund_id=refund_id)
            except DomainError as error:
                # One that cannot be sent must not keep the others waiting.
                logger.warning("refund %s is not sent: %s", refund_id, error.code)
    return len(found)


def _made_before(pending: TopUpRefund) -> RefundFacts | None:
    """A refund that was made while its answer was lost; looked for once the processor may have forgotten its key."""
    if clock.now() - pending.created_at < payments.REPEATS_ARE_SAFE_FOR:
        return None
    made = payments.retrieve_payment(pending.top_up.payment_intent).refunds
    return next((one for one in made if one.refund_id == pending.id), None)


def book_refund(row: TopUp, facts: RefundFacts) -> None:
    """What the processor says about a refund of a locked top-up, also of one that was made on its own pages."""
    known = TopUpRefund.objects.select_for_update().filter(top_up=row)
    refund = known.filter(processor_id=facts.id).first()
    if refund is None and facts.refund_id is not None:
        refund = known.filter(id=facts.refund_id).first()
    if refund is not None:
        advance(row, refund, facts)
    elif not facts.is_refused:
        refund = TopUpRefund(top_up=row, amount=facts.amount_minor, processor_id=facts.id, state=RefundState.SENT)
        take(
            row.tenant_id,
            to=refunds_account(row.tenant_id),
            minor=facts.amount_minor,
            key=f"refund:{refund.id}:taken",
            reason=REASON,
            source=SourceRef("billing.refund", str(refund.id)),
        )
        refund.save(force_insert=True)
        advance(row, refund, facts)


def advance(row: TopUp, refund: TopUpRefund, facts: RefundFacts) -> None:
    """Bring a locked refund forward to what the processor says; it never goes back."""
    organisation_id, source = row.tenant_id, SourceRef("billing.refund", str(refund.id))
    lock_account(organisation_id)  # before the cash, as `take` does: a debt is collected below
    if refund.state == RefundState.PENDING and refund.hold_id is not None:
        ledger.capture_hold(
            hold_id=refund.hold_id,
            credit=refunds_account(organisation_id),
            amount=Money(refund.amount, row.currency),
            idempotency_key=f"refund:{refund.id}",
            reason=REASON,
            source=source,
        )
        refund.processor_id = facts.id
        _become(row, refund, RefundState.SENT)
    if facts.is_refused and refund.state in (RefundState.SENT, RefundState.DONE):
        origin = refunds_account(organisation_id) if refund.state == RefundState.SENT else processor_account()
        back = "Refund that the card's bank did not take"
        cash = cash_account(organisation_id)
        move(origin, cash, refund.amount, key=f"refund:{refund.id}:back", reason=back, source=source)
        collect_debt(organisation_id)
        _become(row, refund, RefundState.FAILED)
    elif facts.status == "succeeded" and refund.state == RefundState.SENT:
        origin, key = refunds_account(organisation_id), f"refund:{refund.id}:done"
        move(origin, processor_account(), refund.amount, key=key, reason=REASON, source=source)
        _become(row, refund, RefundState.DONE)


def _become(row: TopUp, refund: TopUpRefund, state: RefundState) -> None:
    refund.state = state
    refund.save(update_fields=["state", "processor_id", "updated_at"])
    _count(row)
    live.notify(f"top-up:{row.id}", {"refund": refund.state})


def _count(row: TopUp) -> None:
    counted = TopUpRefund.objects.filter(top_up=row).exclude(state=RefundState.FAILED).aggregate(total=Sum("amount"))
    row.refunded = min(row.amount, int(counted["total"] or 0))
    row.save(update_fields=["refunded", "updated_at"])
