"""Plans: taken on the payment page, changed, cancelled, unpaid; what counts is what the processor says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail

from apps.billing import selectors, services
from apps.billing.errors import AlreadySubscribed, NoSubscription, PaymentDeclined, PlanNotForSale
from apps.billing.models import BillingAccount, Invoice, Subscription
from apps.billing.plans import GRACE, PLANS, plan_of_lookup_key
from apps.billing.processor import subscriptions as processor
from apps.billing.types import PlanKey
from apps.core import clock, outbox
from apps.core.errors import NotPermitted
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.ledger.selectors import transfers_of_source, trial_balance
from apps.tenancy.types import Role

pytestmark = pytest.mark.django_db
URLS = {"success_url": "http://127.0.0.1:1/ok", "cancel_url": "http://127.0.0.1:1/no"}
GOOD, REFUSED_LATER = "4242424242424242", "4000000000000341"


def plan_of(actor: Any) -> PlanKey:
    return selectors.plan_key(actor.organisation_id)


def test_a_plan_is_taken_on_the_payment_page_and_booked_as_income(actor: Any, subscribed: Any) -> None:
    assert plan_of(actor) == PlanKey.FREE
    row = subscribed(actor)
    assert (plan_of(actor), row.status) == (PlanKey.TEAM, "active")
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.amount_paid, invoice.currency) == ("paid", 4900, "USD")
    assert invoice.url
    assert invoice.pdf_url
    assert [t.amount for t in transfers_of_source("billing.invoice", invoice.invoice_id)] == [Money(4900)]
    services.refresh(actor=actor)
    assert len(transfers_of_source("billing.invoice", invoice.invoice_id)) == 1
    assert trial_balance()["USD"] == 0


def test_the_price_at_the_processor_is_made_once(actor: Any, payments: Any, api: Any) -> None:
    first = services.subscribe(actor=actor, plan=PlanKey.TEAM, **URLS)
    assert services.subscribe(actor=actor, plan=PlanKey.TEAM, **URLS) != first
    assert len(api.prices.list({"lookup_keys": [PLANS[PlanKey.TEAM].lookup_key]}).data) == 1


def test_a_larger_plan_starts_at_once_and_charges_the_difference(actor: Any, subscribed: Any) -> None:
    subscribed(actor)
    services.change_plan(actor=actor, plan=PlanKey.ENTERPRISE)
    assert plan_of(actor) == PlanKey.ENTERPRISE
    services.refresh(actor=actor)
    assert sorted(Invoice.objects.values_list("amount_paid", flat=True)) == [4900, 94_100]


def test_a_change_that_cannot_be_charged_changes_nothing(actor: Any, subscribed: Any, keep_card: Any) -> None:
    subscribed(actor)
    services.make_default(actor=actor, card_id=keep_card(actor, REFUSED_LATER).id)
    with pytest.raises(PaymentDeclined):
        services.change_plan(actor=actor, plan=PlanKey.ENTERPRISE)
    services.refresh(actor=actor)
    assert plan_of(actor) == PlanKey.TEAM


def test_a_cancelled_plan_goes_on_to_its_end_and_can_be_resumed(actor: Any, subscribed: Any) -> None:
    row = subscribed(actor)
    services.cancel_plan(actor=actor)
    current = selectors.current_subscription(actor)
    assert current is not None
    assert current.ends_at == row.period_end
    assert plan_of(actor) == PlanKey.TEAM
    services.resume_plan(actor=actor)
    current = selectors.current_subscription(actor)
    assert current is not None
    assert current.ends_at is None


def test_the_end_of_a_plan_follows_the_event_and_is_told_to_the_administrators(
    actor: Any, subscribed: Any, api: Any, deliver: Any
) -> None:
    row = subscribed(actor)
    api.subscriptions.cancel(row.subscription_id)
    customer = BillingAccount.objects.get().customer_id
    deliver("customer.subscription.deleted", "subscription", id=row.subscription_id, customer=customer)
    assert plan_of(actor) == PlanKey.FREE
    mail.outbox.clear()
    outbox.drain()
    assert [one.subject for one in mail.outbox if "plan" in one.subject] == ["Your organisation is on the free plan"]


def test_an_unpaid_renewal_keeps_the_plan_for_the_grace_time_and_no_longer(
    actor: Any, subscribed: Any, keep_card: Any, api: Any, deliver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = subscribed(actor)
    services.make_default(actor=actor, card_id=keep_card(actor, REFUSED_LATER).id)
    api.subscriptions.update(row.subscription_id, {"billing_cycle_anchor": "now", "proration_behavior": "none"})
    customer = BillingAccount.objects.get().customer_id
    deliver("customer.subscription.updated", "subscription", id=row.subscription_id, customer=customer)
    current = selectors.current_subscription(actor)
    assert current is not None
    assert current.grace_until is not None
    assert plan_of(actor) == PlanKey.TEAM
    mail.outbox.clear()
    outbox.drain()
    assert "Your plan could not be renewed" in [one.subject for one in mail.outbox]
    later = clock.now() + GRACE + timedelta(hours=1)
    with monkeypatch.context() as moved:
        moved.setattr(clock, "now", lambda: later)
        assert plan_of(actor) == PlanKey.FREE
    # The open invoice paid with another card brings it back.
    good = keep_card(actor)
    api.invoices.pay(api.subscriptions.retrieve(row.subscription_id).latest_invoice, {"payment_method": good.method_id})
    services.refresh(actor=actor)
    assert Subscription.objects.get().status == "active"


def test_a_new_plan_after_the_grace_time_ends_the_unpaid_one(
    actor: Any, subscribed: Any, keep_card: Any, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = subscribed(actor)
    services.make_default(actor=actor, card_id=keep_card(actor, REFUSED_LATER).id)
    api.subscriptions.update(row.subscription_id, {"billing_cycle_anchor": "now", "proration_behavior": "none"})
    services.refresh(actor=actor)
    later = clock.now() + GRACE + timedelta(hours=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert services.subscribe(actor=actor, plan=PlanKey.TEAM, **URLS)
    assert Subscription.objects.get().status == "canceled"


def test_the_enterprise_plan_by_invoice_starts_when_the_invoice_is_paid(
    actor: Any, payments: Any, pay_with: Any, deliver: Any
) -> None:
    services.subscribe_by_invoice(actor=actor, plan=PlanKey.ENTERPRISE)
    services.refresh(actor=actor)
    assert plan_of(actor) == PlanKey.FREE
    with pytest.raises(AlreadySubscribed):
        services.subscribe_by_invoice(actor=actor, plan=PlanKey.ENTERPRISE)
    invoice = Invoice.objects.get()
    assert invoice.status == "open"
    assert pay_with(invoice.url, "4000000000000002").status_code == 402
    assert pay_with(invoice.url, "4242424242424242").status_code == 200
    customer = BillingAccount.objects.get().customer_id
    deliver("invoice.paid", "invoice", id=invoice.invoice_id, customer=customer)
    assert plan_of(actor) == PlanKey.ENTERPRISE


def test_what_cannot_be_chosen_is_said(actor: Any, subscribed: Any) -> None:
    with pytest.raises(PlanNotForSale):
        services.subscribe(actor=actor, plan=PlanKey.FREE, **URLS)
    with pytest.raises(PlanNotForSale):
        services.subscribe_by_invoice(actor=actor, plan=PlanKey.TEAM)
    with pytest.raises(NoSubscription):
        services.cancel_plan(actor=actor)
    subscribed(actor)
    with pytest.raises(AlreadySubscribed):
        services.subscribe(actor=actor, plan=PlanKey.TEAM, **URLS)
    with pytest.raises(AlreadySubscribed):
        services.change_plan(actor=actor, plan=PlanKey.TEAM)


def test_a_member_may_not_change_the_plan(make_actor: Any, payments: Any) -> None:
    member = make_actor(role=Role.MEMBER)
    with tenant_scope(member.organisation_id), pytest.raises(NotPermitted):
        services.subscribe(actor=member, plan=PlanKey.TEAM, **URLS)


def test_prices_of_others_are_no_plans() -> None:
    assert plan_of_lookup_key(PLANS[PlanKey.TEAM].lookup_key) == PlanKey.TEAM
    assert plan_of_lookup_key("sahara_gold_month") is None
    assert plan_of_lookup_key("") is None


def test_refreshing_without_a_customer_asks_nobody(actor: Any) -> None:
    services.refresh(actor=actor)
    assert plan_of(actor) == PlanKey.FREE


def paid_plans(api: Any) -> int:
    customer = BillingAccount.objects.get().customer_id
    return len(api.subscriptions.list({"customer": customer, "status": "active"}).data)


def test_of_two_open_pages_only_the_newer_can_be_paid(actor: Any, payments: Any, pay_with: Any, api: Any) -> None:
    older, newer = (services.subscribe(actor=actor, plan=PlanKey.TEAM, **URLS) for _ in range(2))
    assert pay_with(older, GOOD).status_code == 410
    assert pay_with(newer, GOOD).status_code == 303
    services.refresh(actor=actor)
    assert (plan_of(actor), paid_plans(api)) == (PlanKey.TEAM, 1)


def test_a_page_that_was_paid_while_nobody_told_leaves_no_second_one_to_pay(
    actor: Any, payments: Any, pay_with: Any, api: Any
) -> None:
    paid = services.subscribe(actor=actor, plan=PlanKey.TEAM, **URLS)
    assert pay_with(paid, GOOD).status_code == 303
    with pytest.raises(AlreadySubscribed):
        services.subscribe(actor=actor, plan=PlanKey.ENTERPRISE, **URLS)
    customer = BillingAccount.objects.get().customer_id
    assert not api.checkout.sessions.list({"customer": customer, "status": "open"}).data
    assert paid_plans(api) == 1


def test_an_order_by_invoice_closes_the_pages_and_is_made_once(
    actor: Any, payments: Any, pay_with: Any, api: Any
) -> None:
    page = services.subscribe(actor=actor, plan=PlanKey.TEAM, **URLS)
    services.subscribe_by_invoice(actor=actor, plan=PlanKey.ENTERPRISE)
    assert pay_with(page, GOOD).status_code == 410
    Subscription.objects.all().delete()  # as if the answer had been lost
    with pytest.raises(AlreadySubscribed):
        services.subscribe_by_invoice(actor=actor, plan=PlanKey.ENTERPRISE)
    order = {
        "organisation_id": actor.organisation_id,
        "customer_id": BillingAccount.objects.get().customer_id,
        "price_id": processor.price_of(PLANS[PlanKey.ENTERPRISE]),
    }
    made = [processor.subscribe_by_invoice(**order, earlier_orders=number).id for number in (0, 0, 1)]
    assert made[0] == made[1] == Subscription.objects.get().subscription_id
    assert made[2] != made[0]
