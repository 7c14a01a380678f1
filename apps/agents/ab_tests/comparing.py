"""What the answers of two or more versions tell about them.

A rate is shown with a confidence sequence (the beta-binomial mixture of Robbins and Ville): it holds the true rate at
every moment of the test at once with the stated confidence. So one may look as often as one likes, and stop when the
ranges part, without mistaking chance for a difference more often than stated. An interval for one look (Wilson's, say)
does not allow that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

CONFIDENCE = 0.95
_HALVINGS = 50
_EDGE = 1e-12

Key = TypeVar("Key")


@dataclass(frozen=True)
class Rate:
    """`hits` of `of`, and the range that holds the true rate; `low` 0 and `high` 1 where nothing is known."""

    hits: int
    of: int
    low: float
    high: float

    @property
    def share(self) -> float | None:
        """The observed rate; None where nothing was observed."""
        return self.hits / self.of if self.of else None


def rate(hits: int, of: int, versions: int = 2) -> Rate:
    """A rate with its range. The ranges of all `versions` hold together with `CONFIDENCE`."""
    if not of:
        return Rate(hits, of, 0.0, 1.0)
    least = math.log((1 - CONFIDENCE) / versions) + _log_beta(hits + 1, of - hits + 1)
    middle = min(max(hits / of, _EDGE), 1 - _EDGE)

    def edge(outside: float) -> float:
        inside = middle
        for _ in range(_HALVINGS):
            point = (inside + outside) / 2
            if _log_likelihood(hits, of, point) > least:
                inside = point
            else:
                outside = point
        return inside

    return Rate(hits, of, edge(_EDGE) if hits else 0.0, edge(1 - _EDGE) if hits < of else 1.0)


def best(rates: Mapping[Key, Rate], *, high_is_good: bool = True) -> Key | None:
    """The version whose range lies beyond those of all others; None where that cannot be told (yet)."""
    for key, one in rates.items():
        others = [other for name, other in rates.items() if name != key]
        if others and all(one.low > other.high if high_is_good else one.high < other.low for other in others):
            return key
    return None


def _log_likelihood(hits: int, of: int, p: float) -> float:
    return hits * math.log(p) + (of - hits) * math.log1p(-p)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
