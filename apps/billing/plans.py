"""What can be subscribed to: prices and limits, in one place. The processor's price objects are made from these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from apps.billing.types import CURRENCY, PlanKey
from apps.core.money import Money
from apps.tenancy.limits import Limit

_GIB = 1 << 30
_MILLION = 1_000_000
#: How long a plan whose renewal could not be charged goes on, from the start of the unpaid period.
GRACE = timedelta(days=7)
#: A plan that is paid by invoice is due this many days after the invoice.
INVOICE_DAYS = 30


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan.

    Attributes:
        price: per month; zero for the free plan.
        limits: the most of each measure; bytes, seats, and model tokens a calendar month (UTC).
        overage: price of a million tokens beyond the limit, paid from the prepaid balance; None where the limit stops.
    """

    key: PlanKey
    price: Money
    limits: dict[Limit, int]
    overage: Money | None
    summary: str

    @property
    def name(self) -> str:
        """As people call it."""
        return str(PlanKey(self.key).label)

    @property
    def lookup_key(self) -> str:
        """Names its price at the processor; another amount is another price."""
        return f"sahara_{self.key}_month_{self.price.currency.lower()}_{self.price.minor}"

    @property
    def rank(self) -> int:
        """Higher gives more."""
        return list(PlanKey).index(PlanKey(self.key))


PLANS: dict[PlanKey, Plan] = {
    PlanKey.FREE: Plan(
        PlanKey.FREE,
        Money(0, CURRENCY),
        {Limit.SEATS: 5, Limit.STORAGE_BYTES: 5 * _GIB, Limit.MODEL_TOKENS: 2 * _MILLION},
        None,
        "To try everything, alone or with a few others.",
    ),
    PlanKey.TEAM: Plan(
        PlanKey.TEAM,
        Money(4_900, CURRENCY),
        {Limit.SEATS: 25, Limit.STORAGE_BYTES: 200 * _GIB, Limit.MODEL_TOKENS: 50 * _MILLION},
        Money(200, CURRENCY),
        "For a team that works here every day.",
    ),
    PlanKey.ENTERPRISE: Plan(
        PlanKey.ENTERPRISE,
        Money(99_000, CURRENCY),
        {Limit.SEATS: 1_000, Limit.STORAGE_BYTES: 10 * 1024 * _GIB, Limit.MODEL_TOKENS: 2_000 * _MILLION},
        Money(100, CURRENCY),
        "For many teams; also payable by invoice.",
    ),
}


def plan_of_lookup_key(lookup_key: str) -> PlanKey | None:
    """The plan that a price at the processor stands for, whatever its amount was."""
    parts = lookup_key.split("_")
    return PlanKey(parts[1]) if len(parts) > 1 and parts[0] == "sahara" and parts[1] in PlanKey.values else None
