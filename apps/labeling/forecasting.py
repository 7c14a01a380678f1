"""Estimates with an interval, and when and at what cost an order ends at its present pace. Plain arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from apps.core.money import Money

#: The standard normal's quantile that leaves 2.5 % on each side.
_Z = 1.959964
#: Nobody plans further ahead than this.
LONGEST = timedelta(days=3_650)


@dataclass(frozen=True)
class Estimate:
    """A share (0 to 1), the interval that holds the true one in 95 of 100 cases, and of how many cases it was taken."""

    share: float
    low: float
    high: float
    cases: int

    @property
    def percent(self) -> float:
        """The share in percent."""
        return round(100 * self.share, 1)

    @property
    def percent_low(self) -> float:
        """The interval's lower end."""
        return round(100 * self.low, 1)

    @property
    def percent_high(self) -> float:
        """The interval's upper end."""
        return round(100 * self.high, 1)

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "share": round(self.share, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
            "cases": self.cases,
        }


def estimate(right: float, cases: int) -> Estimate | None:
    """Wilson's score interval of a share; None without cases.

    Args:
        right: how many were right; a sum of probabilities where each case is only probable.

    Source: Wilson, Probable inference (1927); recommended for few cases by Brown, Cai and DasGupta (2001).
    """
    if cases <= 0:
        return None
    share = right / cases
    scale = 1 + _Z**2 / cases
    middle = (share + _Z**2 / (2 * cases)) / scale
    reach = _Z * math.sqrt(share * (1 - share) / cases + _Z**2 / (4 * cases**2)) / scale
    return Estimate(share, max(0.0, middle - reach), min(1.0, middle + reach), cases)


@dataclass(frozen=True)
class Forecast:
    """Where an order ends at its present pace.

    Attributes:
        labels_left: answers that are still expected.
        labels_per_hour: the recent pace; 0 where nobody answers now.
        ends_at: None where nobody answers now.
        cost: what it will have cost in the end, fee included.
    """

    labels_left: int
    labels_per_hour: float
    ends_at: datetime | None
    cost: Money

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "labels_left": self.labels_left,
            "labels_per_hour": round(self.labels_per_hour, 1),
            "ends_at": self.ends_at.isoformat() if self.ends_at else None,
            "cost": self.cost.as_json(),
        }


def when(now: datetime, left: float, per_hour: float) -> datetime | None:
    """The moment when so much is done at this pace; None where nothing moves, or it takes a decade."""
    if per_hour <= 0 or left / per_hour > LONGEST / timedelta(hours=1):
        return None
    return now + timedelta(hours=left / per_hour)
