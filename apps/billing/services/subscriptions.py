"""Plans: chosen, changed, cancelled at the processor; what counts here is what it says afterwards."""

from __future__ import annotations

from uuid import UUID

from apps.billing import policies
from apps.billing.errors import AlreadySubscribed, NoSubscription, PlanNotForSale
from apps.billing.events import PlanChanged
from apps.billing.facts import InvoiceFacts, ProcessorEvent, SubscriptionFacts
from apps.billing.models import BillingAccount, Invoice, Subscription
from apps.billing.plans import PLANS, Plan, plan_of_lookup_key
from apps.billing.policies import BillingPermission
from apps.billing.processor import checkout
from apps.billing.processor import subscriptions as processor
from apps.billing.selectors import plan_key, running_subscription
from apps.billing.services.bookkeeping import fees_account, move, processor_account
from apps.billing.services.customers import customer_of, sync_cards
from apps.billing.services.reading import apply_latest
from apps.billing.types import PlanKey
from apps.core import outbox
from apps.ledger.types import SourceRef
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

#: States of an order by invoice that waits to be paid, or goes on.
_OPEN_ORDER = ("active", "past_due")


def subscribe(*, actor: Actor, plan: PlanKey, success_url: str, cancel_url: str) -> str:
    """Open the page on which a plan is subscribed to and paid; returns its address. Pages of before are closed.

    Raises:
        PlanNotForSale, AlreadySubscribed, PaymentsUnavailable
    """
    wanted = _for_sale(actor, plan)
    _require_none(actor)
    for unpaid in Subscription.objects.filter(status__in=("past_due", "unpaid"), by_invoice=False):
        # Its grace is over. Were it to go on beside the new one, two plans would be charged.
        processor.end_now(unpaid.subscription_id)
        sync_subscription(actor.organisation_id, unpaid.subscription_id)
    customer_id = customer_of(actor.organisation_id)
    opened = checkout.open_plan_checkout(
        organisation_id=actor.organisation_id,
        customer_id=customer_id,
        price_id=processor.price_of(wanted),
        success_url=success_url,
        cancel_url=cancel_url,
    )
    # Two pages that are both paid would be two plans, both charged. A page of before is closed, or it was paid
    # already, and then asking afterwards finds its subscription.
    checkout.close_plan_checkouts(customer_id, older_than=opened)
    refresh(actor=actor)
    try:
        _require_none(actor)
    except AlreadySubscribed:
        checkout.close_checkout(opened.id)
        raise
    return opened.url


def subscribe_by_invoice(*, actor: Actor, plan: PlanKey) -> None:
    """Order a plan whose invoices are paid by hand; it starts when the first one is paid. Repeats order it once.

    Raises:
        PlanNotForSale: only the enterprise plan is sold so.
        AlreadySubscribed, PaymentsUnavailable
    """
    wanted = _for_sale(actor, plan)
    if plan != PlanKey.ENTERPRISE:
        raise PlanNotForSale
    customer_id = customer_of(actor.organisation_id)
    checkout.close_plan_checkouts(customer_id)
    refresh(actor=actor)  # an order whose answer was lost, a page that was paid just now
    orders = Subscription.objects.filter(by_invoice=True)
    if running_subscription(actor.organisation_id) is not None or orders.filter(status__in=_OPEN_ORDER).exists():
        raise AlreadySubscribed(wanted.name)
    made = processor.subscribe_by_invoice(
        organisation_id=actor.organisation_id,
        customer_id=customer_id,
        price_id=processor.price_of(wanted),
        earlier_orders=orders.count(),
    )
    _audit(actor, "plan.ordered", made.id, plan)
    sync_subscription(actor.organisation_id, made.id)


def change_plan(*, actor: Actor, plan: PlanKey) -> None:
    """Another paid plan at once; the difference for the rest of the month is charged, or kept as credit.

    Raises:
        PlanNotForSale, NoSubscription, AlreadySubscribed
        PaymentDeclined: the difference could not be charged; nothing has changed.
        PaymentsUnavailable
    """
    wanted, current = _for_sale(actor, plan), _running(actor)
    if current.plan == plan:
        raise AlreadySubscribed(wanted.name)
    price_id = processor.price_of(wanted)
    processor.change_price(subscription_id=current.subscription_id, item_id=current.item_id, price_id=price_id)
    _audit(actor, "plan.changed", current.subscription_id, plan)
    sync_subscription(actor.organisation_id, current.subscription_id)


def cancel_plan(*, actor: Actor) -> None:
    """Let the plan end with the paid period. Raises NoSubscription, PaymentsUnavailable."""
    _set_ending(actor, ends=True)


def resume_plan(*, actor: Actor) -> None:
    """Take a cancellation back before the plan ended. Raises NoSubscription, PaymentsUnavailable."""
    _set_ending(actor, ends=False)


def refresh(*, actor: Actor) -> None:
    """Ask the processor for the organisation's subscriptions and their newest invoices. Raises PaymentsUnavailable."""
    policies.require(actor, BillingPermission.VIEW)
    account = BillingAccount.objects.filter(tenant_id=actor.organisation_id).first()
    if account is None or not account.customer_id:
        return
    for subscription_id, invoice_id in processor.subscriptions_of(account.customer_id):
        sync_subscription(actor.organisation_id, subscription_id)
        if invoice_id:
            sync_invoice(actor.organisation_id, invoice_id)
    sync_cards(actor.organisation_id, account.customer_id)


def sync_subscription(organisation_id: UUID, subscription_id: str, *, event: ProcessorEvent | None = None) -> None:
    """Bring a subscription to what the processor says. Raises PaymentsUnavailable."""
    apply_latest(
        organisation_id=organisation_id,
        object_id=subscription_id,
        read=lambda: processor.retrieve_subscription(subscription_id),
        apply=lambda facts: _apply_subscription(organisation_id, facts),
        event=event,
    )


def sync_invoice(organisation_id: UUID, invoice_id: str, *, event: ProcessorEvent | None = None) -> None:
    """Bring an invoice to what the processor says; a paid one is income of the platform. Raises PaymentsUnavailable."""
    apply_latest(
        organisation_id=organisation_id,
        object_id=invoice_id,
        read=lambda: processor.retrieve_invoice(invoice_id),
        apply=lambda facts: _apply_invoice(organisation_id, facts),
        event=event,
    )


def _apply_subscription(organisation_id: UUID, facts: SubscriptionFacts) -> None:
    plan = plan_of_lookup_key(facts.lookup_key)
    if plan is None:
        return  # something else that was sold to this customer at the processor's own pages
    before = plan_key(organisation_id)
    Subscription.objects.update_or_create(
        subscription_id=facts.id,
        defaults={
            "item_id": facts.item_id,
            "plan": plan,
            "status": facts.status,
            "by_invoice": facts.by_invoice,
            "period_start": facts.period_start,
            "period_end": facts.period_end,
            "cancel_at_period_end": facts.cancel_at_period_end,
        },
    )
    _tell(organisation_id, before, facts.status)


def _apply_invoice(organisation_id: UUID, facts: InvoiceFacts) -> None:
    before = plan_key(organisation_id)
    Invoice.objects.update_or_create(
        invoice_id=facts.id,
        defaults={
            "subscription_id": facts.subscription,
            "payment_intent": facts.payment_intent,
            "number": facts.number,
            "status": facts.status,
            "amount_due": facts.amount_due,
            "amount_paid": facts.amount_paid,
            "currency": facts.currency,
            "issued_at": facts.created,
            "url": facts.url,
            "pdf_url": facts.pdf_url,
        },
    )
    if facts.status == "paid":
        move(
            processor_account(),
            fees_account(),
            facts.amount_paid,
            key=f"invoice:{facts.id}",
            reason="Plan paid",
            source=SourceRef("billing.invoice", facts.id, {"payment_intent": facts.payment_intent}),
        )
    _tell(organisation_id, before, "")


def _tell(organisation_id: UUID, before: PlanKey, status: str) -> None:
    """Whoever looks at the plan hears of its change; administrators hear of a renewal that failed."""
    after = plan_key(organisation_id)
    if after != before or status == "past_due":
        outbox.publish(PlanChanged(before, after, status))


def _set_ending(actor: Actor, *, ends: bool) -> None:
    policies.require(actor, BillingPermission.MANAGE_PLAN)
    current = _running(actor)
    processor.set_ending(current.subscription_id, ends=ends)
    _audit(actor, "plan.cancelled" if ends else "plan.resumed", current.subscription_id, PlanKey(current.plan))
    sync_subscription(actor.organisation_id, current.subscription_id)


def _running(actor: Actor) -> Subscription:
    current = running_subscription(actor.organisation_id)
    if current is None:
        raise NoSubscription
    return current


def _require_none(actor: Actor) -> None:
    current = running_subscription(actor.organisation_id)
    if current is not None:
        raise AlreadySubscribed(PLANS[PlanKey(current.plan)].name)


def _for_sale(actor: Actor, plan: PlanKey) -> Plan:
    policies.require(actor, BillingPermission.MANAGE_PLAN)
    if not PLANS[plan].price:
        raise PlanNotForSale
    return PLANS[plan]


def _audit(actor: Actor, action: str, subscription_id: str, plan: PlanKey) -> None:
    detail = {"plan": str(plan)}
    record_audit(actor, action=action, target_type="subscription", target_id=subscription_id, detail=detail)
