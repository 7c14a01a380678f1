"""Which items people should label next.

The first items are typical of the pool: one near the middle of each of as many clusters, so that many classes are met
early. After that, those the machine is least sure about, but spread out: two near copies teach hardly more than one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]

#: So many times the batch are looked at, the least sure first, to pick items that differ from one another.
WIDTH = 2
#: Power of the cosine to a chosen item that lessens another's worth: only near copies lose much.
NEARLY_THE_SAME = 4
#: Clustering more than this is slow and finds the same middles.
MAX_CLUSTERED = 20_000


def first_items(vectors: Floats, count: int, seed: int) -> Integers:
    """Places of `count` typical items, from the largest cluster to the smallest; deterministic for a seed.

    Args:
        vectors: unit vectors of shape (n, d).
    """
    # Imported here: sklearn takes a second that no web process should pay at start-up.
    import numpy as np
    from sklearn.cluster import KMeans

    places = np.arange(len(vectors))
    if len(vectors) > MAX_CLUSTERED:
        places = np.sort(np.random.default_rng(seed).choice(places, MAX_CLUSTERED, replace=False))
    if count >= len(places):
        return places
    some = vectors[places]
    clusters = KMeans(count, n_init=1, max_iter=20, random_state=seed).fit(some)
    found: list[int] = []
    sizes = np.bincount(clusters.labels_, minlength=count)
    for number in np.argsort(-sizes, kind="stable"):
        mine = np.flatnonzero(clusters.labels_ == number)
        if len(mine):
            found.append(int(places[mine[np.argmax(some[mine] @ clusters.cluster_centers_[number])]]))
    return np.array(found, dtype=np.int64)


def least_sure(vectors: Floats, margin: Floats, candidates: Integers, count: int) -> Integers:
    """Places of `count` candidates with small margins that lie apart; the least sure comes first.

    Args:
        vectors: unit vectors of the whole pool.
        margin: of the whole pool; small means unsure.
        candidates: places that may be chosen.
    """
    import numpy as np

    count = min(count, len(candidates))
    if not count:
        return candidates[:0]
    order = candidates[np.argsort(margin[candidates], kind="stable")][: WIDTH * count]
    doubt = 1 - margin[order]
    chosen: list[int] = []
    closeness = np.zeros(len(order), dtype=np.float32)
    for _ in range(count):
        worth = doubt * (1 - closeness**NEARLY_THE_SAME)
        worth[chosen] = -np.inf
        best = int(np.argmax(worth))
        chosen.append(best)
        closeness = np.maximum(closeness, np.clip(vectors[order] @ vectors[order[best]], 0, 1))
    return order[np.array(chosen, dtype=np.int64)]
