"""Payment pages: a top-up, a subscription, a card to keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from apps.billing.facts import CheckoutSession
from apps.billing.processor.client import api, failures, id_of, uuid_of
from apps.core.money import Money


def open_checkout(
    *, top_up_id: UUID, organisation_id: UUID, amount: Money, success_url: str, cancel_url: str
) -> CheckoutSession:
    """Open a payment page for an amount; the same top-up gets the same page. Raises PaymentsUnavailable."""
    metadata = {"top_up_id": str(top_up_id), "organisation_id": str(organisation_id)}
    item = {
        "price_data": {
            "currency": amount.currency.lower(),
            "unit_amount": amount.minor,
            "product_data": {"name": "Prepaid balance"},
        },
        "quantity": 1,
    }
    parameters: Any = {
        "mode": "payment",
        "line_items": [item],
        "success_url": success_url,
        "cancel_url": cancel_url,
        "client_reference_id": str(top_up_id),
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
    }
    with failures():
        made = api().checkout.sessions.create(parameters, {"idempotency_key": f"top-up:{top_up_id}"})
    return session_of(made.to_dict())


def open_plan_checkout(
    *, organisation_id: UUID, customer_id: str, price_id: str, success_url: str, cancel_url: str
) -> str:
    """Open a page on which a plan is subscribed to; returns its address. Raises PaymentsUnavailable."""
    metadata = {"organisation_id": str(organisation_id)}
    parameters: Any = {
        "mode": "subscription",
        "customer": customer_id,
        "line_items": [{"price": price_id, "quantity": 1}],
        "success_url": success_url,
        "cancel_url": cancel_url,
        "metadata": metadata,
        "subscription_data": {"metadata": metadata},
    }
    with failures():
        return str(api().checkout.sessions.create(parameters).url)


def open_card_page(*, organisation_id: UUID, customer_id: str, success_url: str, cancel_url: str) -> str:
    """Open a page on which a card is kept for later; returns its address. Raises PaymentsUnavailable."""
    parameters: Any = {
        "mode": "setup",
        "customer": customer_id,
        "currency": "usd",
        "success_url": success_url,
        "cancel_url": cancel_url,
        "metadata": {"organisation_id": str(organisation_id)},
    }
    with failures():
        return str(api().checkout.sessions.create(parameters).url)


def retrieve_checkout(session_id: str) -> CheckoutSession:
    """How a payment page stands. Raises PaymentsUnavailable."""
    with failures():
        return session_of(api().checkout.sessions.retrieve(session_id).to_dict())


def session_of(body: Mapping[str, Any]) -> CheckoutSession:
    """A payment page from the processor's object."""
    metadata = body.get("metadata") or {}
    return CheckoutSession(
        id=str(body["id"]),
        url=str(body.get("url") or ""),
        mode=str(body.get("mode") or "payment"),
        status=str(body.get("status") or ""),
        payment_status=str(body.get("payment_status") or ""),
        amount_minor=int(body.get("amount_total") or 0),
        currency=str(body.get("currency") or "").upper(),
        payment_intent=id_of(body.get("payment_intent")),
        customer=id_of(body.get("customer")),
        subscription=id_of(body.get("subscription")),
        organisation_id=uuid_of(metadata.get("organisation_id")),
        top_up_id=uuid_of(metadata.get("top_up_id")),
    )
