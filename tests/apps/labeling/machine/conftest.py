"""Small made-up embeddings whose labels are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

#: Unit vectors of shape (n, 24) and the number of each one's class.
Blobs = tuple[NDArray[np.float32], NDArray[np.int64]]


@pytest.fixture
def blobs() -> Callable[..., Blobs]:
    """`blobs(classes=4, each=50, noise=0.15, seed=0)`: items around one random direction a class, in random order.

    The directions are the same for every seed, so two calls give a pool and held-out items of one kind.
    """

    def make(*, classes: int = 4, each: int = 50, noise: float = 0.15, seed: int = 0) -> Blobs:
        middles = np.random.default_rng(99).normal(size=(classes, 24))
        middles /= np.linalg.norm(middles, axis=1, keepdims=True)
        random = np.random.default_rng(seed)
        labels = random.permutation(np.repeat(np.arange(classes), each))
        vectors = middles[labels] + noise * random.normal(size=(len(labels), 24))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors.astype(np.float32), labels

    return make
