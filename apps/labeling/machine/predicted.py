"""Items whose classes another model predicted: it does not learn from the order's labels, but is measured by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.labeling.machine.pool import Belief, Learned

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Predicted:
    """Probabilities of shape (n, K); a row's sum is below 1 where the model thinks of none of the classes."""

    probabilities: Floats

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def vectors(self) -> Floats:
        """Items are alike where the model wavers between the same classes."""
        import numpy as np

        lengths = np.linalg.norm(self.probabilities, axis=1, keepdims=True)
        found: Floats = (self.probabilities / np.maximum(lengths, 1e-12)).astype(np.float32)
        return found

    def fit(self, labelled: Integers, labels: Integers, classes: int) -> Predicted:
        """Itself: labels change nothing but how sure it may be (`confidence`)."""
        return self

    def out_of_fold(self, labelled: Integers, labels: Integers, classes: int, fitted: Learned) -> Belief:
        """What it says of the labelled places; it has not seen their labels."""
        return self.at(labelled)

    def of_pool(self) -> Belief:
        """What it says of all items."""
        return _belief(self.probabilities)

    def at(self, places: Integers) -> Belief:
        """What it says of some items."""
        return _belief(self.probabilities[places])


def _belief(probabilities: Floats) -> Belief:
    import numpy as np

    count = len(probabilities)
    return Belief(
        probabilities, probabilities.max(axis=1), np.zeros(count, dtype=np.float32), np.ones(count, dtype=np.float32)
    )
