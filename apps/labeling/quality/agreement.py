"""How far people agree beyond chance: Krippendorff's alpha for names, grades and amounts, and agreement by class.

Source: Krippendorff, Content Analysis (2004), section 11.3; examples with results in "Computing Krippendorff's
Alpha-Reliability" (2011). Units are the values that one item got; those with fewer than two say nothing of agreement.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain


def nominal_alpha(units: Iterable[Sequence[str]]) -> float | None:
    """1 is full agreement, 0 what chance gives; None where all values are the same or no item has two."""
    counted = [Counter(unit) for unit in units if len(unit) > 1]
    observed = sum(_differing(one) / (one.total() - 1) for one in counted)
    totals: Counter[str] = Counter()
    for one in counted:
        totals.update(one)
    expected = _differing(totals) / (totals.total() - 1) if totals.total() > 1 else 0.0
    return 1 - observed / expected if expected else None


def ordinal_alpha(units: Iterable[Sequence[float]]) -> float | None:
    """Of grades: two differ by as many values as lie between them, half of each end counted."""
    paired = [unit for unit in units if len(unit) > 1]
    counts = Counter(chain.from_iterable(paired))
    below, middle = 0.0, {}
    for value in sorted(counts):
        middle[value] = below + counts[value] / 2
        below += counts[value]
    return interval_alpha([[middle[value] for value in unit] for unit in paired])


def interval_alpha(units: Iterable[Sequence[float]]) -> float | None:
    """Of amounts: two differ by the square of their distance."""
    paired = [unit for unit in units if len(unit) > 1]
    values = list(chain.from_iterable(paired))
    if len(values) < 2 or min(values) == max(values):
        return None
    centre = sum(values) / len(values)
    observed = sum(_spread(unit, centre) / (len(unit) - 1) for unit in paired)
    return 1 - observed / (_spread(values, centre) / (len(values) - 1))


def by_class(units: Iterable[Sequence[str]]) -> dict[str, float]:
    """For each class, how probable it is that another annotator says it too where one does."""
    said: Counter[str] = Counter()
    also: dict[str, float] = defaultdict(float)
    for unit in units:
        if len(unit) < 2:
            continue
        for name, count in Counter(unit).items():
            said[name] += count
            also[name] += count * (count - 1) / (len(unit) - 1)
    return {name: also[name] / count for name, count in sorted(said.items())}


def _differing(counts: Counter[str]) -> int:
    """Ordered pairs of values that differ."""
    return counts.total() ** 2 - sum(count**2 for count in counts.values())


def _spread(values: Sequence[float], centre: float) -> float:
    """Sum of squared distances of all ordered pairs."""
    moved = [value - centre for value in values]
    return 2 * (len(moved) * sum(value**2 for value in moved) - sum(moved) ** 2)
