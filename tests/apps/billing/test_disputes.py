"""Disputes: set aside at once, owed where it was spent, returned when won; the same end in any order of events."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from django.core import mail

from apps.billing import selectors, services
from apps.billing.models import Dispute, Invoice, TopUp
from apps.billing.types import DisputeState, PlanKey, TopUpInfo
from apps.core import outbox
from apps.core.errors import DomainError
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.ledger.selectors import balance, trial_balance
from apps.ledger.types import AccountKind, AccountRef
from apps.tenancy import limits

pytestmark = pytest.mark.django_db
URLS = {"success_url": "http://127.0.0.1:1/ok", "cancel_url": "http://127.0.0.1:1/no"}
GOOD, DISPUTED = "4242424242424242", "4000000000000259"


@pytest.fixture
def paid_with(payments: Any, pay_with: Any) -> Any:
    def make(actor: Any, number: str, cents: int = 2500, *, settle: bool = True) -> TopUpInfo:
        made = services.start_top_up(actor=actor, amount=Money(cents), **URLS)
        assert pay_with(made.checkout_url, number).status_code == 303
        return services.settle_top_up(actor=actor, top_up_id=made.id) if settle else made

    return make


def cash(actor: Any) -> Any:
    return selectors.balance(actor).available


def set_aside(actor: Any) -> Any:
    dispute = Dispute.objects.get()
    return balance(AccountRef(actor.organisation_id, AccountKind.DISPUTED, "USD", dispute.dispute_id)).posted


def told(deliver: Any, kind: str) -> None:
    disputed = TopUp.objects.exclude(payment_intent="").order_by("id").first()
    assert disputed is not None
    deliver(kind, "dispute", id="du_any", payment_intent=disputed.payment_intent)


def test_a_disputed_payment_leaves_the_balance_and_the_administrators_hear_of_it(
    actor: Any, paid_with: Any, deliver: Any
) -> None:
    paid_with(actor, DISPUTED)
    told(deliver, "charge.dispute.created")
    assert (cash(actor), selectors.money_owed(actor.organisation_id)) == (Money(0), Money(0))
    assert set_aside(actor) == Money(0)  # the processor took it at once
    mail.outbox.clear()
    outbox.drain()
    assert [one.subject for one in mail.outbox if "payment" in one.subject] == ["A payment of $25.00 is disputed"]
    assert trial_balance()["USD"] == 0


def test_what_was_spent_is_owed_stops_spending_and_is_paid_by_the_next_top_up(
    actor: Any, paid_with: Any, deliver: Any, spend: Any
) -> None:
    paid_with(actor, DISPUTED)
    spend(actor.organisation_id, 2000)
    told(deliver, "charge.dispute.funds_withdrawn")
    assert selectors.money_owed(actor.organisation_id) == Money(2000)
    assert Dispute.objects.get().debt == Money(2000)
    with pytest.raises(DomainError) as refusal:
        limits.require_good_standing(organisation_id=actor.organisation_id)
    assert refusal.value.code == "money_owed"
    paid_with(actor, GOOD, 3000)
    assert (cash(actor), selectors.money_owed(actor.organisation_id)) == (Money(1000), Money(0))
    limits.require_good_standing(organisation_id=actor.organisation_id)
    assert trial_balance()["USD"] == 0


def test_debts_are_collected_from_money_that_comes_back_by_itself(
    actor: Any, paid_with: Any, deliver: Any, spend: Any, fund: Any
) -> None:
    paid_with(actor, DISPUTED)
    spend(actor.organisation_id, 2000)
    told(deliver, "charge.dispute.created")
    services.collect_debts()
    assert selectors.money_owed(actor.organisation_id) == Money(2000)
    fund(actor.organisation_id, 1200)
    services.collect_debts()
    assert (cash(actor), selectors.money_owed(actor.organisation_id)) == (Money(0), Money(800))


@pytest.mark.parametrize(("evidence", "state", "left"), [("winning_evidence", "won", 500), ("none", "lost", 0)])
def test_the_banks_decision_returns_the_money_or_keeps_it(
    actor: Any, paid_with: Any, deliver: Any, spend: Any, api: Any, evidence: str, state: str, left: int
) -> None:
    paid_with(actor, DISPUTED)
    spend(actor.organisation_id, 2000)
    told(deliver, "charge.dispute.created")
    found = api.disputes.list({"payment_intent": TopUp.objects.get().payment_intent}).data[0]
    api.disputes.update(found.id, {"evidence": {"uncategorized_text": evidence}, "submit": True})
    for kind in ("charge.dispute.closed", "charge.dispute.funds_reinstated"):
        told(deliver, kind)
    assert Dispute.objects.get().state == state
    assert cash(actor) == Money(left)
    assert selectors.money_owed(actor.organisation_id) == Money(0 if state == "won" else 2000)
    assert set_aside(actor) == Money(0)
    assert trial_balance()["USD"] == 0


KINDS = ("payment_intent.succeeded", "charge.dispute.created", "charge.dispute.funds_withdrawn", "refund.created")
ORDERS = list(permutations(KINDS))


@pytest.mark.parametrize("orders", [ORDERS[::6], pytest.param(ORDERS, marks=pytest.mark.soak)], ids=["some", "all"])
def test_every_order_of_the_events_of_a_disputed_payment_ends_alike(
    make_actor: Any, paid_with: Any, deliver: Any, api: Any, orders: Any
) -> None:
    """Payment, refund, dispute and its end: told in any order, all after the fact, each twice."""
    ends = set()
    for order in orders:
        actor = make_actor()
        with tenant_scope(actor.organisation_id):
            made = paid_with(actor, DISPUTED, settle=False)
            intent = paid_intent(api, made)
            found = api.disputes.list({"payment_intent": intent}).data[0]
            api.disputes.update(found.id, {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True})
            api.refunds.create({"payment_intent": intent, "amount": 700})
            for kind in [*order, *order]:
                deliver(kind, "charge", id="any", payment_intent=intent)
            top_up = TopUp.objects.get()
            ends.add((top_up.state, top_up.refunded, cash(actor), Dispute.objects.get().state, set_aside(actor)))
    print(f"{len(orders)} orders of {len(KINDS)} events, each twice: {len(ends)} end state")  # noqa: T201  # a figure
    assert ends == {("paid", 700, Money(1800), DisputeState.WON, Money(0))}
    assert trial_balance()["USD"] == 0


def paid_intent(api: Any, made: TopUpInfo) -> str:
    return str(api.checkout.sessions.retrieve(TopUp.objects.get(id=made.id).session_id).payment_intent)


def test_a_dispute_of_a_plans_payment_is_owed(actor: Any, payments: Any, pay_with: Any, deliver: Any) -> None:
    address = services.subscribe(actor=actor, plan=PlanKey.TEAM, **URLS)
    assert pay_with(address, DISPUTED).status_code == 303
    services.refresh(actor=actor)
    intent = Invoice.objects.get().payment_intent
    deliver("charge.dispute.created", "dispute", id="du_any", payment_intent=intent)
    assert selectors.money_owed(actor.organisation_id) == Money(4900)


def test_payments_that_were_not_asked_for_here_are_only_acknowledged(
    actor: Any, payments: Any, api: Any, deliver: Any
) -> None:
    customer = api.customers.create({"name": "Somebody else"}).id
    method = api.payment_methods.create(
        {"type": "card", "card": {"number": GOOD, "exp_month": 12, "exp_year": 2030, "cvc": "123"}}
    ).id
    paid = api.payment_intents.create(
        {
            "amount": 900,
            "currency": "usd",
            "customer": customer,
            "payment_method": method,
            "confirm": True,
            "off_session": True,
        }
    )
    assert services.sync_payment(paid.id) is False
    deliver("charge.succeeded", "charge", id="ch_any", payment_intent=paid.id)
    deliver("charge.succeeded", "charge", id="ch_without_payment")
    deliver("customer.subscription.updated", "subscription", id="sub_any", customer=customer)
    deliver("invoice.upcoming", "invoice", customer=customer)
    deliver("issuing_card.created", "issuing.card", id="ic_any")
    assert not Dispute.objects.exists()
