"""The organisation as the processor's customer, and the cards that are kept for it there."""

from __future__ import annotations

from uuid import UUID

from apps.billing.facts import CardFacts, ProcessorEvent
from apps.billing.models import BillingAccount, SavedCard
from apps.billing.processor import payments, subscriptions
from apps.billing.services.reading import apply_latest
from apps.core.tenant import tenant_scope
from apps.tenancy.selectors import organisation


def customer_of(organisation_id: UUID) -> str:
    """The organisation's customer at the processor, made with its first need. Raises PaymentsUnavailable."""
    with tenant_scope(organisation_id):
        row, _ = BillingAccount.objects.get_or_create(tenant_id=organisation_id)
        if not row.customer_id:
            name = organisation(organisation_id).name
            made = subscriptions.create_customer(organisation_id=organisation_id, name=name)
            BillingAccount.objects.filter(id=row.id, customer_id="").update(customer_id=made)
            row.refresh_from_db()
        return row.customer_id


def sync_cards(organisation_id: UUID, customer_id: str, *, event: ProcessorEvent | None = None) -> None:
    """Bring the list of cards to what the processor keeps. Raises PaymentsUnavailable."""
    apply_latest(
        organisation_id=organisation_id,
        object_id=customer_id,
        read=lambda: payments.list_cards(customer_id),
        apply=_apply,
        event=event,
    )


def _apply(kept: tuple[CardFacts, ...]) -> None:
    SavedCard.objects.exclude(method_id__in=[one.id for one in kept]).delete()
    for one in kept:
        SavedCard.objects.update_or_create(
            method_id=one.id,
            defaults={
                "brand": one.brand,
                "last4": one.last4,
                "exp_month": one.exp_month,
                "exp_year": one.exp_year,
                "is_default": one.is_default,
            },
        )
