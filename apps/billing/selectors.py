"""Reads of money in: top-ups, refunds, the prepaid balance and its statement."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from apps.billing import policies
from apps.billing.errors import TopUpNotFound
from apps.billing.models import TopUp, TopUpRefund
from apps.billing.policies import BillingPermission
from apps.billing.types import CURRENCY, RefundInfo, RefundState, TopUpInfo, TopUpState
from apps.core.money import Money
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef, Balance
from apps.tenancy.types import Actor


def cash_account(organisation_id: UUID) -> AccountRef:
    """The organisation's prepaid account."""
    return AccountRef(organisation_id, AccountKind.CASH, CURRENCY)


def balance(actor: Actor) -> Balance:
    """The prepaid balance: posted, held for orders, available."""
    policies.require(actor, BillingPermission.VIEW)
    return ledger.balance(cash_account(actor.organisation_id))


def top_up(actor: Actor, top_up_id: UUID) -> TopUpInfo:
    """One top-up of the organisation. Raises TopUpNotFound."""
    policies.require(actor, BillingPermission.VIEW)
    row = TopUp.objects.filter(id=top_up_id, tenant_id=actor.organisation_id).first()
    if row is None:
        raise TopUpNotFound
    return top_up_info(row)


def top_ups(actor: Actor) -> QuerySet[TopUp]:
    """All top-ups of the organisation."""
    policies.require(actor, BillingPermission.VIEW)
    return TopUp.objects.filter(tenant_id=actor.organisation_id)


def may_follow(actor: Actor, top_up_id: UUID) -> bool:
    """Whether live notices of a top-up are for the actor."""
    return TopUp.objects.filter(id=top_up_id, tenant_id=actor.organisation_id).exists()


def refunds(actor: Actor, top_up_id: UUID) -> list[RefundInfo]:
    """The refunds of a top-up, newest first. Raises TopUpNotFound."""
    found = top_up(actor, top_up_id)
    return [refund_info(row) for row in TopUpRefund.objects.filter(top_up_id=found.id).order_by("-id")]


def top_up_info(row: TopUp) -> TopUpInfo:
    """A top-up's row as plain facts."""
    return TopUpInfo(
        id=row.id,
        organisation_id=row.tenant_id,
        amount=Money(row.amount, row.currency),
        state=TopUpState(row.state),
        checkout_url=row.checkout_url if row.state == TopUpState.OPEN else "",
        refunded=Money(row.refunded, row.currency),
        created_at=row.created_at,
        paid_at=row.paid_at,
    )


def refund_info(row: TopUpRefund) -> RefundInfo:
    """A refund's row as plain facts."""
    return RefundInfo(
        row.id, row.top_up_id, Money(row.amount, row.top_up.currency), RefundState(row.state), row.created_at
    )
