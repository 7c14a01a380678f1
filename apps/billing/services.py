"""Money in: ask for a payment, credit what was paid exactly once, send unspent money back."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from apps.billing import policies
from apps.billing.errors import AmountOutOfRange, NothingToRefund, PaymentMismatch, TopUpNotFound
from apps.billing.events import RefundRequested, TopUpPaid
from apps.billing.facts import CheckoutSession, ProcessorEvent
from apps.billing.models import TopUp, TopUpRefund, WebhookEvent
from apps.billing.policies import BillingPermission
from apps.billing.processor import checkout, payments
from apps.billing.processor import events as webhooks
from apps.billing.selectors import cash_account, refund_info, top_up_info
from apps.billing.types import (
    CURRENCY,
    LARGEST_TOP_UP,
    SMALLEST_TOP_UP,
    RefundInfo,
    RefundState,
    TopUpInfo,
    TopUpState,
)
from apps.core import clock, live, outbox
from apps.core.errors import DependencyFailed
from apps.core.money import Money
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger import selectors as ledger_reads
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef, units_of
from apps.tenancy.selectors import platform_organisation_id
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

logger = logging.getLogger(__name__)

#: Kinds of event that are acted on; the processor sends many more.
SESSION_EVENTS = frozenset(
    {"checkout.session.completed", "checkout.session.expired", "checkout.session.async_payment_succeeded"}
)
#: An open top-up that the webhook has not settled by then is asked about.
ASK_AFTER = timedelta(minutes=2)


def start_top_up(*, actor: Actor, amount: Money, success_url: str, cancel_url: str) -> TopUpInfo:
    """Open a payment page for a prepayment; nothing is credited before it is paid.

    Args:
        success_url, cancel_url: where the payer returns to; "{TOP_UP_ID}" in them becomes the top-up's id.

    Raises:
        AmountOutOfRange, PaymentsUnavailable
    """
    policies.require(actor, BillingPermission.TOP_UP)
    if amount.currency != CURRENCY or not SMALLEST_TOP_UP <= amount.minor <= LARGEST_TOP_UP:
        raise AmountOutOfRange
    with transaction.atomic():
        row = TopUp.objects.create(amount=amount.minor, currency=amount.currency, requested_by=actor.user_id)
    try:
        session = checkout.open_checkout(
            top_up_id=row.id,
            organisation_id=actor.organisation_id,
            amount=amount,
            success_url=success_url.replace("{TOP_UP_ID}", str(row.id)),
            cancel_url=cancel_url.replace("{TOP_UP_ID}", str(row.id)),
        )
    except DependencyFailed:
        TopUp.objects.filter(id=row.id).update(state=TopUpState.FAILED)
        raise
    with transaction.atomic():
        row = TopUp.objects.select_for_update().get(id=row.id)
        row.state, row.session_id, row.checkout_url = TopUpState.OPEN, session.id, session.url
        row.save(update_fields=["state", "session_id", "checkout_url", "updated_at"])
        record_audit(
            actor, action="top_up.started", target_type="top_up", target_id=row.id, detail={"amount": amount.as_json()}
        )
    return top_up_info(row)


def handle_webhook(*, payload: bytes, signature: str) -> None:
    """Act on a delivery of the processor, however often it comes.

    Raises:
        SignatureRefused: it was not signed by the processor, or not lately; nothing is stored.
        PaymentMismatch: it does not match its top-up; nothing is stored.
    """
    event = webhooks.verified_event(payload, signature)
    if event.kind not in SESSION_EVENTS or event.session is None:
        return
    organisation_id = event.session.organisation_id
    if organisation_id is None:
        logger.warning("event %s is about a payment that was not asked for here", event.id)
        return
    with tenant_scope(organisation_id), transaction.atomic():
        _act_on(event, event.session)


def settle_top_up(*, actor: Actor, top_up_id: UUID) -> TopUpInfo:
    """Ask the processor how an open top-up stands, and act on it as its webhook would. For lost webhooks.

    Raises:
        TopUpNotFound, PaymentsUnavailable, PaymentMismatch
    """
    policies.require(actor, BillingPermission.VIEW)
    row = TopUp.objects.filter(id=top_up_id, tenant_id=actor.organisation_id).first()
    if row is None:
        raise TopUpNotFound
    if row.state != TopUpState.OPEN:
        return top_up_info(row)
    session = checkout.retrieve_checkout(row.session_id)
    with transaction.atomic():
        return top_up_info(_settle(_locked(top_up_id), session))


def settle_overdue_top_ups() -> int:
    """Settle every open top-up whose webhook is late; returns how many were asked about."""
    with all_tenants(reason="late webhooks of every organisation"):
        overdue = TopUp.objects.filter(state=TopUpState.OPEN, created_at__lt=clock.now() - ASK_AFTER)
        found = list(overdue.order_by("id").values_list("tenant_id", "id")[:200])
    for organisation_id, top_up_id in found:
        with tenant_scope(organisation_id):
            settle_top_up(actor=Actor.system(organisation_id), top_up_id=top_up_id)
    return len(found)


def refund_top_up(*, actor: Actor, top_up_id: UUID, amount: Money | None = None) -> RefundInfo:
    """Send unspent money of a top-up back to its card; the amount is held until the processor has done it.

    Args:
        amount: everything that can be refunded, where left out.

    Raises:
        TopUpNotFound, NothingToRefund
    """
    policies.require(actor, BillingPermission.REFUND)
    with transaction.atomic():
        row = _locked(top_up_id)
        spendable = units_of(ledger_reads.balance(cash_account(actor.organisation_id)).available)
        refundable = Money(min(top_up_info(row).refundable.minor, spendable), row.currency)
        wanted = amount if amount is not None else refundable
        if wanted.currency != row.currency or not Money(0, row.currency) < wanted <= refundable:
            raise NothingToRefund(refundable=refundable)
        refund = TopUpRefund(top_up=row, amount=wanted.minor)
        hold = ledger.place_hold(
            account=cash_account(actor.organisation_id),
            amount=wanted,
            idempotency_key=f"refund:{refund.id}",
            reason="Refund to your card",
            source=SourceRef("billing.refund", str(refund.id)),
        )
        refund.hold_id = hold.id
        refund.save(force_insert=True)
        row.refunded += wanted.minor
        row.save(update_fields=["refunded", "updated_at"])
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
    """Have the processor send a refund, then settle it in the ledger. Repeats have no second effect.

    Raises:
        PaymentsUnavailable: try again.
    """
    pending = TopUpRefund.objects.select_related("top_up").get(id=refund_id)
    if pending.state != RefundState.PENDING:
        return refund_info(pending)
    amount = Money(pending.amount, pending.top_up.currency)
    made = payments.refund(
        refund_id=refund_id,
        organisation_id=pending.tenant_id,
        payment_intent=pending.top_up.payment_intent,
        amount=amount,
    )
    processor_id = made.id if made is not None else None
    with transaction.atomic():
        row = _locked(pending.top_up_id)
        refund = TopUpRefund.objects.select_for_update().select_related("top_up").get(id=refund_id)
        if refund.state == RefundState.PENDING:
            _settle_refund(row, refund, amount, processor_id)
    return refund_info(refund)


def _settle_refund(row: TopUp, refund: TopUpRefund, amount: Money, processor_id: str | None) -> None:
    if processor_id is not None:
        ledger.capture_hold(
            hold_id=refund.hold_id,
            credit=_processor_account(row.currency),
            amount=amount,
            idempotency_key=f"refund:{refund.id}",
            reason="Refund to your card",
            source=SourceRef("billing.refund", str(refund.id)),
        )
        refund.state, refund.processor_id = RefundState.DONE, processor_id
    else:
        ledger.release_hold(hold_id=refund.hold_id)
        row.refunded -= refund.amount
        row.save(update_fields=["refunded", "updated_at"])
        refund.state = RefundState.FAILED
    refund.save(update_fields=["state", "processor_id", "updated_at"])
    live.notify(f"top-up:{row.id}", {"refund": refund.state})


def _act_on(event: ProcessorEvent, session: CheckoutSession) -> None:
    """One verified event, once: a second delivery waits here for the first and then finds its mark."""
    row = TopUp.objects.select_for_update().filter(id=session.top_up_id).first() if session.top_up_id else None
    if row is None:
        # Another installation on the same account of the processor: not ours to refuse.
        logger.warning("event %s is about a top-up that is not known here", event.id)
        return
    if WebhookEvent.objects.filter(event_id=event.id).exists():
        return
    WebhookEvent.objects.create(event_id=event.id, type=event.kind, top_up=row)
    _settle(row, session)


def _locked(top_up_id: UUID) -> TopUp:
    row = TopUp.objects.select_for_update().filter(id=top_up_id).first()
    if row is None:
        raise TopUpNotFound
    return row


def _settle(row: TopUp, session: CheckoutSession) -> TopUp:
    """Bring a locked top-up to what the processor's session says."""
    if row.session_id and row.session_id != session.id:
        raise PaymentMismatch(row.id, what="session")
    if (session.amount_minor, session.currency) != (row.amount, row.currency):
        raise PaymentMismatch(row.id, what="amount")
    if row.state == TopUpState.PAID:
        return row
    if session.is_paid:
        _credit(row, session)
    elif session.status == "expired":
        row.state = TopUpState.EXPIRED
        row.save(update_fields=["state", "updated_at"])
        live.notify(f"top-up:{row.id}", {"state": row.state})
    return row


def _credit(row: TopUp, session: CheckoutSession) -> None:
    amount = Money(row.amount, row.currency)
    ledger.transfer(
        debit=_processor_account(row.currency),
        credit=cash_account(row.tenant_id),
        amount=amount,
        idempotency_key=f"top-up:{row.id}",
        reason="Top-up by card",
        source=SourceRef("billing.top_up", str(row.id), {"session_id": session.id}),
    )
    row.state, row.session_id, row.paid_at = TopUpState.PAID, session.id, clock.now()
    row.payment_intent = session.payment_intent
    row.save(update_fields=["state", "session_id", "payment_intent", "paid_at", "updated_at"])
    record_audit(
        Actor.system(row.tenant_id),
        action="top_up.paid",
        target_type="top_up",
        target_id=row.id,
        detail={"amount": amount.as_json()},
    )
    outbox.publish(TopUpPaid(row.id, row.amount, row.currency))
    live.notify(f"top-up:{row.id}", {"state": row.state})


def _processor_account(currency: str) -> AccountRef:
    return AccountRef(platform_organisation_id(), AccountKind.PROCESSOR, currency)
