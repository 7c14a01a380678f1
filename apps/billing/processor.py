"""Stripe, through its own client: the only place that talks to it. No call belongs inside a transaction."""

from __future__ import annotations

import logging
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError
from uuid import UUID

import stripe
from django.conf import settings

from apps.billing.errors import PaymentsUnavailable, SignatureRefused
from apps.billing.types import CheckoutSession, ProcessorEvent
from apps.core.money import Money

logger = logging.getLogger(__name__)

TIMEOUT_S = 20
HEALTH_TIMEOUT_S = 4
#: A signature older than this is refused: a recorded delivery cannot be replayed later.
SIGNATURE_TOLERANCE_S = 300


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
    with _failures():
        made = _client().v1.checkout.sessions.create(parameters, {"idempotency_key": f"top-up:{top_up_id}"})
    return _session(made.to_dict())


def retrieve_checkout(session_id: str) -> CheckoutSession:
    """How a payment page stands. Raises PaymentsUnavailable."""
    with _failures():
        return _session(_client().v1.checkout.sessions.retrieve(session_id).to_dict())


def refund(*, refund_id: UUID, payment_intent: str, amount: Money) -> str | None:
    """Send money back to the card; the same refund is made once.

    Returns:
        The processor's id of the refund, or None if it refuses for good.

    Raises:
        PaymentsUnavailable: try again.
    """
    parameters: Any = {
        "payment_intent": payment_intent,
        "amount": amount.minor,
        "metadata": {"refund_id": str(refund_id)},
    }
    with _failures():
        try:
            made = _client().v1.refunds.create(parameters, {"idempotency_key": f"refund:{refund_id}"})
        except stripe.InvalidRequestError as error:
            logger.warning("refund %s was refused: %s", refund_id, error)
            return None
    return str(made.id)


def verified_event(payload: bytes, signature: str) -> ProcessorEvent:
    """Check a webhook's signature and age, and read it. Raises SignatureRefused."""
    secret = settings.STRIPE["webhook_secret"]
    try:
        event = stripe.Webhook.construct_event(payload, signature, secret, tolerance=SIGNATURE_TOLERANCE_S)
    except (stripe.SignatureVerificationError, ValueError) as error:
        raise SignatureRefused(str(error)) from error
    body = event.to_dict()
    found = body["data"]["object"]
    session = _session(found) if found.get("object") == "checkout.session" else None
    return ProcessorEvent(id=body["id"], kind=body["type"], session=session)


def answers() -> bool:
    """Whether the processor's API can be reached (a plain request, not on the account)."""
    request = urllib.request.Request(f"{settings.STRIPE['api_base']}/healthcheck")  # noqa: S310  # our configured address
    try:
        with urllib.request.urlopen(request, timeout=HEALTH_TIMEOUT_S) as response:  # noqa: S310
            return bool(response.status == 200)
    except HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def _client() -> stripe.StripeClient:
    configured: Mapping[str, str] = settings.STRIPE
    return stripe.StripeClient(
        configured["api_key"],
        base_addresses={"api": configured["api_base"]},
        http_client=stripe.RequestsClient(timeout=TIMEOUT_S),
        max_network_retries=2,
    )


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except stripe.StripeError as error:
        logger.exception("the payment processor failed: %s", type(error).__name__)
        raise PaymentsUnavailable from error


def _session(body: Mapping[str, Any]) -> CheckoutSession:
    metadata = body.get("metadata") or {}
    return CheckoutSession(
        id=str(body["id"]),
        url=str(body.get("url") or ""),
        status=str(body.get("status") or ""),
        payment_status=str(body.get("payment_status") or ""),
        amount_minor=int(body.get("amount_total") or 0),
        currency=str(body.get("currency") or "").upper(),
        payment_intent=str(body.get("payment_intent") or ""),
        organisation_id=_uuid(metadata.get("organisation_id")),
        top_up_id=_uuid(metadata.get("top_up_id")),
    )


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None
