"""Which model explains a crowd best, and the consensus it leads to.

Two families are fitted. In the plain one items are never ambiguous: it separates workers most sharply. In the other
they may be: its confidence is calibrated. Labels come from the mean of both, confidence from the second.

The plain family's parameters are chosen by how well each answer is predicted from all others: the simplest model within
two standard errors of the best is taken, as a matrix for each worker over-fits where answers are few. How many items
are ambiguous is not chosen at all, as few answers cannot tell: each part that is tried counts as much as it makes the
answers probable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from apps.labeling.quality.crowd import UNKNOWN, Crowd, Floats, Ints
from apps.labeling.quality.model import Fit, fit

#: Strengths of the population's accuracy and of a worker's in each row, simplest first: workers nearly alike; one
#: accuracy for each; matrices that are drawn less and less towards it.
STRENGTHS = ((40.0, 1e5), (6.0, 1e5), (6.0, 20.0), (6.0, 5.0))
#: Standard errors by which a less simple model must predict better.
MARGIN = 2.0
#: A matrix for each worker needs half of the answers to come from workers with so many for each class.
ANSWERS_PER_CLASS = 5
#: Parts of the items that may be ambiguous, before any answer each as probable as the others.
AMBIGUOUS = (0.1, 0.2, 0.4)
#: No number of answers makes an item certain: people may all share one mistake.
MOST_CONFIDENT = 0.999


@dataclass(frozen=True)
class Opinion:
    """What a crowd says about each of its items."""

    label: Ints
    confidence: Floats
    accuracy_strength: float
    row_strength: float
    ambiguous: float


def opinion(crowd: Crowd) -> Opinion:
    """Choose the models for a crowd, and find each item's label and the probability that it is right."""
    if not crowd.size:
        return Opinion(crowd.known, np.ones(crowd.items), *STRENGTHS[0], AMBIGUOUS[0])
    plain = [fit(crowd, row_strength=rows, ambiguous=None, accuracy_strength=accuracy) for accuracy, rows in STRENGTHS]
    place = _simplest(plain, crowd)
    ambiguous, careful = _careful(crowd, *STRENGTHS[place])
    label = (plain[place].posterior + careful).argmax(1)
    # A label that the plain model alone prefers is no worse than a guess.
    confidence = np.clip(careful[np.arange(crowd.items), label], 1 / crowd.classes, MOST_CONFIDENT)
    confidence[crowd.known != UNKNOWN] = 1.0
    return Opinion(label, confidence, *STRENGTHS[place], ambiguous)


def _allowed(crowd: Crowd) -> tuple[tuple[float, float], ...]:
    answers = np.bincount(crowd.worker, minlength=crowd.workers)
    informed = answers[answers >= ANSWERS_PER_CLASS * crowd.classes].sum()
    return STRENGTHS if informed * 2 >= crowd.size else STRENGTHS[:2]


def _simplest(fits: list[Fit], crowd: Crowd) -> int:
    """The first fit whose answers are predicted as well as the best one's, within the margin (errors over items)."""
    best = max(range(len(fits)), key=lambda place: float(fits[place].held_out.sum()))
    answered = np.bincount(crowd.item, minlength=crowd.items) > 0
    for place in range(best):
        lost = np.bincount(crowd.item, weights=fits[best].held_out - fits[place].held_out, minlength=crowd.items)
        lost = lost[answered]
        if lost.sum() <= MARGIN * lost.std() * np.sqrt(len(lost)):
            return place
    return best


def _careful(crowd: Crowd, accuracy: float, rows: float) -> tuple[float, Floats]:
    """How many items are ambiguous, and each item's probabilities: means, weighted by how probable the answers are."""
    fits = [fit(crowd, row_strength=rows, ambiguous=part, accuracy_strength=accuracy) for part in AMBIGUOUS]
    evidence = np.array([one.evidence for one in fits])
    weights = np.exp(evidence - evidence.max())
    weights /= weights.sum()
    mean: Floats = np.tensordot(weights, np.stack([one.posterior for one in fits]), axes=1)
    return float(weights @ np.array(AMBIGUOUS)), mean
