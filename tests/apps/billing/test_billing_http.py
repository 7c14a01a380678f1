"""Billing over HTTP: API, webhook, pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.billing import selectors, services
from apps.billing.models import TopUp, WebhookEvent
from apps.core.money import Money

pytestmark = pytest.mark.django_db


def deliver(body: Any, signature: Any) -> Any:
    return Client().post(
        "/webhooks/stripe/", body, content_type="application/json", headers={"Stripe-Signature": signature}
    )


def test_the_api_opens_a_payment_page_and_shows_the_balance_after_the_webhook(
    actor: Any, payments: Any, api_for: Any, signed_event: Any
) -> None:
    api = api_for(actor)
    made = api.post("/api/v1/top-ups/", {"amount_minor": "5000"}, format="json")
    assert made.status_code == 201
    assert made.json()["checkout_url"].startswith(payments.api_base)
    row = TopUp.objects.get()
    info = selectors.top_up_info(row)
    assert deliver(*signed_event(info, session_id=row.session_id)).json() == {"received": True}
    assert api.get(f"/api/v1/top-ups/{row.id}/").json()["state"] == "paid"
    assert api.get("/api/v1/balance/").json()["available"] == {"amount_minor": "5000", "currency": "USD"}
    assert len(api.get("/api/v1/top-ups/").json()["results"]) == 1
    refund = api.post(f"/api/v1/top-ups/{row.id}/refunds/", {"amount_minor": "100"}, format="json")
    assert refund.status_code == 201


@pytest.mark.parametrize("amount", ["", "12.5", "-5", "abc", "99"])
def test_a_bad_amount_is_named(actor: Any, payments: Any, api_for: Any, amount: Any) -> None:
    refused = api_for(actor).post("/api/v1/top-ups/", {"amount_minor": amount}, format="json")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "amount_minor"


@pytest.mark.parametrize("signature", ["", "t=1,v1=00", "nonsense"])
def test_a_forged_webhook_is_a_400_problem_and_stores_nothing(actor: Any, payments: Any, signature: Any) -> None:
    refused = deliver(b'{"id": "evt_1", "type": "checkout.session.completed"}', signature)
    assert refused.status_code == 400
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["code"] == "webhook_signature_refused"
    assert not WebhookEvent.objects.exists()


def test_another_tenants_top_up_answers_404(actor: Any, other_actor: Any, payments: Any, api_for: Any) -> None:
    top_up = services.start_top_up(
        actor=actor, amount=Money(2500), success_url="http://a.example/", cancel_url="http://a.example/"
    )
    api = api_for(other_actor)
    for method, path in (("get", ""), ("get", "refunds/"), ("post", "refunds/")):
        assert getattr(api, method)(f"/api/v1/top-ups/{top_up.id}/{path}").status_code == 404


def test_the_page_leads_to_the_payment_and_tells_of_its_arrival(
    actor: Any, payments: Any, pay: Any, client_for: Any
) -> None:
    client = client_for(actor)
    started = client.post("/billing/top-ups/", {"preset": "25"})
    assert started.status_code == 302
    pay(started["Location"])
    top_up = TopUp.objects.get()
    back = client.get(f"/billing/?top_up={top_up.id}")
    assert back.status_code == 200
    assert "Payment received: $25.00" in back.content.decode()
    statement = client.get("/billing/statement.csv").content.decode().splitlines()
    assert len(statement) == 2
    assert ",2500,USD,Top-up by card,Platform,billing.top_up," in statement[1]


def test_a_bad_amount_shows_the_form_again(actor: Any, payments: Any, client_for: Any) -> None:
    refused = client_for(actor).post("/billing/top-ups/", {"amount": "0.10"})
    assert refused.status_code == 422
    assert "greater than or equal to 1" in refused.content.decode()


def test_an_amount_that_another_page_asks_for_is_filled_in(actor: Any, client_for: Any) -> None:
    page = client_for(actor).get("/billing/?amount_minor=1234")
    assert 'value="12.34"' in page.content.decode()
