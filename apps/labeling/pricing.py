"""What an order costs. Integers only; the parts always sum to the total."""

from __future__ import annotations

from apps.core.money import Money
from apps.labeling.types import Quote

#: Reading speed for silent reading of non-fiction (Brysbaert 2019), in words a minute, and the time to decide.
WORDS_PER_MINUTE = 238
DECISION_SECONDS = 3
#: A longer pause is a coffee, not a difficult item.
LONGEST_MS = 120_000


def quote(*, items: int, redundancy: int, price: Money, fee_bps: int, budget: Money | None = None) -> Quote:
    """The most an order can cost: every label accepted. The fee is rounded up to the cent, once.

    Args:
        budget: the most that the requester wants to spend, fee included.
    """
    labels = items * redundancy
    cost = price * labels
    fee = cost.fraction_bps(fee_bps)
    total = cost + fee
    held = total if budget is None else min(budget, total)
    affordable = labels if held == total else labels_for(held, price, fee_bps)
    return Quote(items, redundancy, labels, price, cost, fee_bps, fee, total, held, affordable)


def labels_for(budget: Money, price: Money, fee_bps: int) -> int:
    """How many labels a budget pays for, with the fee on them."""
    labels = budget.minor * 10_000 // (price.minor * (10_000 + fee_bps))
    # The fee is rounded up once, so that the quotient can be one label too many.
    while labels and price * labels + (price * labels).fraction_bps(fee_bps) > budget:
        labels -= 1
    return labels


def seconds_per_label(words: int, items: int) -> int:
    """Typical time for one label before any was measured, from the length of the texts."""
    if items <= 0:
        return DECISION_SECONDS
    return max(1, round(DECISION_SECONDS + words * 60 / (items * WORDS_PER_MINUTE)))
