"""The single steps of an order's course: what to ask next, and what to propose.

Pure functions of what is known, so that the simulated course (`annotator`) and a live order, which is read anew from
the database before every step, do the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.labeling.machine.acceptance import Proposal, propose
from apps.labeling.machine.confidence import Confidence, fit_confidence
from apps.labeling.machine.pool import Learnable, Learned
from apps.labeling.machine.selection import least_sure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]

LEAST_FIRST = 10
LEAST_BATCH = 5
#: A batch is the labelled items over this: often while a label changes much, seldom later.
BATCH_SHARE = 16
#: Every so manieth item of a batch is drawn at random: what the machine is worth on items it did not choose.
RANDOM_EVERY = 16
#: Out-of-fold beliefs cost several fits: they are renewed when the labels have grown by this factor.
GROWTH = 1.2
LEAST_CALIBRATED = 60


@dataclass(frozen=True)
class Labels:
    """What people said: places in the pool in the order of asking, classes, and which of the places chance picked."""

    places: Integers
    labels: Integers
    drawn: NDArray[np.bool_]


def is_calibration_due(labelled: int, calibrated_at: int) -> bool:
    """Whether there are enough labels, and enough new ones, to weigh a proposal."""
    return labelled >= max(LEAST_CALIBRATED, GROWTH * calibrated_at)


def batch(
    vectors: Floats, margin: Floats, free: Integers, count: int, *, before: int, seed: int
) -> tuple[Integers, NDArray[np.bool_]]:
    """The next `count` of the free places to be labelled, and which of them chance picked.

    Args:
        vectors: of the whole pool. margin: of the whole pool.
        before: how many items were asked for before.
    """
    import numpy as np

    by_chance = (before + count) // RANDOM_EVERY - before // RANDOM_EVERY
    chosen = least_sure(vectors, margin, free, count - by_chance)
    rest = np.setdiff1d(free, chosen)
    chance = np.random.default_rng((seed, before)).choice(rest, min(by_chance, len(rest)), replace=False)
    return np.concatenate([chosen, chance]), np.arange(len(chosen) + len(chance)) >= len(chosen)


def make_proposal(
    pool: Learnable,
    fitted: Learned,
    known: Labels,
    free: Integers,
    *,
    classes: int,
    promised: float,
    never: Integers,
    number: int,
    seed: int,
) -> tuple[Confidence, Proposal | None]:
    """How sure the machine may be, and which of the free places it offers to label, if that is worth an audit.

    Args:
        never: classes that only people give.
        number: of the audit, from 1.
    """
    import numpy as np

    belief = pool.out_of_fold(known.places, known.labels, classes, fitted)
    confidence = fit_confidence(belief, belief.best == known.labels, known.drawn)
    now = fitted.of_pool()
    eligible = ~np.isin(now.best, never) & confidence.familiar(now)
    found = propose(
        confidence.of(now),
        free[eligible[free]],
        promised=promised,
        number=number,
        seed=seed + number - 1,
        labelled=len(known.places),
    )
    return confidence, found
