"""Prepayments: on the payment page or with a kept card; credited exactly once, however the news arrives."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from apps.billing import policies
from apps.billing.errors import AmountOutOfRange, CardNotFound, PaymentDeclined, PaymentMismatch, TopUpNotFound
from apps.billing.events import TopUpPaid
from apps.billing.facts import CheckoutSession, PaymentFacts
from apps.billing.models import BillingAccount, SavedCard, TopUp
from apps.billing.policies import BillingPermission
from apps.billing.processor import checkout, payments
from apps.billing.selectors import cash_account, top_up_info
from apps.billing.services.bookkeeping import collect_debt, lock_account, processor_account
from apps.billing.types import CURRENCY, LARGEST_TOP_UP, SMALLEST_TOP_UP, TopUpInfo, TopUpState
from apps.core import clock, live, outbox
from apps.core.errors import DependencyFailed, DomainError
from apps.core.money import Money
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger import services as ledger
from apps.ledger.types import SourceRef
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

logger = logging.getLogger(__name__)

#: An open top-up that the webhook has not settled by then is asked about.
ASK_AFTER = timedelta(minutes=2)
ASKED_AT_ONCE = 200
#: How a payment stands that was refused while nobody was there to confirm it; nobody tries it again.
_NOT_CHARGED = ("canceled", "requires_payment_method")


def start_top_up(*, actor: Actor, amount: Money, success_url: str, cancel_url: str) -> TopUpInfo:
    """Open a payment page for a prepayment; nothing is credited before it is paid.

    Args:
        success_url, cancel_url: where the payer returns to; "{TOP_UP_ID}" in them becomes the top-up's id.

    Raises:
        AmountOutOfRange, PaymentsUnavailable
    """
    policies.require(actor, BillingPermission.TOP_UP)
    row = _new(actor, amount)
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
        if row.state == TopUpState.CREATED:
            row.state = TopUpState.OPEN
        row.session_id, row.checkout_url = session.id, session.url
        row.save(update_fields=["state", "session_id", "checkout_url", "updated_at"])
        _audit_start(actor, row)
    return top_up_info(row)


def top_up_with_card(*, actor: Actor, amount: Money, card_id: UUID) -> TopUpInfo:
    """Charge a kept card now.

    Raises:
        AmountOutOfRange, CardNotFound
        PaymentDeclined: nothing was charged; says whether the payment page would help.
        PaymentsUnavailable: it is not known yet; the top-up stays open and is settled by itself.
    """
    policies.require(actor, BillingPermission.TOP_UP)
    card = SavedCard.objects.filter(id=card_id).first()
    if card is None:
        raise CardNotFound
    row = _new(actor, amount, card.method_id)
    with transaction.atomic():
        _audit_start(actor, row)
    return charge_again(top_up_id=row.id)


def charge_again(*, top_up_id: UUID) -> TopUpInfo:
    """Charge the kept card of an open top-up, once: later calls find out how that charge stands.

    Errors as `top_up_with_card`.
    """
    try:
        facts = _charge(TopUp.objects.get(id=top_up_id))
    except PaymentDeclined:
        with transaction.atomic():
            end(locked(top_up_id), TopUpState.FAILED)
        raise
    with transaction.atomic():
        row = locked(top_up_id)
        if facts is not None:
            settle_by_payment(row, facts)
        elif row.state == TopUpState.OPEN:
            end(row, TopUpState.FAILED)
        return top_up_info(row)


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
    if row.payment_method:
        return charge_again(top_up_id=top_up_id)
    session = checkout.retrieve_checkout(row.session_id)
    with transaction.atomic():
        return top_up_info(settle_by_session(locked(top_up_id), session))


def settle_overdue_top_ups() -> int:
    """Settle every open top-up whose webhook is late; returns how many were asked about."""
    with all_tenants(reason="late webhooks of every organisation"):
        overdue = TopUp.objects.filter(state=TopUpState.OPEN, created_at__lt=clock.now() - ASK_AFTER)
        found = list(overdue.order_by("id").values_list("tenant_id", "id")[:ASKED_AT_ONCE])
    for organisation_id, top_up_id in found:
        with tenant_scope(organisation_id):
            try:
                settle_top_up(actor=Actor.system(organisation_id), top_up_id=top_up_id)
            except DomainError as error:
                # One that cannot be settled must not keep the others waiting.
                logger.warning("top-up %s is not settled: %s", top_up_id, error.code)
    return len(found)


def locked(top_up_id: UUID) -> TopUp:
    """A top-up, locked. Raises TopUpNotFound."""
    row = TopUp.objects.select_for_update().filter(id=top_up_id).first()
    if row is None:
        raise TopUpNotFound
    return row


def settle_by_session(row: TopUp, session: CheckoutSession) -> TopUp:
    """Bring a locked top-up to what its payment page says. Raises PaymentMismatch."""
    if row.session_id and row.session_id != session.id:
        raise PaymentMismatch(row.id, what="session")
    _check_amount(row, session.amount_minor, session.currency)
    if session.is_paid:
        return _credit(row, session_id=session.id, payment_intent=session.payment_intent)
    if session.status == "expired" and row.state != TopUpState.PAID:
        end(row, TopUpState.EXPIRED)
    return row


def settle_by_payment(row: TopUp, facts: PaymentFacts) -> TopUp:
    """Bring a locked top-up to what its payment says. Raises PaymentMismatch."""
    _check_amount(row, facts.amount_minor, facts.currency)
    if facts.status == "succeeded":
        return _credit(row, session_id=row.session_id, payment_intent=facts.id)
    if row.payment_method and row.state != TopUpState.PAID:
        row.payment_intent = facts.id
        row.save(update_fields=["payment_intent", "updated_at"])
        if facts.status in _NOT_CHARGED:
            end(row, TopUpState.FAILED)
    return row


def end(row: TopUp, state: TopUpState) -> None:
    """A locked top-up that will not be paid."""
    row.state = state
    row.save(update_fields=["state", "updated_at"])
    live.notify(f"top-up:{row.id}", {"state": row.state})


def _new(actor: Actor, amount: Money, payment_method: str = "") -> TopUp:
    if amount.currency != CURRENCY or not SMALLEST_TOP_UP <= amount.minor <= LARGEST_TOP_UP:
        raise AmountOutOfRange
    with transaction.atomic():
        return TopUp.objects.create(
            amount=amount.minor,
            currency=amount.currency,
            requested_by=actor.user_id,
            payment_method=payment_method,
            state=TopUpState.OPEN if payment_method else TopUpState.CREATED,
        )


def _charge(row: TopUp) -> PaymentFacts | None:
    """The charge of a kept card: the one that is known, a new one, or none where it is too late to repeat it safely."""
    if row.payment_intent:
        return payments.find_payment(row.payment_intent)
    customer_id = BillingAccount.objects.get(tenant_id=row.tenant_id).customer_id
    if clock.now() - row.created_at < payments.REPEATS_ARE_SAFE_FOR:
        return payments.charge_card(
            top_up_id=row.id,
            organisation_id=row.tenant_id,
            customer_id=customer_id,
            method_id=row.payment_method,
            amount=Money(row.amount, row.currency),
        )
    return payments.find_charge(customer_id=customer_id, top_up_id=row.id, since=row.created_at)


def _audit_start(actor: Actor, row: TopUp) -> None:
    detail = {"amount": Money(row.amount, row.currency).as_json()}
    record_audit(actor, action="top_up.started", target_type="top_up", target_id=row.id, detail=detail)


def _check_amount(row: TopUp, minor: int, currency: str) -> None:
    if (minor, currency) != (row.amount, row.currency):
        raise PaymentMismatch(row.id, what="amount")


def _credit(row: TopUp, *, session_id: str, payment_intent: str) -> TopUp:
    if row.state == TopUpState.PAID:
        return row
    amount = Money(row.amount, row.currency)
    lock_account(row.tenant_id)  # before the cash, as `take` does: a debt is collected below
    ledger.transfer(
        debit=processor_account(),
        credit=cash_account(row.tenant_id),
        amount=amount,
        idempotency_key=f"top-up:{row.id}",
        reason="Top-up by card",
        source=SourceRef("billing.top_up", str(row.id), {"session_id": session_id, "payment_intent": payment_intent}),
    )
    row.state, row.session_id, row.paid_at = TopUpState.PAID, session_id, clock.now()
    row.payment_intent = payment_intent
    row.save(update_fields=["state", "session_id", "payment_intent", "paid_at", "updated_at"])
    record_audit(
        Actor.system(row.tenant_id),
        action="top_up.paid",
        target_type="top_up",
        target_id=row.id,
        detail={"amount": amount.as_json()},
    )
    collect_debt(row.tenant_id)
    outbox.publish(TopUpPaid(row.id, row.amount, row.currency))
    live.notify(f"top-up:{row.id}", {"state": row.state})
    return row
