"""Webhooks: verified by the processor's own library, then read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import stripe
from django.conf import settings

from apps.billing.errors import SignatureRefused
from apps.billing.facts import ProcessorEvent
from apps.billing.processor.checkout import session_of
from apps.billing.processor.client import id_of, uuid_of

#: A signature older than this is refused: a recorded delivery cannot be replayed later.
SIGNATURE_TOLERANCE_S = 300


def verified_event(payload: bytes, signature: str) -> ProcessorEvent:
    """Check a webhook's signature and age, and read it. Raises SignatureRefused."""
    secret = settings.STRIPE["webhook_secret"]
    try:
        event = stripe.Webhook.construct_event(payload, signature, secret, tolerance=SIGNATURE_TOLERANCE_S)
    except (stripe.SignatureVerificationError, ValueError) as error:
        raise SignatureRefused(str(error)) from error
    body = event.to_dict()
    return _event(body, body["data"]["object"])


def _event(body: Mapping[str, Any], found: Mapping[str, Any]) -> ProcessorEvent:
    object_type = str(found.get("object") or "")
    metadata = found.get("metadata") or {}
    is_payment = object_type == "payment_intent"
    return ProcessorEvent(
        id=str(body["id"]),
        kind=str(body["type"]),
        object_type=object_type,
        object_id=str(found.get("id") or ""),
        customer=str(found["id"]) if object_type == "customer" else id_of(found.get("customer")),
        payment_intent=str(found["id"]) if is_payment else id_of(found.get("payment_intent")),
        organisation_id=uuid_of(metadata.get("organisation_id")),
        session=session_of(found) if object_type == "checkout.session" else None,
    )
