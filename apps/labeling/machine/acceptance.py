"""Which machine labels are accepted, by a rule that does not trust the machine.

1. *Propose.* Of the undecided items the surest are proposed, as many as save the most human labels after paying for
   their audit.
2. *Audit.* People label a random sample of the proposed items without seeing the machine's labels, in stages.
3. *Decide.* As soon as the sample proves that the proposal's precision is at least the promised one less `TOLERANCE`,
   it is accepted. When the sample is unlikely to prove it within its greatest size, nothing of it is accepted and
   its labels are learned from, which also makes later proposals more careful.

The proof is a test martingale for sampling without replacement (Waudby-Smith and Ramdas, "Estimating means of bounded
random variables by betting", 2024): a stake is bet on every sampled label being right at odds that are fair if the
precision were exactly the least one; when the stake has grown by 1 / risk, so low a precision is refuted at that risk.
It holds at whatever moment one looks, so the audit may stop as soon as it is clear. All audits together are wrong with
at most 1 - `CERTAINTY`: audit number k may spend 1 / (k (k + 1)) of that. A proposal is fixed before its sample is
drawn, and a sample decides about one proposal only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]

#: How far under the promised precision a proof may lie.
TOLERANCE = 0.015
CERTAINTY = 0.95
FIRST_STAGE, STAGE = 60, 20
#: A sample that proves nothing by this size, or by this share of what was proposed, is given up.
MOST_AUDIT, MOST_SHARE = 800, 0.4
#: A proposal smaller than this share of the undecided items is not worth an audit yet.
LEAST_SHARE = 0.25
#: A proposal that leaves more than so many times the labelled items undecided waits: learning goes on and makes the
#: next one larger. What is left after the surest are accepted is hard and mostly ends with people.
PATIENCE = 0.5
#: Bets are placed on precisions whose odds are so many times those of the least one.
BETS = (1.5, 3.0, 6.0, 15.0, 50.0)
#: Of many proposals the luckiest is picked, so it has more wrong labels than expected: so many times as many.
LUCK = 1.25
#: Sizes of proposals that are weighed against one another.
_STEPS = 40
#: Halvings that find a bound: to a thousandth.
_HALVINGS = 10


@dataclass(frozen=True)
class Proposal:
    """Items whose machine labels may be accepted, and in what random order an audit samples them."""

    places: Integers
    sample: Integers
    expected_precision: float

    @property
    def most_audited(self) -> int:
        """The sample's size at which the audit is given up."""
        return min(MOST_AUDIT, int(MOST_SHARE * len(self.places)))

    def stage(self, seen: int) -> Integers:
        """The next places to be labelled when `seen` of the sample are."""
        return self.sample[seen : min(max(FIRST_STAGE, seen + STAGE), self.most_audited)]


@dataclass(frozen=True)
class Audit:
    """What became of a proposal.

    Attributes:
        size: sampled items. right: those where the human label was the machine's. proposed: items it stood for.
        low, high: two-sided bounds of the proposal's precision, each wrong with half of the audit's risk.
    """

    size: int
    right: int
    proposed: int
    expected_precision: float
    low: float
    high: float
    passed: bool


def risk_of(number: int) -> float:
    """The share of the permitted risk that audit `number` (from 1) may spend; they sum to the whole."""
    return (1 - CERTAINTY) / (number * (number + 1))


def proves(right: NDArray[np.bool_], population: int, least: float, risk: float) -> bool:
    """Whether a random sample refutes, at any moment of it, that no more than `least` of the population are right.

    Args:
        right: outcome of each sampled item, in the order of sampling.
        population: size of what was sampled from, without replacement.
    """
    return _growth(right, population, least) >= math.log(1 / risk)


def bounds(right: NDArray[np.bool_], population: int, risk: float) -> tuple[float, float]:
    """Lower and upper bound of the share of the population that is right; each fails with at most half of `risk`."""
    needed = math.log(2 / risk)
    return _greatest_refuted(right, population, needed), 1 - _greatest_refuted(~right, population, needed)


def expected_size(expected: float, promised: float, risk: float) -> float:
    """About how many sampled items prove a proposal of the expected precision; infinite where none would."""
    least = promised - TOLERANCE
    wrong = max(1 - expected, (1 - least) / BETS[-1])
    if wrong >= 1 - least:
        return math.inf
    rate = (1 - wrong) * math.log((1 - wrong) / least) + wrong * math.log(wrong / (1 - least))
    return max(FIRST_STAGE, math.log(len(BETS) / risk) / rate)


def propose(
    confidence: Floats, candidates: Integers, *, promised: float, number: int, seed: int, labelled: int
) -> Proposal | None:
    """The proposal that saves the most human labels, or None if none is worth its audit or waiting is better.

    Args:
        confidence: of every item of the pool.
        candidates: places of undecided items whose likeliest class may be accepted.
        promised: precision, 0 to 1.
        number: of this audit, from 1.
        seed: for the sample.
        labelled: how many items people have labelled so far.
    """
    import numpy as np

    order = candidates[np.argsort(-confidence[candidates], kind="stable")]
    least = max(math.ceil(FIRST_STAGE / MOST_SHARE), math.ceil(LEAST_SHARE * len(order)))
    if len(order) < least:
        return None
    wrong = LUCK * np.cumsum(1 - confidence[order], dtype=np.float64) / np.arange(1, len(order) + 1)
    best, saved = 0, 0.0
    for count in np.unique(np.linspace(least, len(order), _STEPS).astype(int)):
        expected = 1 - float(wrong[count - 1])
        size = expected_size(expected, promised, risk_of(number))
        if expected >= promised and size <= min(MOST_AUDIT, MOST_SHARE * count) and count - size > saved:
            best, saved = int(count), count - size
    if not best or len(order) - best > PATIENCE * labelled:
        return None
    places = order[:best]
    return Proposal(places, np.random.default_rng(seed).permutation(places), 1 - float(wrong[best - 1]))


def decide(proposal: Proposal, right: NDArray[np.bool_], *, promised: float, number: int) -> Audit | None:
    """What a sample says about its proposal; None where more of it must be labelled.

    Args:
        right: of the sampled items so far, whether the machine's label is the human one.
    """
    risk = risk_of(number)
    population = len(proposal.places)
    passed = proves(right, population, promised - TOLERANCE, risk)
    if not passed and _may_still_pass(right, proposal, promised, risk):
        return None
    low, high = bounds(right, population, risk)
    return Audit(len(right), int(right.sum()), population, proposal.expected_precision, low, high, passed)


def _may_still_pass(right: NDArray[np.bool_], proposal: Proposal, promised: float, risk: float) -> bool:
    """Whether a precision one standard error better than the sample's would still be proved in time."""
    share = (float(right.sum()) + 1) / (len(right) + 2)
    hope = share + math.sqrt(share * (1 - share) / (len(right) + 2))
    needed = expected_size(hope, promised, risk)
    return len(right) < proposal.most_audited and needed <= proposal.most_audited


def _greatest_refuted(right: NDArray[np.bool_], population: int, needed: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _growth(right, population, middle) >= needed:
            low = middle
        else:
            high = middle
    return low


def _growth(right: NDArray[np.bool_], population: int, least: float) -> float:
    """Log of the most that the stake has ever grown to, if the precision is claimed to be under `least`."""
    import numpy as np

    if not len(right):
        return 0.0
    before = np.concatenate([[0], np.cumsum(right)[:-1]])
    # The chance that the next item is right if the whole population held exactly the least share of right ones.
    fair = (least * population - before) / (population - np.arange(len(right)))
    if (fair <= 0).any():
        return math.inf
    fair = np.minimum(fair, 1 - 1e-9)
    odds = np.array(BETS)[:, None] * least / (1 - least)
    bets = np.maximum(odds / (1 + odds), fair)
    gain = np.where(right, np.log(bets / fair), np.log(np.maximum(1 - bets, 1e-12) / (1 - fair)))
    stakes = np.logaddexp.reduce(np.cumsum(gain, axis=1), axis=0) - math.log(len(BETS))
    return float(stakes.max())
