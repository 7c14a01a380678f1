"""Labels spread over a graph of neighbours: items that lie close together tend to have the same label.

Zhou et al., "Learning with local and global consistency" (2004), on the symmetrised graph of the `NEIGHBOURS` nearest
items by cosine. With few labels for many classes this sees what a linear head cannot: how the unlabelled items cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]

NEIGHBOURS = 10
#: Finding neighbours is quadratic in the number of items; beyond this the head works alone.
MAX_ITEMS = 30_000
SHARPNESS = 10.0
SPREAD = 0.9
STEPS = 20
_BLOCK = 1_000


@dataclass(frozen=True)
class Graph:
    """Neighbours among n items.

    Attributes:
        walk: sparse (n, n), symmetric, D^-1/2 W D^-1/2 of the weights W.
    """

    vectors: Floats
    walk: Any

    def spread(self, labelled: Integers, labels: Integers, classes: int) -> Floats:
        """How much of each class arrives at each item, shape (n, K); zero where no label is within reach."""
        import numpy as np

        known = np.zeros((len(self.vectors), classes), dtype=np.float32)
        known[labelled, labels] = 1
        mass = known
        for _ in range(STEPS):
            mass = np.float32(SPREAD) * (self.walk @ mass) + np.float32(1 - SPREAD) * known
        return mass

    def reach(self, vectors: Floats, mass: Floats) -> Floats:
        """The same for items outside the graph: the weighted mean of their neighbours in it, shape (m, K)."""
        import numpy as np

        found = np.empty((len(vectors), mass.shape[1]), dtype=np.float32)
        for start in range(0, len(vectors), _BLOCK):
            near, similarity = _nearest(vectors[start : start + _BLOCK] @ self.vectors.T, NEIGHBOURS)
            weight = np.exp(SHARPNESS * (similarity - 1))
            weight /= weight.sum(axis=1, keepdims=True)
            found[start : start + _BLOCK] = np.einsum("mk,mkc->mc", weight, mass[near])
        return found


def build_graph(vectors: Floats) -> Graph | None:
    """The graph over unit vectors of shape (n, d), or None where there are too few or too many for one."""
    import numpy as np
    from scipy import sparse

    count = len(vectors)
    if not 2 * NEIGHBOURS <= count <= MAX_ITEMS:
        return None
    near = np.empty((count, NEIGHBOURS), dtype=np.int64)
    similarity = np.empty((count, NEIGHBOURS), dtype=np.float32)
    for start in range(0, count, _BLOCK):
        block = vectors[start : start + _BLOCK] @ vectors.T
        rows = np.arange(len(block))
        block[rows, start + rows] = -np.inf
        near[start : start + _BLOCK], similarity[start : start + _BLOCK] = _nearest(block, NEIGHBOURS)
    weights = np.exp(SHARPNESS * (similarity - 1)).ravel()
    places = (np.repeat(np.arange(count), NEIGHBOURS), near.ravel())
    matrix = sparse.csr_matrix((weights, places), shape=(count, count), dtype=np.float32)
    matrix = matrix.maximum(matrix.T)
    scale = sparse.diags((1 / np.sqrt(np.asarray(matrix.sum(axis=1)).ravel())).astype(np.float32))
    return Graph(vectors, (scale @ matrix @ scale).tocsr())


def _nearest(similarity: Floats, count: int) -> tuple[Integers, Floats]:
    import numpy as np

    found = np.argpartition(-similarity, count, axis=1)[:, :count]
    return found, np.take_along_axis(similarity, found, axis=1)
