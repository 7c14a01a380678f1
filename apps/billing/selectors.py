"""Reads of money in: top-ups, refunds, the prepaid balance and its statement."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from apps.billing import policies
from apps.billing.errors import TopUpNotFound
from apps.billing.models import (
    Difference,
    Dispute,
    Invoice,
    Reconciliation,
    SavedCard,
    Subscription,
    TopUp,
    TopUpRefund,
    UsageTotal,
)
from apps.billing.plans import GRACE, PLANS
from apps.billing.policies import BillingPermission
from apps.billing.types import (
    CURRENCY,
    LIMIT_LABELS,
    PlanKey,
    RefundInfo,
    RefundState,
    SubscriptionInfo,
    TopUpInfo,
    TopUpState,
    UsageLine,
)
from apps.core import clock
from apps.core.money import Money
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef, Balance, units_of
from apps.tenancy.limits import Limit
from apps.tenancy.policies import require_staff
from apps.tenancy.selectors import platform_organisation_id, seats_taken
from apps.tenancy.types import Actor

#: States of a subscription that give its plan; a past due one does for the grace time.
_RUNNING = ("active", "trialing", "past_due")


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


def money_owed(organisation_id: UUID) -> Money:
    """What the organisation owes the platform: disputed payments that were spent already."""
    posted = ledger.balance(AccountRef(organisation_id, AccountKind.RECEIVABLE, CURRENCY)).posted
    return Money(max(0, -units_of(posted)), CURRENCY)


def running_subscription(organisation_id: UUID) -> Subscription | None:
    """The subscription that gives the organisation its plan now, the best if there are several."""
    rows = Subscription.objects.filter(tenant_id=organisation_id, status__in=_RUNNING)
    live = [row for row in rows if _gives_its_plan(row)]
    return max(live, key=lambda row: (PLANS[PlanKey(row.plan)].rank, row.id), default=None)


def plan_key(organisation_id: UUID) -> PlanKey:
    """The organisation's plan; free without a subscription that counts."""
    current = running_subscription(organisation_id)
    return PlanKey(current.plan) if current is not None else PlanKey.FREE


def current_subscription(actor: Actor) -> SubscriptionInfo | None:
    """The subscription as its organisation sees it."""
    policies.require(actor, BillingPermission.VIEW)
    row = running_subscription(actor.organisation_id)
    if row is None:
        return None
    return SubscriptionInfo(
        subscription_id=row.subscription_id,
        plan=PlanKey(row.plan),
        status=row.status,
        period_end=row.period_end,
        ends_at=row.period_end if row.cancel_at_period_end else None,
        grace_until=row.period_start + GRACE if row.status == "past_due" else None,
        by_invoice=row.by_invoice,
    )


def _gives_its_plan(row: Subscription) -> bool:
    if row.status == "past_due":
        return clock.now() < row.period_start + GRACE
    if row.by_invoice:
        paid = Invoice.objects.filter(subscription_id=row.subscription_id, status="paid")
        return paid.exists()
    return True


def period_of(limit: Limit, at: datetime) -> str:
    """The period in which a measure is counted: the calendar month (UTC), or none for what is kept."""
    return f"{at:%Y-%m}" if limit == Limit.MODEL_TOKENS else ""


def used(organisation_id: UUID, limit: Limit) -> int:
    """What is used of a measure in the running period."""
    if limit == Limit.SEATS:
        return seats_taken(organisation_id)
    rows = UsageTotal.objects.filter(tenant_id=organisation_id, limit=limit, period=period_of(limit, clock.now()))
    return rows.values_list("amount", flat=True).first() or 0


def usage(actor: Actor) -> list[UsageLine]:
    """Every measure with what the plan allows."""
    policies.require(actor, BillingPermission.VIEW)
    limits = PLANS[plan_key(actor.organisation_id)].limits
    return [UsageLine(one, LIMIT_LABELS[one], used(actor.organisation_id, one), limits[one]) for one in Limit]


def invoices(actor: Actor) -> QuerySet[Invoice]:
    """The organisation's invoices, newest first."""
    policies.require(actor, BillingPermission.VIEW)
    return Invoice.objects.filter(tenant_id=actor.organisation_id).order_by("-issued_at", "-id")


def cards(actor: Actor) -> QuerySet[SavedCard]:
    """The cards that are kept for the organisation, the default one first."""
    policies.require(actor, BillingPermission.VIEW)
    return SavedCard.objects.filter(tenant_id=actor.organisation_id).order_by("-is_default", "-id")


def disputes(actor: Actor) -> QuerySet[Dispute]:
    """The organisation's disputes, newest first."""
    policies.require(actor, BillingPermission.VIEW)
    return Dispute.objects.filter(tenant_id=actor.organisation_id).order_by("-id")


def every_dispute(actor: Actor) -> QuerySet[Dispute]:
    """Disputes of all organisations, newest first (staff; inside `all_tenants`)."""
    require_staff(actor)
    return Dispute.objects.select_related("tenant").order_by("-id")


def reconciliations(actor: Actor) -> QuerySet[Reconciliation]:
    """The days that were compared, newest first (staff; inside the platform's scope)."""
    require_staff(actor)
    return Reconciliation.objects.filter(tenant_id=platform_organisation_id()).order_by("-day")


def differences(actor: Actor) -> QuerySet[Difference]:
    """What the processor and the ledger do not agree on, newest day first (staff; inside the platform's scope)."""
    require_staff(actor)
    rows = Difference.objects.filter(tenant_id=platform_organisation_id())
    return rows.select_related("reconciliation").order_by("-reconciliation__day", "processor_id")
