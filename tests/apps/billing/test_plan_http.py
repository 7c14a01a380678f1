"""The plan, cards, disputes and the staff page over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.accounts.models import User
from apps.billing import selectors, services
from apps.billing.models import Dispute, Invoice, SavedCard, Subscription
from apps.billing.types import PlanKey
from apps.core import clock
from apps.core.money import Money
from apps.tenancy.limits import Limit
from apps.tenancy.types import Role

pytestmark = pytest.mark.django_db
CARD = "4242424242424242"


def test_the_page_leads_to_the_payment_page_and_shows_the_plan_afterwards(
    actor: Any, payments: Any, client_for: Any, pay_with: Any
) -> None:
    client = client_for(actor)
    assert "Choose Team" in client.get("/billing/plan/").content.decode()
    chosen = client.post("/billing/plan/choose/", {"plan": "team"})
    assert chosen.status_code == 302
    assert pay_with(chosen["Location"], CARD).headers["location"].endswith("/billing/plan/?returned=1")
    page = client.get("/billing/plan/?returned=1").content.decode()
    assert "Your plan" in page
    assert Invoice.objects.get().number in page
    assert "ending in" in page
    assert client.post("/billing/plan/choose/", {"plan": "enterprise"}).status_code == 302
    assert selectors.plan_key(actor.organisation_id) == PlanKey.ENTERPRISE
    assert "ends with the paid period" in client.post("/billing/plan/cancel/", follow=True).content.decode()
    assert "The plan goes on" in client.post("/billing/plan/resume/", follow=True).content.decode()


def test_the_enterprise_plan_can_be_ordered_by_invoice(actor: Any, payments: Any, client_for: Any) -> None:
    client = client_for(actor)
    client.post("/billing/plan/order/", {"plan": "enterprise"})
    page = client.get("/billing/plan/?returned=1").content.decode()
    assert ">Pay<" in page
    assert client.post("/billing/plan/order/", {"plan": "gold"}).status_code == 404


def test_cards_are_added_charged_and_removed_on_the_pages(
    actor: Any, payments: Any, client_for: Any, pay_with: Any
) -> None:
    client = client_for(actor)
    for number in (CARD, "4000000000000341"):
        assert pay_with(client.post("/billing/cards/add/")["Location"], number).status_code == 303
    client.get("/billing/plan/?returned=1")
    good, bad = (SavedCard.objects.get(last4=digits) for digits in ("4242", "0341"))
    client.post(f"/billing/cards/{good.id}/default/")
    assert SavedCard.objects.get(is_default=True).id == good.id
    charged = client.post("/billing/top-ups/", {"amount": "25", "card": str(good.id)}, follow=True).content.decode()
    assert "$25.00 was charged to the card" in charged
    refused = client.post("/billing/top-ups/", {"amount": "25", "card": str(bad.id)})
    assert refused.status_code == 402
    assert "Nothing was charged" in refused.content.decode()
    assert client.post("/billing/top-ups/", {"amount": "25", "card": "nonsense"}).status_code == 404
    client.post(f"/billing/cards/{bad.id}/remove/")
    assert SavedCard.objects.get().id == good.id


def test_the_pages_say_what_is_owed_disputed_and_in_grace(make_actor: Any, actor: Any, client_for: Any) -> None:
    now = clock.now()
    Dispute.objects.create(dispute_id="du_x", payment_intent="pi_x", amount=900, owed=400, currency="USD")
    period = {"period_start": now - timedelta(days=1), "period_end": now + timedelta(days=29)}
    Subscription.objects.create(subscription_id="sub_x", item_id="si_x", plan="team", status="past_due", **period)
    client = client_for(actor)
    assert "$4.00 of it had been spent" in client.get("/billing/").content.decode()
    assert "could not be charged" in client.get("/billing/plan/").content.decode()
    viewer = make_actor(role=Role.VIEWER, organisation_id=actor.organisation_id)
    assert (
        "Administrators of the organisation can change the plan"
        in client_for(viewer).get("/billing/plan/").content.decode()
    )


def test_a_processor_that_is_down_does_not_take_the_page_with_it(
    actor: Any, subscribed: Any, client_for: Any, settings: Any
) -> None:
    subscribed(actor)
    settings.STRIPE = {**settings.STRIPE, "api_base": "http://127.0.0.1:9"}
    assert client_for(actor).get("/billing/plan/?returned=1").status_code == 200


def test_the_api_takes_changes_and_ends_a_plan(actor: Any, payments: Any, api_for: Any, pay_with: Any) -> None:
    client = api_for(actor)
    made = client.post("/api/v1/billing/plan/", {"plan": "team"}, format="json")
    assert made.status_code == 201
    assert pay_with(made.json()["checkout_url"], CARD).status_code == 303
    services.refresh(actor=actor)
    found = client.get("/api/v1/billing/plan/").json()
    assert (found["plan"]["key"], found["subscription"]["status"]) == ("team", "active")
    assert {"limit": "seats", "used": "1", "allowed": "25"} in found["usage"]
    changed = client.patch("/api/v1/billing/plan/", {"plan": "enterprise"}, format="json").json()
    assert changed["plan"]["price"] == {"amount_minor": "99000", "currency": "USD"}
    assert client.delete("/api/v1/billing/plan/").json()["subscription"]["ends_at"]
    assert client.post("/api/v1/billing/plan/resume/").json()["subscription"]["ends_at"] is None
    assert len(client.get("/api/v1/billing/invoices/").json()["results"]) == 1
    card = client.get("/api/v1/billing/cards/").json()["results"][0]
    assert client.post(f"/api/v1/billing/cards/{card['id']}/default/").status_code == 204
    topped = client.post(f"/api/v1/billing/cards/{card['id']}/top-ups/", {"amount_minor": "1500"}, format="json")
    assert topped.json()["state"] == "paid"
    assert client.post("/api/v1/billing/cards/").json()["setup_url"].startswith(payments.api_base)
    assert client.delete(f"/api/v1/billing/cards/{card['id']}/").status_code == 204
    refused = client.post("/api/v1/billing/plan/orders/", {"plan": "enterprise"}, format="json")
    assert refused.json()["code"] == "already_subscribed"


def test_the_api_orders_by_invoice_and_lists_disputes(actor: Any, payments: Any, api_for: Any) -> None:
    client = api_for(actor)
    assert client.post("/api/v1/billing/plan/orders/", {"plan": "enterprise"}, format="json").status_code == 201
    now = clock.now()
    Dispute.objects.create(dispute_id="du_y", payment_intent="pi_y", amount=900, currency="USD", due_by=now)
    Dispute.objects.create(dispute_id="du_z", payment_intent="pi_z", amount=800, currency="USD")
    found = client.get("/api/v1/billing/disputes/").json()["results"]
    assert [one["amount"]["amount_minor"] for one in found] == ["800", "900"]


def test_a_repeat_with_the_same_key_orders_once(actor: Any, payments: Any, api_for: Any) -> None:
    client = api_for(actor)
    for _ in range(2):
        again = client.post(
            "/api/v1/billing/plan/orders/", {"plan": "enterprise"}, format="json", HTTP_IDEMPOTENCY_KEY="order-1"
        )
        assert again.status_code == 201
    services.refresh(actor=actor)
    assert Invoice.objects.count() == 1


def test_over_the_limit_the_api_answers_402_with_the_plans_page(actor: Any, api_for: Any) -> None:
    services.record_usage(
        organisation_id=actor.organisation_id, limit=Limit.STORAGE_BYTES, amount=5 << 30, key="everything"
    )
    made = api_for(actor).post("/api/v1/knowledge-bases/", {"name": "Notes"}, format="json").json()
    file = SimpleUploadedFile("a.txt", b"words")
    refused = api_for(actor).post(f"/api/v1/knowledge-bases/{made['id']}/documents/", {"files": file})
    assert (refused.status_code, refused.json()["code"]) == (402, "quota_exceeded")
    assert refused.json()["plan_url"] == "/billing/plan/"


def test_only_staff_see_the_comparison(actor: Any, payments: Any, client_for: Any) -> None:
    client = client_for(actor)
    assert client.get("/staff/billing/").status_code == 404
    User.objects.filter(id=actor.user_id).update(is_staff=True)
    Dispute.objects.create(dispute_id="du_w", payment_intent="pi_w", amount=900, currency="USD")
    services.reconcile(clock.now().date())
    page = client.get("/staff/billing/").content.decode()
    assert "Days compared" in page
    assert "du_w" in page
    assert str(Money(900)) in page
