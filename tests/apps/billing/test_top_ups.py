"""Top-ups: paid once, credited once, refused where anything does not match."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection

from apps.billing import selectors, services
from apps.billing.errors import (
    AmountOutOfRange,
    NothingToRefund,
    PaymentMismatch,
    PaymentsUnavailable,
    SignatureRefused,
    TopUpNotFound,
)
from apps.billing.models import TopUp, WebhookEvent
from apps.billing.types import RefundState, TopUpInfo, TopUpState
from apps.core import outbox
from apps.core.errors import NotPermitted
from apps.core.money import Amount, Money
from apps.core.tenant import tenant_scope
from apps.ledger import services as ledger
from apps.ledger.selectors import trial_balance
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.tenancy.types import Role

pytestmark = pytest.mark.django_db
URLS = {"success_url": "http://127.0.0.1:1/ok?id={TOP_UP_ID}", "cancel_url": "http://127.0.0.1:1/no"}


def start(actor: Any, cents: int = 2500) -> TopUpInfo:
    return services.start_top_up(actor=actor, amount=Money(cents), **URLS)


def available(actor: Any) -> Amount:
    return selectors.balance(actor).available


def session_of(top_up: Any) -> str:
    return TopUp.objects.get(id=top_up.id).session_id


def test_a_paid_top_up_is_credited_once_by_webhook_and_by_asking(
    actor: Any, payments: Any, pay: Any, signed_event: Any
) -> None:
    top_up = start(actor)
    assert top_up.state == TopUpState.OPEN
    assert available(actor) == Money(0)
    pay(top_up.checkout_url)
    settled = services.settle_top_up(actor=actor, top_up_id=top_up.id)
    assert settled.state == TopUpState.PAID
    body, signature = signed_event(top_up, session_id=session_of(top_up))
    services.handle_webhook(payload=body, signature=signature)
    assert available(actor) == Money(2500)
    assert trial_balance()["USD"] == 0


def test_an_unpaid_top_up_credits_nothing(actor: Any, payments: Any) -> None:
    top_up = start(actor)
    assert services.settle_top_up(actor=actor, top_up_id=top_up.id).state == TopUpState.OPEN
    assert available(actor) == Money(0)


@pytest.mark.parametrize("deliveries", [1, 3])
def test_one_event_has_one_effect_however_often_it_is_delivered(
    actor: Any, payments: Any, signed_event: Any, deliveries: Any
) -> None:
    top_up = start(actor)
    body, signature = signed_event(top_up, session_id=session_of(top_up))
    for _ in range(deliveries):
        services.handle_webhook(payload=body, signature=signature)
    assert available(actor) == Money(2500)
    assert WebhookEvent.objects.filter(top_up_id=top_up.id).count() == 1


def test_two_events_about_one_payment_credit_once(actor: Any, payments: Any, signed_event: Any) -> None:
    top_up = start(actor)
    for kind in ("checkout.session.completed", "checkout.session.async_payment_succeeded"):
        body, signature = signed_event(top_up, session_id=session_of(top_up), kind=kind)
        services.handle_webhook(payload=body, signature=signature)
    assert available(actor) == Money(2500)


@pytest.mark.parametrize("change", [{"secret": "whsec_of_someone_else"}, {"age_s": 3600}])
def test_a_forged_or_old_signature_is_refused_and_leaves_nothing(
    actor: Any, payments: Any, signed_event: Any, change: Any
) -> None:
    top_up = start(actor)
    body, signature = signed_event(top_up, session_id=session_of(top_up), **change)
    with pytest.raises(SignatureRefused):
        services.handle_webhook(payload=body, signature=signature)
    assert not WebhookEvent.objects.exists()
    assert available(actor) == Money(0)


@pytest.mark.parametrize("change", [{"amount_minor": 250_000}, {"currency": "jpy"}, {"session_id": "cs_test_other"}])
def test_a_payment_that_does_not_match_is_not_credited(
    actor: Any, payments: Any, signed_event: Any, change: Any
) -> None:
    top_up = start(actor)
    body, signature = signed_event(top_up, **({"session_id": session_of(top_up)} | change))
    with pytest.raises(PaymentMismatch):
        services.handle_webhook(payload=body, signature=signature)
    assert not WebhookEvent.objects.exists()
    assert available(actor) == Money(0)


def test_completed_but_not_yet_paid_waits(actor: Any, payments: Any, signed_event: Any) -> None:
    top_up = start(actor)
    body, signature = signed_event(top_up, session_id=session_of(top_up), payment_status="unpaid")
    services.handle_webhook(payload=body, signature=signature)
    assert selectors.top_up(actor, top_up.id).state == TopUpState.OPEN


def test_an_expired_page_ends_the_top_up(actor: Any, payments: Any, signed_event: Any) -> None:
    top_up = start(actor)
    change = {"kind": "checkout.session.expired", "status": "expired", "payment_status": "unpaid"}
    body, signature = signed_event(top_up, session_id=session_of(top_up), **change)
    services.handle_webhook(payload=body, signature=signature)
    assert selectors.top_up(actor, top_up.id).state == TopUpState.EXPIRED


@pytest.mark.parametrize("amount", [Money(99), Money(1_000_001), Money(2500, "EUR")])
def test_amounts_out_of_range_are_refused(actor: Any, payments: Any, amount: Any) -> None:
    with pytest.raises(AmountOutOfRange):
        services.start_top_up(actor=actor, amount=amount, **URLS)
    assert not TopUp.objects.exists()


def test_a_processor_that_is_down_is_said_and_nothing_is_open(actor: Any, settings: Any) -> None:
    settings.STRIPE = {"api_key": "sk_test_12345678", "api_base": "http://127.0.0.1:9", "webhook_secret": "whsec_x"}
    with pytest.raises(PaymentsUnavailable):
        start(actor)
    assert list(TopUp.objects.values_list("state", flat=True)) == [TopUpState.FAILED]


def test_a_top_up_of_another_organisation_is_not_there(actor: Any, other_actor: Any, payments: Any) -> None:
    top_up = start(actor)
    with tenant_scope(other_actor.organisation_id), pytest.raises(TopUpNotFound):
        selectors.top_up(other_actor, top_up.id)


def test_a_viewer_may_not_top_up(make_actor: Any, payments: Any) -> None:
    viewer = make_actor(role=Role.VIEWER)
    with tenant_scope(viewer.organisation_id), pytest.raises(NotPermitted):
        start(viewer)


def paid(actor: Any, pay: Any, cents: int = 2500) -> TopUpInfo:
    top_up = start(actor, cents)
    pay(top_up.checkout_url)
    return services.settle_top_up(actor=actor, top_up_id=top_up.id)


def test_unspent_money_is_refunded_to_the_card_and_never_more(actor: Any, payments: Any, pay: Any) -> None:
    top_up = paid(actor, pay)
    refund = services.refund_top_up(actor=actor, top_up_id=top_up.id, amount=Money(1000))
    assert available(actor) == Money(1500)
    outbox.drain()
    assert [r.state for r in selectors.refunds(actor, top_up.id)] == [RefundState.DONE]
    services.send_refund(refund_id=refund.id)
    assert selectors.balance(actor).posted == Money(1500)
    with pytest.raises(NothingToRefund):
        services.refund_top_up(actor=actor, top_up_id=top_up.id, amount=Money(1501))
    assert trial_balance()["USD"] == 0


def test_money_that_is_held_for_an_order_is_not_refunded(actor: Any, payments: Any, pay: Any) -> None:
    top_up = paid(actor, pay)
    ledger.place_hold(
        account=AccountRef(actor.organisation_id, AccountKind.CASH, "USD"),
        amount=Money(2400),
        idempotency_key="order",
        reason="order",
        source=SourceRef("test", "order"),
    )
    assert services.refund_top_up(actor=actor, top_up_id=top_up.id).amount == Money(100)


@pytest.mark.django_db(transaction=True)
def test_ten_parallel_deliveries_of_one_event_credit_once(make_actor: Any, payments: Any, signed_event: Any) -> None:
    actor = make_actor()
    with tenant_scope(actor.organisation_id):
        top_up = start(actor)
        body, signature = signed_event(top_up, session_id=session_of(top_up))

    def deliver(_: Any) -> None:
        try:
            with suppress(SignatureRefused):
                services.handle_webhook(payload=body, signature=signature)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(deliver, range(10)))
    with tenant_scope(actor.organisation_id):
        assert available(actor) == Money(2500)
        assert WebhookEvent.objects.filter(top_up_id=top_up.id).count() == 1


@pytest.mark.django_db(transaction=True)
def test_parallel_refunds_never_send_back_more_than_was_paid(make_actor: Any, payments: Any, pay: Any) -> None:
    actor = make_actor()
    with tenant_scope(actor.organisation_id):
        top_up = paid(actor, pay)

    def ask(_: Any) -> None:
        try:
            with tenant_scope(actor.organisation_id), suppress(NothingToRefund):
                services.refund_top_up(actor=actor, top_up_id=top_up.id, amount=Money(1000))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(8)))
    with tenant_scope(actor.organisation_id):
        assert len(selectors.refunds(actor, top_up.id)) == 2
        assert available(actor) == Money(500)
