"""Deliveries of the processor: verified, then led to the object that they are about."""

from __future__ import annotations

import logging
from uuid import UUID

from django.db import transaction

from apps.billing.facts import CheckoutSession, ProcessorEvent
from apps.billing.models import TopUp
from apps.billing.processor import events
from apps.billing.services.customers import sync_cards
from apps.billing.services.payments import organisation_of_customer, sync_payment
from apps.billing.services.reading import mark_seen, was_seen
from apps.billing.services.subscriptions import sync_invoice, sync_subscription
from apps.billing.services.top_ups import settle_by_session
from apps.core.tenant import tenant_scope
from apps.tenancy.errors import OrganisationNotFound
from apps.tenancy.selectors import organisation

logger = logging.getLogger(__name__)

#: Kinds of event that are acted on; the processor sends many more, which are only acknowledged.
_SESSION_EVENTS = frozenset(
    {"checkout.session.completed", "checkout.session.expired", "checkout.session.async_payment_succeeded"}
)
_PAYMENT_PREFIXES = ("payment_intent.", "charge.", "refund.")
_CARD_PREFIXES = ("payment_method.", "customer.updated")


def handle_webhook(*, payload: bytes, signature: str) -> None:
    """Act on a delivery of the processor, however often and in whatever order it comes.

    Raises:
        SignatureRefused: it was not signed by the processor, or not lately; nothing is stored.
        PaymentMismatch: it does not match its top-up; nothing is stored.
        PaymentsUnavailable: the processor did not answer our question; it will deliver again.
    """
    event = events.verified_event(payload, signature)
    if event.session is not None:
        if event.kind in _SESSION_EVENTS:
            _on_session(event, event.session)
    elif event.kind.startswith(_PAYMENT_PREFIXES):
        if event.payment_intent:
            sync_payment(event.payment_intent, event=event)
    elif event.kind.startswith(("customer.subscription.", "invoice.", *_CARD_PREFIXES)):
        _on_customer(event)


def _on_session(event: ProcessorEvent, session: CheckoutSession) -> None:
    if session.mode == "payment":
        _on_top_up(event, session)
        return
    organisation_id = _organisation(session.customer, session.organisation_id)
    if organisation_id is None or session.status != "complete":
        return
    if session.mode == "subscription" and session.subscription:
        sync_subscription(organisation_id, session.subscription, event=event)
    sync_cards(organisation_id, session.customer)


def _on_top_up(event: ProcessorEvent, session: CheckoutSession) -> None:
    """Acts on the event itself: a payment page only goes forward, and a paid one stays paid."""
    if session.organisation_id is None or session.top_up_id is None:
        logger.warning("event %s is about a payment that was not asked for here", event.id)
        return
    with tenant_scope(session.organisation_id), transaction.atomic():
        row = TopUp.objects.select_for_update().filter(id=session.top_up_id).first()
        if row is None:
            # Another installation on the same account of the processor: not ours to refuse.
            logger.warning("event %s is about a top-up that is not known here", event.id)
            return
        if not was_seen(event):
            mark_seen(event, row)
            settle_by_session(row, session)


def _on_customer(event: ProcessorEvent) -> None:
    organisation_id = _organisation(event.customer, event.organisation_id)
    if organisation_id is None:
        logger.warning("event %s is about a customer that is not known here", event.id)
    elif event.object_type == "subscription":
        sync_subscription(organisation_id, event.object_id, event=event)
    elif event.object_type == "invoice":
        if event.kind != "invoice.upcoming":  # a preview without an id
            sync_invoice(organisation_id, event.object_id, event=event)
    else:
        sync_cards(organisation_id, event.customer, event=event)


def _organisation(customer: str, named: UUID | None) -> UUID | None:
    """Whose object it is: by its customer, or by what we wrote on it, where that organisation exists."""
    found = organisation_of_customer(customer)
    if found is not None or named is None:
        return found
    try:
        return organisation(named).id
    except OrganisationNotFound:
        return None
