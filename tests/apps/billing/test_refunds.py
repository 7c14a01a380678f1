"""Refunds: held, on their way, at the card, or back in the balance; also those made at the processor's own pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.billing import selectors, services, tasks
from apps.billing.errors import NothingToRefund
from apps.billing.models import TopUp, TopUpRefund
from apps.billing.types import RefundState, TopUpInfo
from apps.core import clock, outbox
from apps.core.money import Money
from apps.ledger.selectors import balance, trial_balance
from apps.ledger.types import AccountKind, AccountRef
from sahara_platform.embedded.process import wait_until

pytestmark = pytest.mark.django_db
URLS = {"success_url": "http://127.0.0.1:1/ok", "cancel_url": "http://127.0.0.1:1/no"}
GOOD, PENDING_FIRST, FAILS_LATER = "4242424242424242", "4000000000007726", "4000000000005126"


@pytest.fixture
def paid_with(actor: Any, payments: Any, pay_with: Any) -> Any:
    def make(number: str, cents: int = 2500) -> TopUpInfo:
        made = services.start_top_up(actor=actor, amount=Money(cents), **URLS)
        assert pay_with(made.checkout_url, number).status_code == 303
        return services.settle_top_up(actor=actor, top_up_id=made.id)

    return make


def held(actor: Any, kind: AccountKind) -> Any:
    return balance(AccountRef(actor.organisation_id, kind, "USD")).posted


def changed(api: Any, refund_id: str, status: str) -> None:
    wait_until(lambda: api.refunds.retrieve(refund_id).status == status, timeout_s=60, what="The refund stays")


def test_a_refund_is_on_its_way_until_the_processor_says_it_arrived(
    actor: Any, paid_with: Any, api: Any, deliver: Any
) -> None:
    top_up = paid_with(PENDING_FIRST)
    services.refund_top_up(actor=actor, top_up_id=top_up.id, amount=Money(1000))
    outbox.drain()
    (refund,) = selectors.refunds(actor, top_up.id)
    assert refund.state == RefundState.SENT
    assert (held(actor, AccountKind.REFUNDS), held(actor, AccountKind.CASH)) == (Money(1000), Money(1500))
    intent = TopUp.objects.get().payment_intent
    made = api.refunds.list({"payment_intent": intent}).data[0].id
    changed(api, made, "succeeded")
    for kind in ("refund.updated", "charge.refunded"):
        deliver(kind, "refund", id=made, payment_intent=intent)
    assert [one.state for one in selectors.refunds(actor, top_up.id)] == [RefundState.DONE]
    assert (held(actor, AccountKind.REFUNDS), held(actor, AccountKind.CASH)) == (Money(0), Money(1500))
    assert trial_balance()["USD"] == 0


def test_a_refund_that_fails_after_it_succeeded_comes_back_and_can_be_asked_for_again(
    actor: Any, paid_with: Any, api: Any, deliver: Any
) -> None:
    top_up = paid_with(FAILS_LATER)
    services.refund_top_up(actor=actor, top_up_id=top_up.id)
    outbox.drain()
    assert [one.state for one in selectors.refunds(actor, top_up.id)] == [RefundState.DONE]
    intent = TopUp.objects.get().payment_intent
    made = api.refunds.list({"payment_intent": intent}).data[0].id
    changed(api, made, "failed")
    for _ in range(2):
        deliver("refund.failed", "refund", id=made, payment_intent=intent)
    assert [one.state for one in selectors.refunds(actor, top_up.id)] == [RefundState.FAILED]
    assert held(actor, AccountKind.CASH) == Money(2500)
    assert selectors.top_up(actor, top_up.id).refundable == Money(2500)


def test_a_refund_made_at_the_processors_page_takes_what_is_left_and_leaves_a_debt(
    actor: Any, paid_with: Any, api: Any, deliver: Any, spend: Any
) -> None:
    top_up = paid_with(GOOD, 2000)
    spend(actor.organisation_id, 1500)
    intent = TopUp.objects.get().payment_intent
    made = api.refunds.create({"payment_intent": intent})
    for _ in range(3):
        deliver("charge.refunded", "charge", id="ch_any", payment_intent=intent)
    assert [(one.amount, one.state) for one in selectors.refunds(actor, top_up.id)] == [(Money(2000), RefundState.DONE)]
    assert held(actor, AccountKind.CASH) == Money(0)
    assert selectors.money_owed(actor.organisation_id) == Money(1500)
    assert made.status == "succeeded"
    assert trial_balance()["USD"] == 0


def test_a_refund_that_the_processor_refuses_gives_the_hold_back(actor: Any, paid_with: Any, api: Any) -> None:
    top_up = paid_with(GOOD)
    asked = services.refund_top_up(actor=actor, top_up_id=top_up.id)
    api.refunds.create({"payment_intent": TopUp.objects.get().payment_intent})
    assert services.send_refund(refund_id=asked.id).state == RefundState.FAILED
    assert services.send_refund(refund_id=asked.id).state == RefundState.FAILED
    assert selectors.balance(actor).available == Money(2500)


def test_a_disputed_payment_cannot_be_refunded(actor: Any, paid_with: Any, deliver: Any) -> None:
    top_up = paid_with("4000000000000259")
    deliver("charge.dispute.created", "dispute", id="du_any", payment_intent=TopUp.objects.get().payment_intent)
    with pytest.raises(NothingToRefund):
        services.refund_top_up(actor=actor, top_up_id=top_up.id)


def test_a_refund_that_no_event_sends_is_sent_by_the_schedule(
    actor: Any, paid_with: Any, payments: Any, settings: Any
) -> None:
    top_up = paid_with(GOOD)
    services.refund_top_up(actor=actor, top_up_id=top_up.id)
    TopUpRefund.objects.update(created_at=clock.now() - timedelta(hours=1))
    working, settings.STRIPE = settings.STRIPE, {**settings.STRIPE, "api_base": "http://127.0.0.1:9"}
    tasks.send_overdue_refunds()
    assert [one.state for one in selectors.refunds(actor, top_up.id)] == [RefundState.PENDING]
    settings.STRIPE = working
    tasks.send_overdue_refunds()
    assert [one.state for one in selectors.refunds(actor, top_up.id)] == [RefundState.DONE]
    assert selectors.balance(actor).posted == Money(0)


def test_a_refund_whose_answer_was_lost_is_not_made_again_once_its_key_is_forgotten(
    actor: Any, paid_with: Any, api: Any
) -> None:
    top_up = paid_with(GOOD)
    asked = services.refund_top_up(actor=actor, top_up_id=top_up.id, amount=Money(1000))
    intent = TopUp.objects.get().payment_intent
    named = {"refund_id": str(asked.id), "organisation_id": str(actor.organisation_id)}
    api.refunds.create({"payment_intent": intent, "amount": 1000, "metadata": named})
    TopUpRefund.objects.update(created_at=clock.now() - timedelta(days=2))
    tasks.send_overdue_refunds()
    assert [one.state for one in selectors.refunds(actor, top_up.id)] == [RefundState.DONE]
    assert len(api.refunds.list({"payment_intent": intent}).data) == 1
    assert selectors.balance(actor).posted == Money(1500)


def locks(asked: CaptureQueriesContext) -> list[str]:
    """Whether the billing account or accounts of the ledger were locked, in their order."""
    found = []
    for query in asked.captured_queries:
        if "ledger_post" in query["sql"]:
            found.append("ledger")
        elif '"billing_billingaccount"' in query["sql"] and "FOR UPDATE" in query["sql"]:
            found.append("billing")
    return found


def test_the_billing_account_is_locked_before_the_cash_whatever_happens_to_a_payment(
    actor: Any, payments: Any, pay_with: Any, api: Any, deliver: Any
) -> None:
    made = services.start_top_up(actor=actor, amount=Money(2500), **URLS)
    assert pay_with(made.checkout_url, FAILS_LATER).status_code == 303
    with CaptureQueriesContext(connection) as credited:
        services.settle_top_up(actor=actor, top_up_id=made.id)
    asked = services.refund_top_up(actor=actor, top_up_id=made.id)
    with CaptureQueriesContext(connection) as sent:
        services.send_refund(refund_id=asked.id)
    intent = TopUp.objects.get().payment_intent
    refund = api.refunds.list({"payment_intent": intent}).data[0].id
    changed(api, refund, "failed")
    with CaptureQueriesContext(connection) as failed:
        deliver("refund.failed", "refund", id=refund, payment_intent=intent)
    for one in (credited, sent, failed):
        assert "ledger" in locks(one)
        assert locks(one)[0] == "billing"
