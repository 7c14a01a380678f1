"""Payments, their refunds and disputes; cards that are kept."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

import stripe

from apps.billing.facts import CardFacts, DisputeFacts, PaymentFacts, RefundFacts
from apps.billing.processor.client import api, failures, id_of, time_of, uuid_of
from apps.core.money import Money

logger = logging.getLogger(__name__)

_PAGE = 100
#: The processor forgets idempotency keys after a day (docs.stripe.com/api/idempotent_requests): later than this, a
#: request that may have been made must be looked for instead of repeated.
REPEATS_ARE_SAFE_FOR = timedelta(hours=23)
#: How far our clock may be ahead of the processor's.
_CLOCK_DIFFERENCE = timedelta(minutes=10)


def charge_card(
    *, top_up_id: UUID, organisation_id: UUID, customer_id: str, method_id: str, amount: Money
) -> PaymentFacts:
    """Charge a kept card while nobody is at a payment page; the same top-up is charged once.

    Raises:
        PaymentDeclined: by the card's issuer, for good; nothing was charged.
        PaymentsUnavailable: it is not known whether it was charged; ask again.
    """
    parameters: Any = {
        "amount": amount.minor,
        "currency": amount.currency.lower(),
        "customer": customer_id,
        "payment_method": method_id,
        "confirm": True,
        "off_session": True,
        "metadata": {"top_up_id": str(top_up_id), "organisation_id": str(organisation_id)},
    }
    with failures():
        made = api().payment_intents.create(parameters, {"idempotency_key": f"top-up:{top_up_id}"})
    return _payment(made.to_dict())


def retrieve_payment(payment_intent: str) -> PaymentFacts:
    """A payment with its refunds and disputes. Raises PaymentsUnavailable."""
    with failures():
        body = api().payment_intents.retrieve(payment_intent).to_dict()
        refunds = api().refunds.list({"payment_intent": payment_intent, "limit": _PAGE})
        disputes = api().disputes.list({"payment_intent": payment_intent, "limit": _PAGE})
        return _payment(
            body,
            tuple(_refund(one.to_dict()) for one in refunds.auto_paging_iter()),
            tuple(_dispute(one.to_dict()) for one in disputes.auto_paging_iter()),
        )


def find_payment(payment_intent: str) -> PaymentFacts | None:
    """A payment, without what happened to it, or None where the processor knows of none. Raises PaymentsUnavailable."""
    with failures():
        try:
            return _payment(api().payment_intents.retrieve(payment_intent).to_dict())
        except stripe.InvalidRequestError as error:
            if error.http_status == HTTPStatus.NOT_FOUND:
                return None
            raise


def find_charge(*, customer_id: str, top_up_id: UUID, since: datetime) -> PaymentFacts | None:
    """The payment that `charge_card` made for a top-up, if it did. Raises PaymentsUnavailable.

    Args:
        since: when the top-up was asked for, by our clock.
    """
    created = {"gte": int((since - _CLOCK_DIFFERENCE).timestamp())}
    wanted: Any = {"customer": customer_id, "created": created, "limit": _PAGE}
    with failures():
        listed = api().payment_intents.list(wanted)
        found = (_payment(one.to_dict()) for one in listed.auto_paging_iter())
        return next((one for one in found if one.top_up_id == top_up_id), None)


def refund(*, refund_id: UUID, organisation_id: UUID, payment_intent: str, amount: Money) -> RefundFacts | None:
    """Send money back to the card; the same refund is made once.

    Returns:
        The refund, or None if the processor refuses it for good.

    Raises:
        PaymentsUnavailable: try again.
    """
    parameters: Any = {
        "payment_intent": payment_intent,
        "amount": amount.minor,
        "metadata": {"refund_id": str(refund_id), "organisation_id": str(organisation_id)},
    }
    with failures():
        try:
            made = api().refunds.create(parameters, {"idempotency_key": f"refund:{refund_id}"})
        except stripe.InvalidRequestError as error:
            logger.warning("refund %s was refused: %s", refund_id, error)
            return None
    return _refund(made.to_dict())


def list_cards(customer_id: str) -> tuple[CardFacts, ...]:
    """The cards that are kept for a customer. Raises PaymentsUnavailable."""
    with failures():
        customer = api().customers.retrieve(customer_id).to_dict()
        default = id_of((customer.get("invoice_settings") or {}).get("default_payment_method"))
        methods = api().payment_methods.list({"customer": customer_id, "type": "card", "limit": _PAGE})
        bodies = [one.to_dict() for one in methods.auto_paging_iter()]
    return tuple(_card(body, default) for body in bodies)


def set_default_card(customer_id: str, method_id: str, subscription_id: str | None) -> None:
    """Charge renewals to this card from now on. Raises PaymentsUnavailable."""
    with failures():
        api().customers.update(customer_id, {"invoice_settings": {"default_payment_method": method_id}})
        if subscription_id is not None:
            api().subscriptions.update(subscription_id, {"default_payment_method": method_id})


def remove_card(method_id: str) -> None:
    """Forget a card. Raises PaymentsUnavailable."""
    with failures():
        api().payment_methods.detach(method_id)


def _payment(
    body: Mapping[str, Any], refunds: tuple[RefundFacts, ...] = (), disputes: tuple[DisputeFacts, ...] = ()
) -> PaymentFacts:
    metadata = body.get("metadata") or {}
    return PaymentFacts(
        id=str(body["id"]),
        status=str(body["status"]),
        amount_minor=int(body["amount"]),
        currency=str(body["currency"]).upper(),
        customer=id_of(body.get("customer")),
        organisation_id=uuid_of(metadata.get("organisation_id")),
        top_up_id=uuid_of(metadata.get("top_up_id")),
        refunds=refunds,
        disputes=disputes,
    )


def _refund(body: Mapping[str, Any]) -> RefundFacts:
    metadata = body.get("metadata") or {}
    return RefundFacts(
        id=str(body["id"]),
        amount_minor=int(body["amount"]),
        status=str(body["status"]),
        refund_id=uuid_of(metadata.get("refund_id")),
    )


def _dispute(body: Mapping[str, Any]) -> DisputeFacts:
    due_by = (body.get("evidence_details") or {}).get("due_by")
    return DisputeFacts(
        id=str(body["id"]),
        amount_minor=int(body["amount"]),
        currency=str(body["currency"]).upper(),
        status=str(body["status"]),
        reason=str(body.get("reason") or ""),
        due_by=time_of(due_by) if due_by else None,
        movements=tuple((str(one["id"]), int(one["amount"])) for one in body.get("balance_transactions") or ()),
    )


def _card(body: Mapping[str, Any], default: str) -> CardFacts:
    card = body["card"]
    return CardFacts(
        id=str(body["id"]),
        brand=str(card["brand"]),
        last4=str(card["last4"]),
        exp_month=int(card["exp_month"]),
        exp_year=int(card["exp_year"]),
        is_default=body["id"] == default,
    )
