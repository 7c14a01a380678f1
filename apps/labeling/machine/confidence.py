"""How sure the machine is of a label, as a probability that is meant to hold.

A belief's own probabilities are too sure of themselves, most of all about items unlike any labelled one. So a second,
small model learns from out-of-fold beliefs when they were right: logistic in the likelihood, in the lesser of both
views and in the nearness to an example of the class. No weight may be negative, and few examples hardly move the
weights from where they start: without evidence an item that lies far from everything is doubted.

Items that were chosen because the machine doubted them say little about the others (it is wrong about them far more
often, even out of fold), so they count for little beside items that were drawn at random.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.labeling.machine.pool import Belief

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

#: Weights of log-odds of the likeliest class, agreement of both views and nearness; then the constant.
START = (1.0, 1.0, 2.0, -1.0)
#: How firmly each weight is held there, in units of the log-likelihood.
FIRMNESS = (2.0, 0.5, 0.5, 0.5)
#: What a chosen item counts, when a random one counts 1.
CHOSEN_WEIGHT = 0.02
#: So small a share of right items may be farther from every example than an item that is accepted.
FOREIGN_SHARE = 0.02
_LEAST = 1e-4


@dataclass(frozen=True)
class Confidence:
    """A fitted model of being right, and how near to an example an item must lie."""

    weights: tuple[float, ...]
    least_nearness: float

    def familiar(self, belief: Belief) -> NDArray[np.bool_]:
        """Which items lie as near to an example of their likeliest class as right ones do; no others are accepted."""
        found: NDArray[np.bool_] = belief.nearness >= self.least_nearness
        return found

    def of(self, belief: Belief) -> Floats:
        """Probability that the likeliest class of each item is right, shape (n,)."""
        import numpy as np

        features = _features(belief)
        found: Floats = (1 / (1 + np.exp(-(features @ np.array(self.weights))))).astype(np.float32)
        return found


def fit_confidence(belief: Belief, right: NDArray[np.bool_], drawn: NDArray[np.bool_]) -> Confidence:
    """Learn when beliefs are right.

    Args:
        belief: out of fold, about labelled items.
        right: whether the likeliest class of each was its label.
        drawn: whether each was drawn at random, not chosen by the machine.
    """
    import numpy as np
    from scipy.optimize import minimize

    features = _features(belief)
    sign = np.where(right, 1.0, -1.0)
    count = np.where(drawn, 1.0, CHOSEN_WEIGHT)
    start, firmness = np.array(START), np.array(FIRMNESS)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        reach = sign * (features @ weights)
        pull = -count * sign / (1 + np.exp(np.clip(reach, -500, 500)))
        apart = weights - start
        value = float((count * np.logaddexp(0, -reach)).sum() + 0.5 * (firmness * apart**2).sum())
        return value, features.T @ pull + firmness * apart

    bounds = [(0, None)] * 3 + [(None, None)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    least = float(np.quantile(belief.nearness[right], FOREIGN_SHARE)) if right.any() else 1.0
    return Confidence(tuple(float(one) for one in found.x), least)


def _features(belief: Belief) -> NDArray[np.float64]:
    import numpy as np

    likely = np.clip(belief.probabilities.max(axis=1).astype(np.float64), _LEAST, 1 - _LEAST)
    odds = np.log(likely / (1 - likely))
    return np.column_stack([odds, belief.agreement, belief.nearness, np.ones(len(likely))])
