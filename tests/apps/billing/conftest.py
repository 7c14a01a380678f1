"""The real client against the Checkout stand-in, each run with one of its own."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
import stripe as stripe_client

from apps.billing import services
from apps.billing.models import BillingAccount, SavedCard, Subscription
from apps.billing.types import PlanKey
from apps.core.money import Money
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.tenancy.types import PLATFORM_ID
from sahara_platform.embedded import stripe
from sahara_platform.embedded.checkout.webhooks import signature

SECRET = "whsec_test_0123456789abcdef"
CARD = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2030", "cvc": "123", "email": "a@example.org"}


@pytest.fixture(scope="session")
def stripe_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stripe.StripeHandle]:
    # Nobody listens there: tests deliver events themselves, signed as the stand-in signs them.
    handle = stripe.start(tmp_path_factory.mktemp("stripe"), webhook_url="http://127.0.0.1:9/", webhook_secret=SECRET)
    yield handle
    handle.stop()


@pytest.fixture
def payments(stripe_server: stripe.StripeHandle, settings: Any) -> stripe.StripeHandle:
    settings.STRIPE = {
        "api_key": stripe_server.settings.api_key,
        "api_base": stripe_server.api_base,
        "webhook_secret": SECRET,
    }
    return stripe_server


@pytest.fixture
def pay() -> Callable[[str], None]:
    """`pay(checkout_url)`: pay as the payer does, on the page."""

    def make(checkout_url: str) -> None:
        assert httpx.post(checkout_url, data=CARD).status_code == 303

    return make


@pytest.fixture
def pay_with() -> Callable[[str, str], httpx.Response]:
    """`pay_with(url, card_number)`: fill a payment page (or a hosted invoice) with another card; its answer."""

    def make(url: str, number: str) -> httpx.Response:
        return httpx.post(url, data={**CARD, "number": number})

    return make


@pytest.fixture
def api(payments: stripe.StripeHandle) -> Any:
    """The processor's API, as somebody at its own pages would use it."""
    client = stripe_client.StripeClient(payments.settings.api_key, base_addresses={"api": payments.api_base})
    return client.v1


def signed(kind: str, found: dict[str, Any], event_id: str = "") -> tuple[bytes, str]:
    """Body and signature of a delivery about an object."""
    event_id = event_id or f"evt_{secrets.token_hex(8)}"
    body = json.dumps({"id": event_id, "object": "event", "type": kind, "data": {"object": found}})
    return body.encode(), signature(body, SECRET, int(time.time()))


@pytest.fixture
def deliver() -> Callable[..., None]:
    """`deliver(kind, object_type, id=…, customer=…)`: an event that names an object, as Stripe's would."""

    def make(kind: str, object_type: str, **facts: Any) -> None:
        payload, header = signed(kind, {"object": object_type, **facts})
        services.handle_webhook(payload=payload, signature=header)

    return make


@pytest.fixture
def spend() -> Callable[[UUID, int], None]:
    """`spend(organisation_id, cents)`: from the prepaid balance, for something."""

    def make(organisation_id: UUID, cents: int) -> None:
        ledger.transfer(
            debit=AccountRef(organisation_id, AccountKind.CASH, "USD"),
            credit=AccountRef(PLATFORM_ID, AccountKind.FEES, "USD"),
            amount=Money(cents),
            idempotency_key=f"spent:{secrets.token_hex(8)}",
            reason="Spent",
            source=SourceRef("test", "spent"),
        )

    return make


@pytest.fixture
def keep_card(payments: stripe.StripeHandle, pay_with: Any) -> Callable[..., SavedCard]:
    """`keep_card(actor, number)`: keep a card on the processor's page."""

    def make(actor: Any, number: str = CARD["number"]) -> SavedCard:
        known = set(SavedCard.objects.values_list("method_id", flat=True))
        address = services.add_card(actor=actor, success_url="http://127.0.0.1:1/ok", cancel_url="http://127.0.0.1:1/")
        assert pay_with(address, number).status_code == 303
        services.sync_cards(actor.organisation_id, BillingAccount.objects.get().customer_id)
        return SavedCard.objects.exclude(method_id__in=known).get()

    return make


@pytest.fixture
def subscribed(payments: stripe.StripeHandle, pay_with: Any) -> Callable[..., Subscription]:
    """`subscribed(actor, plan)`: take a plan on the payment page."""

    def make(actor: Any, plan: PlanKey = PlanKey.TEAM) -> Subscription:
        urls = {"success_url": "http://127.0.0.1:1/ok", "cancel_url": "http://127.0.0.1:1/no"}
        assert pay_with(services.subscribe(actor=actor, plan=plan, **urls), CARD["number"]).status_code == 303
        services.refresh(actor=actor)
        return Subscription.objects.get()

    return make


@pytest.fixture
def signed_event() -> Callable[..., tuple[bytes, str]]:
    """`signed_event(top_up, amount_minor=…)`: body and signature of a delivery about it."""

    def make(top_up: Any, **changes: Any) -> tuple[bytes, str]:
        session = {
            "id": changes.pop("session_id", None) or f"cs_test_{top_up.id.hex}",
            "object": "checkout.session",
            "amount_total": changes.pop("amount_minor", top_up.amount.minor),
            "currency": changes.pop("currency", "usd"),
            "status": changes.pop("status", "complete"),
            "payment_status": changes.pop("payment_status", "paid"),
            "payment_intent": f"pi_{top_up.id.hex}",
            "metadata": {"top_up_id": str(top_up.id), "organisation_id": str(top_up.organisation_id)},
        }
        event = {
            "id": changes.pop("event_id", f"evt_{secrets.token_hex(8)}"),
            "object": "event",
            "type": changes.pop("kind", "checkout.session.completed"),
            "data": {"object": session},
        }
        body = json.dumps(event)
        made_at = int(time.time()) - changes.pop("age_s", 0)
        return body.encode(), signature(body, changes.pop("secret", SECRET), made_at)

    return make
