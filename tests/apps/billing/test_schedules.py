"""Periodic work, the health check, the dashboard's figure: what billing does without being asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.billing import dashboard, selectors, services, tasks
from apps.billing.checks import payments as health
from apps.billing.consumers import may_follow
from apps.billing.models import BillingAccount, Invoice, TopUp
from apps.billing.processor import client
from apps.billing.services import payments as syncing
from apps.billing.types import PlanKey, TopUpState
from apps.core import clock
from apps.core.health import PartDown
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.ledger.selectors import trial_balance
from apps.ledger.types import AccountKind, AccountRef
from apps.tenancy.types import PLATFORM_ID, Actor, Role
from tests.apps.billing.conftest import signed

pytestmark = pytest.mark.django_db
URLS = {"success_url": "http://127.0.0.1:1/ok", "cancel_url": "http://127.0.0.1:1/no"}
GOOD = "4242424242424242"


def test_late_payments_are_settled_and_one_that_cannot_be_keeps_no_other_waiting(
    actor: Any, payments: Any, pay_with: Any
) -> None:
    wrong, right = (services.start_top_up(actor=actor, amount=Money(2500), **URLS) for _ in range(2))
    for made in (wrong, right):
        assert pay_with(made.checkout_url, GOOD).status_code == 303
    TopUp.objects.filter(id=wrong.id).update(amount=9900)
    TopUp.objects.update(created_at=clock.now() - timedelta(hours=1))
    tasks.settle_overdue_top_ups()
    assert selectors.top_up(actor, right.id).state == TopUpState.PAID
    assert selectors.top_up(actor, wrong.id).state == TopUpState.OPEN
    assert selectors.balance(actor).posted == Money(2500)


def test_an_expired_page_is_found_by_asking(actor: Any, payments: Any, api: Any) -> None:
    made = services.start_top_up(actor=actor, amount=Money(2500), **URLS)
    api.checkout.sessions.expire(TopUp.objects.get().session_id)
    assert services.settle_top_up(actor=actor, top_up_id=made.id).state == TopUpState.EXPIRED


def test_the_last_days_are_compared_on_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[Any] = []
    monkeypatch.setattr(services, "reconcile_recent", compared.append)
    tasks.reconcile_stripe()
    assert compared == [clock.now().date()]


def test_the_health_check_says_when_the_processor_is_down(payments: Any, settings: Any) -> None:
    assert health() == ""
    settings.STRIPE = {**settings.STRIPE, "api_base": f"{payments.api_base}/nowhere"}
    assert client.answers()  # it refuses, and so it is there
    settings.STRIPE = {**settings.STRIPE, "api_base": "http://127.0.0.1:9"}
    with pytest.raises(PartDown):
        health()


def test_the_dashboard_shows_the_balance_of_those_who_have_one(actor: Any, fund: Any) -> None:
    assert dashboard.board(actor).figures == ()
    fund(actor.organisation_id, 500)
    (figure,) = dashboard.board(actor).figures
    assert (figure.value, figure.hint) == ("$5.00", "")
    assert dashboard.board(Actor(actor.user_id, actor.organisation_id, Role.VIEWER, is_guest=True)).figures == ()


@pytest.mark.parametrize("fees_are_left", [True, False])
def test_a_plans_payment_that_is_sent_back_comes_from_the_platforms_fees(
    actor: Any, subscribed: Any, api: Any, deliver: Any, fees_are_left: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribed(actor)
    if not fees_are_left:
        empty = AccountRef(PLATFORM_ID, AccountKind.FEES, "USD", f"empty-{actor.organisation_id}")
        monkeypatch.setattr(syncing, "fees_account", lambda: empty)
    intent = Invoice.objects.get().payment_intent
    api.refunds.create({"payment_intent": intent, "amount": 900})
    for _ in range(2):
        deliver("charge.refunded", "charge", id="ch_any", payment_intent=intent)
    assert trial_balance()["USD"] == 0
    assert selectors.plan_key(actor.organisation_id) == PlanKey.TEAM
    done = services.reconcile(clock.now().date())
    assert done.movements


def test_an_event_is_acted_on_once_and_customers_of_nobody_are_only_acknowledged(
    actor: Any, subscribed: Any, payments: Any
) -> None:
    row = subscribed(actor)
    customer = BillingAccount.objects.get().customer_id
    facts = {"object": "subscription", "id": row.subscription_id, "customer": customer}
    payload, header = signed("customer.subscription.updated", facts, "evt_same")
    for _ in range(2):
        services.handle_webhook(payload=payload, signature=header)
    stray = {"object": "subscription", "id": "sub_x", "customer": "cus_x"}
    for named in ({}, {"metadata": {"organisation_id": "00000000-0000-7000-8000-00000000dead"}}):
        payload, header = signed("customer.subscription.updated", {**stray, **named})
        services.handle_webhook(payload=payload, signature=header)


def test_pages_of_plans_and_cards_are_followed_by_their_own_events(
    actor: Any, payments: Any, pay_with: Any, api: Any
) -> None:
    address = services.subscribe(actor=actor, plan=PlanKey.TEAM, **URLS)
    assert pay_with(address, GOOD).status_code == 303
    session = api.checkout.sessions.retrieve(address.rpartition("/")[2]).to_dict()
    for kind in ("checkout.session.completed", "checkout.session.async_payment_failed"):
        payload, header = signed(kind, session)
        services.handle_webhook(payload=payload, signature=header)
    assert selectors.plan_key(actor.organisation_id) == PlanKey.TEAM
    assert selectors.cards(actor).count() == 1
    for change in ({"status": "open"}, {"customer": "cus_x", "metadata": {}}):
        payload, header = signed("checkout.session.completed", {**session, **change})
        services.handle_webhook(payload=payload, signature=header)


def test_a_subscription_to_something_else_gives_no_plan(actor: Any, keep_card: Any, api: Any, deliver: Any) -> None:
    card = keep_card(actor)
    price = api.prices.create(
        {"currency": "usd", "unit_amount": 100, "recurring": {"interval": "month"}, "product_data": {"name": "Hat"}}
    )
    customer = BillingAccount.objects.get().customer_id
    made = api.subscriptions.create(
        {"customer": customer, "items": [{"price": price.id}], "default_payment_method": card.method_id}
    )
    deliver("customer.subscription.created", "subscription", id=made.id, customer=customer)
    assert selectors.plan_key(actor.organisation_id) == PlanKey.FREE


def test_a_viewer_of_another_organisation_follows_nothing(actor: Any, other_actor: Any, payments: Any) -> None:
    made = services.start_top_up(actor=actor, amount=Money(2500), **URLS)
    assert may_follow(actor, made.id)
    with tenant_scope(other_actor.organisation_id):
        assert not may_follow(other_actor, made.id)
    assert str(TopUp.objects.get()) == "2500 USD open"
