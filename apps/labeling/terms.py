"""What a requester may ask of an order beside its items: a target, a budget, a deadline. All may be left out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.core import clock
from apps.core.errors import FieldProblem, InvalidInput
from apps.core.money import Money
from apps.labeling.adaptive import check_target
from apps.labeling.design import Design
from apps.labeling.pricing import labels_for

MOST_DAYS = 366
#: A nearer deadline would end the order before anybody has seen it.
LEAST_TIME = timedelta(minutes=1)


@dataclass(frozen=True)
class Terms:
    """How an order ends.

    Attributes:
        target: how probable each result must be; an item then gets `redundancy` answers at most. None: exactly as many.
        budget: the most to spend, fee included. None: what all labels cost.
        deadline: when it ends with what is labelled. None: when all is labelled.
    """

    target: float | None = None
    budget: Money | None = None
    deadline: datetime | None = None

    def check(self, design: Design, *, redundancy: int, price: Money, fee_bps: int) -> None:
        """Raise InvalidInput naming the first term that cannot be kept."""
        if self.target is not None:
            check_target(self.target, design)
        if self.budget is not None:
            check_budget(self.budget, redundancy=redundancy, price=price, fee_bps=fee_bps)
        if self.deadline is not None:
            check_deadline(self.deadline)


def check_budget(budget: Money, *, redundancy: int, price: Money, fee_bps: int) -> None:
    """Raise InvalidInput where a budget does not pay for a single item."""
    if budget.currency == price.currency and labels_for(budget, price, fee_bps) >= redundancy:
        return
    least = price * redundancy
    raise refused("budget", f"One item costs {least + least.fraction_bps(fee_bps)} with the fee. Set a budget above.")


def check_deadline(deadline: datetime) -> None:
    """Raise InvalidInput where a deadline has passed or is too far away."""
    if deadline < clock.now() + LEAST_TIME:
        raise refused("deadline", "The deadline is at least a minute from now.")
    if deadline > clock.now() + timedelta(days=MOST_DAYS):
        raise refused("deadline", "The deadline is at most a year from now.")


def refused(field: str, message: str) -> InvalidInput:
    """The refusal of one field of an order."""
    problem: FieldProblem = {"field": field, "message": message}
    return InvalidInput("invalid_order", message, errors=[problem])
