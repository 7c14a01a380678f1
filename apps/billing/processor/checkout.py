"""Payment pages: a top-up, a subscription, a card to keep."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import stripe

from apps.billing.facts import CheckoutSession
from apps.billing.processor.client import api, failures, id_of, uuid_of
from apps.core.money import Money

logger = logging.getLogger(__name__)


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
) -> CheckoutSession:
    """Open a page on which a plan is subscribed to. Raises PaymentsUnavailable."""
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
        return session_of(api().checkout.sessions.create(parameters).to_dict())


def close_plan_checkouts(customer_id: str, *, older_than: CheckoutSession | None = None) -> None:
    """Close a customer's pages on which a plan could still be subscribed to. Raises PaymentsUnavailable.

    Args:
        older_than: this page stays, and those that were opened after it. Where several are opened at the same moment
            the newest stays, whoever closes the others.
    """
    with failures():
        listed = api().checkout.sessions.list({"customer": customer_id, "status": "open", "limit": 100})
        pages = [one.to_dict() for one in listed.auto_paging_iter() if one.mode == "subscription"]
    ids = [str(one["id"]) for one in pages]  # newest first
    if older_than is not None:
        # Where it is not listed, whoever opened a newer one has closed it, and all before it.
        ids = ids[ids.index(older_than.id) + 1 :] if older_than.id in ids else []
    for session_id in ids:
        close_checkout(session_id)


def close_checkout(session_id: str) -> None:
    """Close an open page; one that was paid or closed meanwhile stays as it is. Raises PaymentsUnavailable."""
    with failures():
        try:
            api().checkout.sessions.expire(session_id)
        except stripe.InvalidRequestError as error:
            logger.info("page %s is not open any more: %s", session_id, error)


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
