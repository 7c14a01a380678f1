"""Events in any order, any number of times, at once: the last state of the processor's object is what counts."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from apps.billing import selectors, services
from apps.billing.models import BillingAccount, ProcessorObject, Subscription, TopUp, WebhookEvent
from apps.billing.services import reading
from apps.billing.types import PlanKey
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.ledger.selectors import transfers_of_source, trial_balance

URLS = {"success_url": "http://127.0.0.1:1/ok", "cancel_url": "http://127.0.0.1:1/no"}


@pytest.mark.django_db
def test_an_older_answer_never_overwrites_a_newer_one(actor: Any) -> None:
    """While one delivery is asking, the object changes and a later delivery asks and is applied first."""
    applied: list[str] = []

    def slow_read() -> str:
        reading.apply_latest(
            organisation_id=actor.organisation_id, object_id="sub_x", read=lambda: "new", apply=applied.append
        )
        return "old"

    reading.apply_latest(organisation_id=actor.organisation_id, object_id="sub_x", read=slow_read, apply=applied.append)
    assert applied == ["new"]
    row = ProcessorObject.objects.get()
    assert (row.requested, row.applied) == (2, 2)


@pytest.mark.django_db
def test_late_news_of_a_subscription_does_not_bring_it_back(
    actor: Any, subscribed: Any, api: Any, deliver: Any
) -> None:
    row = subscribed(actor)
    api.subscriptions.cancel(row.subscription_id)
    customer = BillingAccount.objects.get().customer_id
    kinds = ["customer.subscription.deleted", "customer.subscription.updated", "customer.subscription.created"]
    for kind in kinds:
        deliver(kind, "subscription", id=row.subscription_id, customer=customer, status="active")
    assert Subscription.objects.get().status == "canceled"
    assert selectors.plan_key(actor.organisation_id) == PlanKey.FREE


@pytest.mark.django_db
def test_a_dispute_that_is_heard_of_before_its_payment_settles_both(
    actor: Any, payments: Any, pay_with: Any, api: Any, deliver: Any, signed_event: Any
) -> None:
    made = services.start_top_up(actor=actor, amount=Money(2500), **URLS)
    pay_with(made.checkout_url, "4000000000000259")
    session = api.checkout.sessions.retrieve(TopUp.objects.get().session_id)
    deliver("charge.dispute.created", "dispute", id="du_any", payment_intent=session.payment_intent)
    assert selectors.top_up(actor, made.id).state == "paid"
    assert selectors.balance(actor).posted == Money(0)


def _storm(make_actor: Any, signed_event: Any, *, events: int, deliveries: int, threads: int, same_id: bool) -> None:
    actor = make_actor()
    with tenant_scope(actor.organisation_id):
        rows = [TopUp.objects.create(amount=100 + n, currency="USD", state="open") for n in range(events)]
        infos = [selectors.top_up_info(row) for row in rows]
    named = [{"event_id": f"evt_{info.id.hex}"} if same_id else {} for info in infos]
    queue = [signed_event(info, **name) for info, name in zip(infos, named, strict=True) for _ in range(deliveries)]
    random.shuffle(queue)
    started = time.monotonic()

    def deliver(share: list[Any]) -> None:
        try:
            for payload, signature in share:
                services.handle_webhook(payload=payload, signature=signature)
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(deliver, [queue[start::threads] for start in range(threads)]))
    took = time.monotonic() - started
    with tenant_scope(actor.organisation_id):
        credited = [len(transfers_of_source("billing.top_up", str(info.id))) for info in infos]
        marks = WebhookEvent.objects.filter(top_up_id__in=[info.id for info in infos]).count()
        balance = selectors.balance(actor).posted
    wanted = Money(sum(info.amount.minor for info in infos))
    kind = "each delivered" if same_id else "each told of by"
    print(  # noqa: T201  # a figure
        f"{events} payments, {kind} {deliveries} {'times' if same_id else 'events'}, shuffled, {threads} at once: "
        f"{len(queue)} deliveries in {took:.1f} s; credited once each: {credited.count(1)} of {events}; "
        f"balance {balance}, expected {wanted}"
    )
    assert credited == [1] * events
    assert balance == wanted
    assert marks == (events if same_id else len(queue))
    assert trial_balance()["USD"] == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same_id", [True, False], ids=["one-event-a-payment", "many-events-a-payment"])
@pytest.mark.parametrize(
    ("events", "deliveries", "threads"), [(12, 4, 4), pytest.param(500, 10, 8, marks=pytest.mark.soak)]
)
def test_payments_told_of_many_times_shuffled_and_at_once_are_credited_once_each(
    make_actor: Any, payments: Any, signed_event: Any, events: int, deliveries: int, threads: int, same_id: bool
) -> None:
    """With one event id a payment, and with another for every delivery, so that no mark of an event helps."""
    _storm(make_actor, signed_event, events=events, deliveries=deliveries, threads=threads, same_id=same_id)
