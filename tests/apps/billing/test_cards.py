"""Kept cards, and topping up with them while nobody is at a payment page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from apps.billing import selectors, services
from apps.billing.errors import CardNotFound, PaymentDeclined, PaymentsUnavailable
from apps.billing.facts import PaymentFacts
from apps.billing.models import BillingAccount, SavedCard, TopUp
from apps.billing.services.top_ups import settle_by_payment
from apps.billing.types import TopUpState
from apps.core import clock
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.ledger.selectors import transfers_of_source

pytestmark = pytest.mark.django_db
REFUSED_LATER, ASKS_OWNER = "4000000000000341", "4000002500003155"


def available(actor: Any) -> Any:
    return selectors.balance(actor).available


def test_a_card_is_kept_made_default_and_removed(actor: Any, keep_card: Any) -> None:
    first, second = keep_card(actor), keep_card(actor, "4000056655665556")
    assert [card.last4 for card in selectors.cards(actor)] == ["5556", "4242"]
    services.make_default(actor=actor, card_id=first.id)
    assert [(card.last4, card.is_default) for card in selectors.cards(actor)] == [("4242", True), ("5556", False)]
    services.remove_card(actor=actor, card_id=second.id)
    assert list(SavedCard.objects.values_list("method_id", flat=True)) == [first.method_id]


def test_a_kept_card_tops_up_at_once_and_is_credited_once(actor: Any, keep_card: Any, deliver: Any) -> None:
    card = keep_card(actor)
    made = services.top_up_with_card(actor=actor, amount=Money(2500), card_id=card.id)
    assert made.state == TopUpState.PAID
    intent = TopUp.objects.get().payment_intent
    deliver("payment_intent.succeeded", "payment_intent", id=intent)
    services.charge_again(top_up_id=made.id)
    assert available(actor) == Money(2500)
    assert len(transfers_of_source("billing.top_up", str(made.id))) == 1


@pytest.mark.parametrize(
    ("number", "code"), [(REFUSED_LATER, "card_declined"), (ASKS_OWNER, "card_needs_confirmation")]
)
def test_a_card_that_is_refused_says_what_helps_and_charges_nothing(
    actor: Any, keep_card: Any, number: str, code: str
) -> None:
    card = keep_card(actor, number)
    with pytest.raises(PaymentDeclined) as refusal:
        services.top_up_with_card(actor=actor, amount=Money(2500), card_id=card.id)
    assert refusal.value.code == code
    assert available(actor) == Money(0)
    assert TopUp.objects.get().state == TopUpState.FAILED


def test_a_charge_whose_answer_was_lost_is_settled_by_asking_again(
    actor: Any, keep_card: Any, payments: Any, settings: Any
) -> None:
    card = keep_card(actor)
    working, settings.STRIPE = settings.STRIPE, {**settings.STRIPE, "api_base": "http://127.0.0.1:9"}
    with pytest.raises(PaymentsUnavailable):
        services.top_up_with_card(actor=actor, amount=Money(700), card_id=card.id)
    row = TopUp.objects.get()
    assert row.state == TopUpState.OPEN
    settings.STRIPE = working
    assert services.settle_top_up(actor=actor, top_up_id=row.id).state == TopUpState.PAID
    assert available(actor) == Money(700)


@pytest.fixture
def left_open(actor: Any, keep_card: Any, payments: Any, settings: Any) -> TopUp:
    """A top-up with a kept card that was asked for days ago, and whose charge never got an answer."""
    card = keep_card(actor)
    working, settings.STRIPE = settings.STRIPE, {**settings.STRIPE, "api_base": "http://127.0.0.1:9"}
    with pytest.raises(PaymentsUnavailable):
        services.top_up_with_card(actor=actor, amount=Money(700), card_id=card.id)
    settings.STRIPE = working
    TopUp.objects.update(created_at=clock.now() - timedelta(days=2))
    return TopUp.objects.get()


def charged(api: Any) -> list[Any]:
    return list(api.payment_intents.list({"customer": BillingAccount.objects.get().customer_id}).data)


def charge_for(api: Any, row: TopUp, top_up_id: UUID) -> str:
    """The charge of a top-up as it was once made, without the key that the processor has forgotten since."""
    made = api.payment_intents.create(
        {
            "amount": row.amount,
            "currency": "usd",
            "customer": BillingAccount.objects.get().customer_id,
            "payment_method": row.payment_method,
            "confirm": True,
            "off_session": True,
            "metadata": {"top_up_id": str(top_up_id), "organisation_id": str(row.tenant_id)},
        }
    )
    return str(made.id)


def test_a_charge_that_succeeded_days_ago_is_found_not_repeated(actor: Any, left_open: TopUp, api: Any) -> None:
    made = charge_for(api, left_open, left_open.id)
    charge_for(api, left_open, uuid4())
    services.settle_overdue_top_ups()
    row = TopUp.objects.get()
    assert (row.state, row.payment_intent) == (TopUpState.PAID, made)
    assert len(charged(api)) == 2
    assert available(actor) == Money(700)


def test_a_charge_that_was_never_made_is_not_made_days_later(actor: Any, left_open: TopUp, api: Any) -> None:
    assert services.settle_top_up(actor=actor, top_up_id=left_open.id).state == TopUpState.FAILED
    assert not charged(api)
    assert available(actor) == Money(0)


def test_a_charge_that_is_known_is_asked_about_and_not_repeated(actor: Any, left_open: TopUp, api: Any) -> None:
    made = charge_for(api, left_open, left_open.id)
    waiting = PaymentFacts(made, "processing", 700, "USD", "", actor.organisation_id, left_open.id)
    settle_by_payment(left_open, waiting)
    TopUp.objects.update(created_at=clock.now())
    assert TopUp.objects.get().state == TopUpState.OPEN
    assert services.settle_top_up(actor=actor, top_up_id=left_open.id).state == TopUpState.PAID
    assert len(charged(api)) == 1


def test_a_payment_page_with_3d_secure_is_paid_after_the_banks_question(
    actor: Any, payments: Any, pay_with: Any, api: Any
) -> None:
    urls = {"success_url": "http://127.0.0.1:1/ok", "cancel_url": "http://127.0.0.1:1/no"}
    made = services.start_top_up(actor=actor, amount=Money(1000), **urls)
    assert "Your bank asks" in pay_with(made.checkout_url, ASKS_OWNER).text
    assert services.settle_top_up(actor=actor, top_up_id=made.id).state == TopUpState.OPEN
    assert httpx.post(f"{made.checkout_url}/authenticate", data={"success": "1"}).status_code == 303
    assert services.settle_top_up(actor=actor, top_up_id=made.id).state == TopUpState.PAID


def test_a_card_of_another_organisation_is_not_there(
    actor: Any, other_actor: Any, keep_card: Any, payments: Any
) -> None:
    card = keep_card(actor)
    with tenant_scope(other_actor.organisation_id):
        for use in (services.make_default, services.remove_card):
            with pytest.raises(CardNotFound):
                use(actor=other_actor, card_id=card.id)
        with pytest.raises(CardNotFound):
            services.top_up_with_card(actor=other_actor, amount=Money(500), card_id=card.id)
    with pytest.raises(CardNotFound):
        services.remove_card(actor=actor, card_id=uuid4())


def test_cards_follow_the_processors_events(actor: Any, keep_card: Any, api: Any, deliver: Any) -> None:
    card = keep_card(actor)
    api.payment_methods.detach(card.method_id)
    customer = BillingAccount.objects.get().customer_id
    deliver("payment_method.detached", "payment_method", id=card.method_id, customer=customer)
    assert not SavedCard.objects.exists()
