"""What organisations use: counted once by key, held against the plan, charged beyond it where the plan says so."""

from __future__ import annotations

from uuid import UUID

from apps.billing.errors import MoneyOwed, QuotaExceeded
from apps.billing.models import UsageRecord, UsageTotal
from apps.billing.plans import PLANS
from apps.billing.selectors import cash_account, money_owed, period_of, plan_key, used
from apps.billing.services.bookkeeping import fees_account, move
from apps.billing.types import LIMIT_LABELS, readable
from apps.core import clock
from apps.core.tenant import tenant_scope
from apps.ledger import selectors as ledger_reads
from apps.ledger.types import SourceRef, units_of
from apps.tenancy.limits import Limit

_MILLION = 1_000_000


class PlanLimits:
    """Answers the lower apps' questions (`apps.tenancy.limits`) from an organisation's plan.

    What is on its way to be counted is not seen yet: calls at the same moment may go a little beyond a limit.
    """

    def require_room(self, organisation_id: UUID, limit: Limit, wanted: int, used_already: int | None) -> None:
        """Raises QuotaExceeded."""
        with tenant_scope(organisation_id):
            plan = PLANS[plan_key(organisation_id)]
            so_far = used(organisation_id, limit) if used_already is None else used_already
            allowed = plan.limits[limit]
            if so_far + wanted <= allowed:
                return
            more = ""
            if limit == Limit.MODEL_TOKENS and plan.overage is not None:
                if units_of(ledger_reads.balance(cash_account(organisation_id)).available) > 0:
                    return
                more = f"More costs {plan.overage} a million, from the prepaid balance: top up, or choose a larger plan"
            raise QuotaExceeded(
                limit=limit,
                label=LIMIT_LABELS[limit],
                plan=plan.name,
                used=readable(limit, so_far),
                allowed=readable(limit, allowed),
                more=more,
            )

    def require_good_standing(self, organisation_id: UUID) -> None:
        """Raises MoneyOwed."""
        owed = money_owed(organisation_id)
        if owed:
            raise MoneyOwed(owed)


def record_usage(*, organisation_id: UUID, limit: Limit, amount: int, key: str) -> None:
    """Count a measurement once, and charge what is beyond the plan. Runs in the caller's transaction."""
    with tenant_scope(organisation_id):
        _, is_new = UsageRecord.objects.get_or_create(limit=limit, key=key, defaults={"amount": amount})
        if not is_new:
            return
        period = period_of(limit, clock.now())
        UsageTotal.objects.get_or_create(limit=limit, period=period)
        row = UsageTotal.objects.select_for_update().get(limit=limit, period=period)
        row.amount += amount
        plan = PLANS[plan_key(organisation_id)]
        if limit == Limit.MODEL_TOKENS and plan.overage is not None:
            beyond = min(amount, max(0, row.amount - plan.limits[limit]))
            row.overage += beyond
            row.due += beyond * plan.overage.minor
            _charge(row, key)
        row.save(update_fields=["amount", "overage", "due", "charged"])


def _charge(row: UsageTotal, key: str) -> None:
    """Take whole minor units as they fall due; what the balance lacks stays due."""
    available = units_of(ledger_reads.balance(cash_account(row.tenant_id)).available)
    minor = min(row.due // _MILLION - row.charged, max(0, available))
    if minor > 0:
        move(
            cash_account(row.tenant_id),
            fees_account(),
            minor,
            key=f"usage:{row.limit}:{key}",
            reason="Model tokens beyond the plan",
            source=SourceRef("billing.usage", f"{row.limit} {row.period}", {"overage": str(row.overage)}),
        )
        row.charged += minor
