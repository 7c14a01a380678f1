"""The Checkout stand-in, driven by the real Stripe client and verified by its webhook code."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe as stripe_client

from sahara_platform.embedded import stripe
from sahara_platform.embedded.process import wait_until

CARD = {"number": "4242 4242 4242 4242", "exp_month": "12", "exp_year": "2030", "cvc": "123", "email": "a@example.org"}
SECRET = "whsec_test_0123456789abcdef"


class Receiver:
    """A webhook endpoint that refuses the first deliveries."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.events: list[Any] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                event = stripe_client.Webhook.construct_event(body, self.headers["Stripe-Signature"], SECRET)
                if receiver.refusals > 0:
                    receiver.refusals -= 1
                    self.send_response(503)
                else:
                    receiver.events.append(event)
                    self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def kinds(self) -> list[str]:
        return [event.type for event in self.events]


@pytest.fixture(scope="module")
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture(scope="module")
def server(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[stripe.StripeHandle]:
    handle = stripe.start(tmp_path_factory.mktemp("stripe"), webhook_url=receiver.url)
    yield handle
    handle.stop()


def client_of(server: stripe.StripeHandle) -> stripe_client.StripeClient:
    return stripe_client.StripeClient(server.settings.api_key, base_addresses={"api": server.api_base})


def open_session(server: stripe.StripeHandle, key: str | None = None, amount: int = 2500) -> Any:
    return client_of(server).v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [
                {
                    "price_data": {"currency": "usd", "unit_amount": amount, "product_data": {"name": "Top-up"}},
                    "quantity": 1,
                }
            ],
            "success_url": "http://127.0.0.1:1/done?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://127.0.0.1:1/cancelled",
            "metadata": {"top_up": "42"},
        },
        {"idempotency_key": key} if key else {},
    )


def test_a_payment_completes_the_session_and_is_told_by_a_signed_event(
    server: stripe.StripeHandle, receiver: Receiver
) -> None:
    session = open_session(server)
    assert (session.status, session.payment_status, session.amount_total) == ("open", "unpaid", 2500)
    page = httpx.get(session.url)
    assert "$25.00" in page.text
    paid = httpx.post(session.url, data=CARD)
    assert paid.status_code == 303
    assert paid.headers["location"] == f"http://127.0.0.1:1/done?session={session.id}"
    wait_until(lambda: any(e.data.object.id == session.id for e in receiver.events), timeout_s=60, what="No event")
    now: Any = client_of(server).v1.checkout.sessions.retrieve(session.id)
    assert (now.status, now.payment_status, now.metadata.to_dict()) == ("complete", "paid", {"top_up": "42"})
    intent = client_of(server).v1.payment_intents.retrieve(now.payment_intent)
    assert (intent.status, intent.amount) == ("succeeded", 2500)


def test_paying_twice_charges_once(server: stripe.StripeHandle, receiver: Receiver) -> None:
    session = open_session(server)
    for _ in range(2):
        assert httpx.post(session.url, data=CARD).status_code == 303
    wait_until(lambda: any(e.data.object.id == session.id for e in receiver.events), timeout_s=60, what="No event")
    assert [e.type for e in receiver.events if e.data.object.id == session.id] == ["checkout.session.completed"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"number": "4000000000000002"}, "declined"),
        ({"number": "12"}, "Check the card number"),
        ({"exp_year": "1999"}, "Check the card number"),
    ],
)
def test_a_refused_card_says_why_and_leaves_the_session_open(
    server: stripe.StripeHandle, change: dict[str, str], words: str
) -> None:
    session = open_session(server)
    refused = httpx.post(session.url, data={**CARD, **change})
    assert refused.status_code == 402
    assert words in refused.text
    assert client_of(server).v1.checkout.sessions.retrieve(session.id).status == "open"
    assert httpx.post(session.url, data=CARD).status_code == 303


def test_an_expired_session_cannot_be_paid(server: stripe.StripeHandle, receiver: Receiver) -> None:
    session = open_session(server)
    client_of(server).v1.checkout.sessions.expire(session.id)
    assert httpx.post(session.url, data=CARD).status_code == 410
    wait_until(lambda: "checkout.session.expired" in receiver.kinds(), timeout_s=60, what="No event")
    with pytest.raises(stripe_client.InvalidRequestError):
        client_of(server).v1.checkout.sessions.expire(session.id)


def test_an_idempotency_key_opens_one_session_and_refuses_another_body(server: stripe.StripeHandle) -> None:
    first = open_session(server, key="top-up-1")
    assert open_session(server, key="top-up-1").id == first.id
    with pytest.raises(stripe_client.IdempotencyError):
        open_session(server, key="top-up-1", amount=9900)


def test_a_wrong_key_is_refused(server: stripe.StripeHandle) -> None:
    stranger = stripe_client.StripeClient("sk_test_someone_else", base_addresses={"api": server.api_base})
    with pytest.raises(stripe_client.AuthenticationError):
        stranger.v1.payment_intents.list()


def test_a_webhook_is_repeated_until_it_is_taken_and_state_survives_a_restart(tmp_path: Path) -> None:
    receiver = Receiver(refusals=1)
    server = stripe.start(tmp_path, webhook_url=receiver.url)
    session = open_session(server)
    httpx.post(session.url, data=CARD)
    wait_until(lambda: receiver.refusals == 0, timeout_s=60, what="No attempt")
    server.stop()
    again = stripe.start(tmp_path, webhook_url=receiver.url)
    try:
        told = {"payment_intent.succeeded", "checkout.session.completed"}
        wait_until(lambda: set(receiver.kinds()) == told, timeout_s=60, what="No event")
        kept = client_of(again).v1.checkout.sessions.retrieve(session.id)
        assert client_of(again).v1.payment_intents.retrieve(str(kept.payment_intent)).status == "succeeded"
        refund = client_of(again).v1.refunds.create({"payment_intent": str(kept.payment_intent), "amount": 1000})
        assert refund.amount == 1000
    finally:
        again.stop()
