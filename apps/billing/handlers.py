"""Background work of billing."""

from __future__ import annotations

from uuid import UUID

from django.core.mail import send_mail

from apps.billing import services
from apps.billing.events import DisputeChanged, PlanChanged, RefundRequested
from apps.billing.plans import GRACE, PLANS
from apps.billing.types import DisputeState, PlanKey
from apps.core.outbox import handles
from apps.core.tenant import current_tenant_id
from apps.tenancy.events import UsageMeasured
from apps.tenancy.limits import Limit, set_limit_source
from apps.tenancy.selectors import administrator_emails

set_limit_source(services.PlanLimits())


@handles(RefundRequested, long_running=True)
def on_refund_requested(event: RefundRequested) -> None:
    """Send the money back."""
    services.send_refund(refund_id=event.refund_id)


@handles(UsageMeasured)
def on_usage_measured(event: UsageMeasured) -> None:
    """Count it."""
    services.record_usage(
        organisation_id=_organisation_id(), limit=Limit(event.limit), amount=event.amount, key=event.key
    )


@handles(PlanChanged, long_running=True)
def on_plan_changed(event: PlanChanged) -> None:
    """Tell the administrators when something went wrong."""
    plan = PLANS[PlanKey(event.after)].name
    if event.status == "past_due":
        _notify(
            "Your plan could not be renewed",
            f"The card could not be charged for the {plan} plan. It goes on for {GRACE.days} days from the start of "
            "the unpaid period; after that the organisation is on the free plan. Add or change the card at "
            "/billing/plan/.",
        )
    elif event.after == PlanKey.FREE:
        _notify("Your organisation is on the free plan", "The paid plan has ended. Nothing of yours was deleted.")


@handles(DisputeChanged, long_running=True)
def on_dispute_changed(event: DisputeChanged) -> None:
    """Tell the administrators what happens to their money."""
    if event.state == DisputeState.OPEN:
        _notify(
            f"A payment of {event.amount} is disputed",
            f"The bank of the card that paid {event.amount} asks for it back. Until it decides, the amount is set aside"
            f" ({event.owed} of it had been spent and is owed). See /billing/.",
        )
    else:
        _notify(f"The dispute about {event.amount} is closed", f"The bank's decision: {event.state}. See /billing/.")


def _notify(subject: str, text: str) -> None:
    for address in administrator_emails(_organisation_id()):
        send_mail(subject, text, None, [address])


def _organisation_id() -> UUID:
    """The organisation that the delivery runs as."""
    found = current_tenant_id()
    if found is None:
        raise RuntimeError("events are handled as their organisation")
    return found
