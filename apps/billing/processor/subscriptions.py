"""Customers, prices, subscriptions and invoices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from apps.billing.facts import InvoiceFacts, SubscriptionFacts
from apps.billing.plans import INVOICE_DAYS, Plan
from apps.billing.processor.client import api, failures, id_of, time_of


def create_customer(*, organisation_id: UUID, name: str) -> str:
    """The organisation as a customer; the same organisation is made once. Raises PaymentsUnavailable."""
    parameters: Any = {"name": name, "metadata": {"organisation_id": str(organisation_id)}}
    with failures():
        return str(api().customers.create(parameters, {"idempotency_key": f"customer:{organisation_id}"}).id)


def price_of(plan: Plan) -> str:
    """The price object of a plan, made where it is missing. Raises PaymentsUnavailable."""
    with failures():
        found = api().prices.list({"lookup_keys": [plan.lookup_key], "active": True}).data
        if found:
            return str(found[0].id)
        parameters: Any = {
            "currency": plan.price.currency.lower(),
            "unit_amount": plan.price.minor,
            "recurring": {"interval": "month"},
            "lookup_key": plan.lookup_key,
            "product_data": {"name": f"{plan.name} plan"},
        }
        return str(api().prices.create(parameters, {"idempotency_key": f"price:{plan.lookup_key}"}).id)


def subscribe_by_invoice(
    *, organisation_id: UUID, customer_id: str, price_id: str, earlier_orders: int
) -> SubscriptionFacts:
    """A subscription whose invoices are sent and paid by hand; the same order is made once. Raises PaymentsUnavailable.

    Args:
        earlier_orders: how many the organisation made before; they have ended.
    """
    parameters: Any = {
        "customer": customer_id,
        "items": [{"price": price_id}],
        "collection_method": "send_invoice",
        "days_until_due": INVOICE_DAYS,
        "metadata": {"organisation_id": str(organisation_id)},
    }
    with failures():
        key = f"order:{organisation_id}:{price_id}:{earlier_orders}"
        return _subscription(api().subscriptions.create(parameters, {"idempotency_key": key}).to_dict())


def retrieve_subscription(subscription_id: str) -> SubscriptionFacts:
    """How a subscription stands. Raises PaymentsUnavailable."""
    with failures():
        return _subscription(api().subscriptions.retrieve(subscription_id).to_dict())


def subscriptions_of(customer_id: str) -> list[tuple[str, str]]:
    """A customer's subscriptions, ended ones too, each with its newest invoice. Raises PaymentsUnavailable."""
    with failures():
        found = api().subscriptions.list({"customer": customer_id, "status": "all", "limit": 100})
        return [(str(one.id), id_of(one.to_dict().get("latest_invoice"))) for one in found.auto_paging_iter()]


def change_price(*, subscription_id: str, item_id: str, price_id: str) -> None:
    """Another plan from now on; the difference is invoiced at once, and where it cannot be charged nothing changes.

    Raises:
        PaymentDeclined, PaymentsUnavailable
    """
    parameters: Any = {
        "items": [{"id": item_id, "price": price_id}],
        "proration_behavior": "always_invoice",
        "payment_behavior": "error_if_incomplete",
    }
    with failures():
        api().subscriptions.update(subscription_id, parameters)


def end_now(subscription_id: str) -> None:
    """End a subscription at once. Raises PaymentsUnavailable."""
    with failures():
        api().subscriptions.cancel(subscription_id)


def set_ending(subscription_id: str, *, ends: bool) -> None:
    """Let a subscription end with its period, or go on after all. Raises PaymentsUnavailable."""
    with failures():
        api().subscriptions.update(subscription_id, {"cancel_at_period_end": ends})


def retrieve_invoice(invoice_id: str) -> InvoiceFacts:
    """How an invoice stands. Raises PaymentsUnavailable."""
    with failures():
        return _invoice(api().invoices.retrieve(invoice_id, {"expand": ["payments"]}).to_dict())


def _subscription(body: Mapping[str, Any]) -> SubscriptionFacts:
    item = body["items"]["data"][0]
    return SubscriptionFacts(
        id=str(body["id"]),
        item_id=str(item["id"]),
        status=str(body["status"]),
        lookup_key=str(item["price"].get("lookup_key") or ""),
        customer=id_of(body["customer"]),
        by_invoice=body["collection_method"] == "send_invoice",
        period_start=time_of(item["current_period_start"]),
        period_end=time_of(item["current_period_end"]),
        cancel_at_period_end=bool(body["cancel_at_period_end"]),
    )


def _invoice(body: Mapping[str, Any]) -> InvoiceFacts:
    parent = (body.get("parent") or {}).get("subscription_details") or {}
    payments = (body.get("payments") or {}).get("data") or []
    paid_by: Mapping[str, Any] = next((one["payment"] for one in payments if one.get("status") == "paid"), {})
    return InvoiceFacts(
        id=str(body["id"]),
        number=str(body.get("number") or ""),
        status=str(body["status"]),
        amount_due=int(body["amount_due"]),
        amount_paid=int(body["amount_paid"]),
        currency=str(body["currency"]).upper(),
        created=time_of(body["created"]),
        url=str(body.get("hosted_invoice_url") or ""),
        pdf_url=str(body.get("invoice_pdf") or ""),
        subscription=id_of(parent.get("subscription")),
        payment_intent=id_of(paid_by.get("payment_intent")),
    )
