"""Cards that the processor keeps for an organisation."""

from __future__ import annotations

from uuid import UUID

from apps.billing import policies
from apps.billing.errors import CardNotFound
from apps.billing.models import SavedCard
from apps.billing.policies import BillingPermission
from apps.billing.processor import checkout
from apps.billing.processor import payments as processor
from apps.billing.selectors import running_subscription
from apps.billing.services.customers import customer_of, sync_cards
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor


def add_card(*, actor: Actor, success_url: str, cancel_url: str) -> str:
    """Open the page on which a card is kept; returns its address. Raises PaymentsUnavailable."""
    policies.require(actor, BillingPermission.MANAGE_PLAN)
    return checkout.open_card_page(
        organisation_id=actor.organisation_id,
        customer_id=customer_of(actor.organisation_id),
        success_url=success_url,
        cancel_url=cancel_url,
    )


def make_default(*, actor: Actor, card_id: UUID) -> None:
    """Charge renewals to this card. Raises CardNotFound, PaymentsUnavailable."""
    card = _card(actor, card_id)
    current = running_subscription(actor.organisation_id)
    customer_id = customer_of(actor.organisation_id)
    processor.set_default_card(customer_id, card.method_id, current.subscription_id if current else None)
    record_audit(actor, action="card.made_default", target_type="card", target_id=card.id)
    sync_cards(actor.organisation_id, customer_id)


def remove_card(*, actor: Actor, card_id: UUID) -> None:
    """Have the processor forget a card. Raises CardNotFound, PaymentsUnavailable."""
    card = _card(actor, card_id)
    processor.remove_card(card.method_id)
    record_audit(actor, action="card.removed", target_type="card", target_id=card.id)
    sync_cards(actor.organisation_id, customer_of(actor.organisation_id))


def _card(actor: Actor, card_id: UUID) -> SavedCard:
    policies.require(actor, BillingPermission.MANAGE_PLAN)
    card = SavedCard.objects.filter(id=card_id).first()
    if card is None:
        raise CardNotFound
    return card
