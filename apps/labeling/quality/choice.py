"""Which model explains a crowd best, and the consensus it leads to.

Two families are fitted. In the plain one items are never ambiguous: it separates workers most sharply. In the other
they may be: its confidence is calibrated. Labels come from the mean of both, confidence from the second.

The parameters are chosen by how well each answer is predicted from all others. For the plain family the simplest model
within one standard error of the best is taken, as a matrix for each worker over-fits where answers are few.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from apps.labeling.quality.crowd import UNKNOWN, Crowd, Floats, Ints
from apps.labeling.quality.model import Fit, fit

#: Simplest first: one accuracy for each worker, then matrices that are drawn less and less towards it.
ROW_STRENGTHS = (1e5, 20.0, 5.0)
EASES = (21.0, 13.0, 8.0, 5.0, 3.0)
#: No number of answers makes an item certain: people may all share one mistake.
MOST_CONFIDENT = 0.999


@dataclass(frozen=True)
class Opinion:
    """What a crowd says about each of its items."""

    label: Ints
    confidence: Floats
    row_strength: float
    ease: float
    fit: Fit


def opinion(crowd: Crowd) -> Opinion:
    """Choose the models for a crowd, and find each item's label and the probability that it is right."""
    plain = [fit(crowd, row_strength=strength, ease=None) for strength in ROW_STRENGTHS]
    place = _simplest(plain, crowd)
    ease, ambiguous = _careful(crowd, ROW_STRENGTHS[place])
    mean = plain[place].posterior + ambiguous.posterior
    label = mean.argmax(1) if crowd.classes else np.zeros(crowd.items, dtype=np.int64)
    confidence = np.minimum(ambiguous.posterior[np.arange(crowd.items), label], MOST_CONFIDENT)
    confidence[crowd.known != UNKNOWN] = 1.0
    return Opinion(label, confidence, ROW_STRENGTHS[place], ease, ambiguous)


def _simplest(fits: list[Fit], crowd: Crowd) -> int:
    """The first fit whose answers are predicted as well as the best one's, within a standard error over items."""
    best = max(range(len(fits)), key=lambda place: float(fits[place].held_out.sum()))
    answered = np.bincount(crowd.item, minlength=crowd.items) > 0
    for place in range(best):
        lost = np.bincount(crowd.item, weights=fits[best].held_out - fits[place].held_out, minlength=crowd.items)
        lost = lost[answered]
        if lost.sum() <= lost.std() * np.sqrt(len(lost)):
            return place
    return best


def _careful(crowd: Crowd, row_strength: float) -> tuple[float, Fit]:
    fits = [(ease, fit(crowd, row_strength=row_strength, ease=ease)) for ease in EASES]
    return max(fits, key=lambda one: float(one[1].held_out.sum()))
