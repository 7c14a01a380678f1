"""The real client against the Checkout stand-in, each run with one of its own."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

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
