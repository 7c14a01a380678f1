"""The predictor: multinomial logistic regression on embeddings of unit length.

It is refitted whenever people have answered more items, so it must be fast: 10,000 items of 384 numbers and 150 classes
take about a second from a warm start. Classes are numbers here, 0 to K - 1; vectors are float32 arrays of shape (n, d).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]

#: Weight of the penalty |W|^2 / 2 against the summed loss; small, as vectors of length 1 need large weights.
RIDGE = 0.02
ITERATIONS = 60
WARM_ITERATIONS = 25
FOLDS = 5


@dataclass(frozen=True)
class Head:
    """A fitted linear head.

    Attributes:
        weights: (K, d). bias: (K,); classes without an example have a bias that rules them out.
    """

    weights: Floats
    bias: Floats

    def scores(self, vectors: Floats) -> Floats:
        """Logits of shape (n, K)."""
        found: Floats = vectors @ self.weights.T + self.bias
        return found


def fit_head(
    vectors: Floats,
    labels: Integers,
    classes: int,
    *,
    start: Head | None = None,
    ridge: float = RIDGE,
    iterations: int | None = None,
) -> Head:
    """Fit the head to labelled items. Deterministic.

    Args:
        vectors: (n, d), n >= 1.
        labels: (n,), each below `classes`.
        classes: K; classes that do not occur among the labels are ruled out.
        start: an earlier head over the same classes, to go on from.
    """
    # Imported here: scipy takes a second that no web process should pay at start-up.
    import numpy as np
    from scipy.optimize import minimize

    width = vectors.shape[1]
    seen = np.unique(labels)
    place = np.full(classes, -1)
    place[seen] = np.arange(len(seen))
    target = place[labels]
    rows = np.arange(len(labels))
    counts = np.bincount(target, minlength=len(seen))

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(len(seen), width + 1).astype(np.float32)
        logits = vectors @ weights[:, :width].T + weights[:, width]
        logits -= logits.max(axis=1, keepdims=True)
        right = logits[rows, target]
        np.exp(logits, out=logits)
        total = logits.sum(axis=1, keepdims=True)
        value = float(np.log(total, dtype=np.float64).sum() - right.sum(dtype=np.float64))
        logits /= total
        logits[rows, target] -= 1
        gradient = np.empty((len(seen), width + 1))
        gradient[:, :width] = logits.T @ vectors
        gradient[:, width] = logits.sum(axis=0)
        gradient[:, :width] += ridge * weights[:, :width]
        value += 0.5 * ridge * float((weights[:, :width].astype(np.float64) ** 2).sum())
        return value, gradient.ravel()

    first = np.zeros((len(seen), width + 1))
    first[:, width] = np.log(counts / counts.sum())
    if start is not None:
        first[:, :width] = start.weights[seen]
        first[:, width] = np.where(np.isfinite(start.bias[seen]), start.bias[seen], first[:, width])
    limit = iterations or (WARM_ITERATIONS if start is not None else ITERATIONS)
    found = minimize(loss, first.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": limit, "ftol": 1e-7})
    best = found.x.reshape(len(seen), width + 1).astype(np.float32)
    weights = np.zeros((classes, width), dtype=np.float32)
    bias = np.full(classes, -np.inf, dtype=np.float32)
    weights[seen], bias[seen] = best[:, :width], best[:, width]
    return Head(weights, bias)


def fold_of(labels: Integers) -> Integers:
    """Fold number of each labelled item, shape (n,), spreading every class over the folds."""
    import numpy as np

    fold = np.empty(len(labels), dtype=np.int64)
    fold[np.argsort(labels, kind="stable")] = np.arange(len(labels)) % FOLDS
    return fold
