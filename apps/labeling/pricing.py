"""What an order costs. Integers only; the parts always sum to the total."""

from __future__ import annotations

from apps.core.money import Money
from apps.labeling.types import Quote

#: Reading speed for silent reading of non-fiction (Brysbaert 2019), in words a minute, and the time to decide.
WORDS_PER_MINUTE = 238
DECISION_SECONDS = 3


def quote(*, items: int, redundancy: int, price: Money, fee_bps: int) -> Quote:
    """The most an order can cost: every label accepted. The fee is rounded up to the cent, once."""
    labels = items * redundancy
    cost = price * labels
    fee = cost.fraction_bps(fee_bps)
    return Quote(items, redundancy, labels, price, cost, fee_bps, fee, cost + fee)


def seconds_per_label(words: int, items: int) -> int:
    """Typical time for one label before any was measured, from the length of the texts."""
    if items <= 0:
        return DECISION_SECONDS
    return max(1, round(DECISION_SECONDS + words * 60 / (items * WORDS_PER_MINUTE)))
