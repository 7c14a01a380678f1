"""The daily comparison: the processor's books against the ledger, and what it makes up for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from apps.billing import selectors, services
from apps.billing.errors import PaymentsUnavailable
from apps.billing.models import Difference, TopUp
from apps.billing.types import DifferenceKind, TopUpInfo
from apps.core import clock, outbox
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.ledger.selectors import trial_balance
from apps.tenancy.types import PLATFORM_ID
from sahara_platform.embedded import stripe
from tests.apps.billing.conftest import SECRET

pytestmark = pytest.mark.django_db
URLS = {"success_url": "http://127.0.0.1:1/ok", "cancel_url": "http://127.0.0.1:1/no"}
GOOD = "4242424242424242"


@pytest.fixture(scope="module")
def stripe_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stripe.StripeHandle]:
    """Books of these tests' own: the other tests' payments are at the processor still, and nowhere else."""
    handle = stripe.start(tmp_path_factory.mktemp("books"), webhook_url="http://127.0.0.1:9/", webhook_secret=SECRET)
    yield handle
    handle.stop()


@pytest.fixture
def paid_with(actor: Any, payments: Any, pay_with: Any) -> Any:
    def make(number: str = GOOD, cents: int = 2500, *, settle: bool = True) -> TopUpInfo:
        made = services.start_top_up(actor=actor, amount=Money(cents), **URLS)
        assert pay_with(made.checkout_url, number).status_code == 303
        return services.settle_top_up(actor=actor, top_up_id=made.id) if settle else made

    return make


def intent_of(api: Any, made: TopUpInfo) -> str:
    return str(api.checkout.sessions.retrieve(TopUp.objects.get(id=made.id).session_id).payment_intent)


def found(*processor_ids: str) -> list[tuple[str, str, int | None, int | None]]:
    """The differences about these objects only: other tests' payments are in the same books."""
    with tenant_scope(PLATFORM_ID):
        rows = Difference.objects.filter(processor_id__in=processor_ids).order_by("what")
        return [(row.kind, row.what, row.there, row.here) for row in rows]


def test_equal_books_have_no_difference(actor: Any, paid_with: Any, api: Any, subscribed: Any) -> None:
    made = paid_with()
    services.refund_top_up(actor=actor, top_up_id=made.id, amount=Money(1000))
    outbox.drain()
    subscribed(actor)
    done = services.reconcile(clock.now().date())
    assert done.movements >= 3
    assert done.fees > 0
    refund = api.refunds.list({"payment_intent": intent_of(api, made)}).data[0].id
    assert found(intent_of(api, made), refund) == []


def test_a_missed_webhook_is_made_up_for(actor: Any, paid_with: Any, api: Any) -> None:
    made = paid_with(settle=False)
    assert selectors.balance(actor).posted == Money(0)
    done = services.reconcile(clock.now().date())
    assert done.applied >= 1
    assert selectors.balance(actor).posted == Money(2500)
    assert found(intent_of(api, made)) == []
    assert trial_balance()["USD"] == 0


def test_missed_refunds_and_disputes_are_made_up_for(actor: Any, paid_with: Any, api: Any) -> None:
    refunded, disputed = paid_with(), paid_with("4000000000000259", 700)
    api.refunds.create({"payment_intent": intent_of(api, refunded), "amount": 500})
    services.reconcile(clock.now().date())
    assert selectors.balance(actor).posted == Money(2000)
    dispute = selectors.disputes(actor).get()
    assert dispute.amount == 700
    assert found(intent_of(api, refunded), intent_of(api, disputed), dispute.dispute_id) == []
    services.reconcile(clock.now().date())
    assert selectors.balance(actor).posted == Money(2000)


def test_a_payment_of_another_amount_is_listed_and_credits_nothing(actor: Any, paid_with: Any, api: Any) -> None:
    made = paid_with(settle=False)
    TopUp.objects.filter(id=made.id).update(amount=9900)
    services.reconcile(clock.now().date())
    assert found(intent_of(api, made)) == [(DifferenceKind.MISSING_HERE, "payment", 2500, 0)]
    assert selectors.balance(actor).posted == Money(0)


def test_a_credit_without_a_payment_is_listed(
    actor: Any, payments: Any, signed_event: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    made = services.start_top_up(actor=actor, amount=Money(2500), **URLS)
    payload, header = signed_event(made, session_id=TopUp.objects.get().session_id)
    services.handle_webhook(payload=payload, signature=header)
    intent = TopUp.objects.get().payment_intent
    with pytest.raises(CommandError, match="differences"):
        call_command("reconcile_stripe", day=clock.now().date())
    assert found(intent) == [(DifferenceKind.MISSING_THERE, "payment", 0, 2500)]
    assert f"payment {intent}: In the ledger, not at Stripe: $0.00 there, $25.00 here" in capsys.readouterr().out


def test_a_payment_that_is_nobodys_is_listed(actor: Any, payments: Any, api: Any) -> None:
    customer = api.customers.create({"name": "Somebody else"}).id
    card = {"number": GOOD, "exp_month": 12, "exp_year": 2030, "cvc": "123"}
    method = api.payment_methods.create({"type": "card", "card": card}).id
    asked = {"amount": 900, "currency": "usd", "customer": customer, "payment_method": method}
    paid = api.payment_intents.create({**asked, "confirm": True, "off_session": True})
    services.reconcile(clock.now().date())
    assert found(paid.id) == [(DifferenceKind.MISSING_HERE, "payment", 900, 0)]


def test_a_day_without_movements_says_so(actor: Any, payments: Any, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("reconcile_stripe", day=clock.now().date() - timedelta(days=400))
    assert "no differences" in capsys.readouterr().out


def test_a_processor_that_is_down_leaves_the_day_for_later(actor: Any, payments: Any, settings: Any) -> None:
    settings.STRIPE = {**settings.STRIPE, "api_base": "http://127.0.0.1:9"}
    with pytest.raises(PaymentsUnavailable):
        services.reconcile(clock.now().date())
    assert services.reconcile_recent(clock.now().date(), days=1) == []
