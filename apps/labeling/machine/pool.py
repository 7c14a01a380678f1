"""The items of an order as the machine sees them, and what it believes about them once some are labelled.

A belief is the weighted geometric mean of two views: the linear head's probabilities and the labels that reach an item
through the graph of neighbours. Either alone is worse than both (few labels: the graph leads; many: the head), and what
one of them thinks impossible should count for little. How much the head counts is what explains held-back labels best:
where close texts often differ in class, the graph misleads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from apps.labeling.machine.graph import Graph, build_graph
from apps.labeling.machine.predictor import FOLDS, Head, fit_head, fold_of
from apps.labeling.machine.wording import unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]

#: Added to the graph's probabilities: it says nothing of classes that no neighbour has.
DOUBT = 0.01
#: Parts of the head in a belief that are tried, and the labels it takes to try them. Half is the assumption before.
PARTS, EQUAL_PART = (0.3, 0.5, 0.65, 0.8, 1.0), 0.5
LEAST_WEIGHED = 60
#: So much better a part must explain a held-back label, in nats in all, for each tenth it lies from a half.
_RELUCTANCE = 1.0


@dataclass(frozen=True)
class Pool:
    """All items of an order: unit vectors of shape (n, d), and their neighbours."""

    vectors: Floats
    graph: Graph | None

    @classmethod
    def of(cls, vectors: Floats) -> Pool:
        """Scale the vectors to unit length and find neighbours."""
        scaled = unit(vectors)
        return cls(scaled, build_graph(scaled))

    def __len__(self) -> int:
        return len(self.vectors)

    def fit(
        self,
        labelled: Integers,
        labels: Integers,
        classes: int,
        *,
        start: Head | None = None,
        part: float | None = None,
    ) -> Fitted:
        """Learn from labelled places; see `fit`. Where no part is given, it is found."""
        if part is None:
            part = part_of_head(self, labelled, labels, classes)
        return fit(self, labelled, labels, classes, start=start, part=part)

    def out_of_fold(self, labelled: Integers, labels: Integers, classes: int, fitted: Learned) -> Belief:
        """What it would have believed about labelled places; see `out_of_fold`."""
        part = fitted.part if isinstance(fitted, Fitted) else EQUAL_PART
        return out_of_fold(self, labelled, labels, classes, part=part)


class Learned(Protocol):
    """What labels made of a pool."""

    def of_pool(self) -> Belief:
        """The belief about every item."""
        ...

    def at(self, places: Integers) -> Belief:
        """The belief about some items."""
        ...


class Learnable(Protocol):
    """Items that a machine has something to say about once some are labelled."""

    @property
    def vectors(self) -> Floats:
        """Unit vectors of shape (n, d); close ones are alike."""
        ...

    def fit(self, labelled: Integers, labels: Integers, classes: int) -> Learned:
        """Learn from labelled places."""
        ...

    def out_of_fold(self, labelled: Integers, labels: Integers, classes: int, fitted: Learned) -> Belief:
        """What it would have believed about each labelled place had it not been labelled.

        Args:
            fitted: what came of `fit` with all of them.
        """
        ...


@dataclass(frozen=True)
class Belief:
    """What labelled items make the machine believe about others.

    Attributes:
        probabilities: (n, K), rows sum to 1.
        agreement: (n,), how much of the likeliest class both views give (their lesser probability).
        reach: (n,), log of the label mass that arrives through the graph; low means: nothing like it was labelled yet.
        nearness: (n,), cosine to the nearest labelled item of the likeliest class.
    """

    probabilities: Floats
    agreement: Floats
    reach: Floats
    nearness: Floats

    @property
    def best(self) -> Integers:
        """The likeliest class of each item."""
        found: Integers = self.probabilities.argmax(axis=1)
        return found

    @property
    def margin(self) -> Floats:
        """Probability of the likeliest class less that of the next, shape (n,)."""
        import numpy as np

        if self.probabilities.shape[1] < 2:
            return np.ones(len(self.probabilities), dtype=np.float32)
        top = np.partition(self.probabilities, -2, axis=1)
        found: Floats = top[:, -1] - top[:, -2]
        return found


@dataclass(frozen=True)
class Fitted:
    """A fitted machine: asks for nothing more than vectors."""

    pool: Pool
    head: Head
    mass: Floats | None
    labelled: Integers
    labels: Integers
    part: float = EQUAL_PART

    def of_pool(self) -> Belief:
        """The belief about every item of the pool (about labelled ones it is not out of fold)."""
        return self._belief(self.pool.vectors, self.mass)

    def of(self, vectors: Floats) -> Belief:
        """The belief about items outside the pool; unit vectors of shape (m, d)."""
        graph = self.pool.graph
        mass = None if graph is None or self.mass is None else graph.reach(vectors, self.mass)
        return self._belief(vectors, mass)

    def at(self, places: Integers) -> Belief:
        """The belief about some items of the pool."""
        return self._belief(self.pool.vectors[places], None if self.mass is None else self.mass[places])

    def views(self, places: Integers) -> tuple[Floats, Floats]:
        """What the head and the graph each believe about some items, shapes (m, K)."""
        by_head, by_graph, _ = self._views(self.pool.vectors[places], None if self.mass is None else self.mass[places])
        return by_head, by_graph

    def _views(self, vectors: Floats, mass: Floats | None) -> tuple[Floats, Floats, Floats]:
        import numpy as np

        by_head = softmax(self.head.scores(vectors))
        if mass is None:
            return by_head, by_head, np.zeros(len(vectors), dtype=np.float32)
        total = mass.sum(axis=1, keepdims=True)
        by_graph = np.where(total > 0, mass / np.maximum(total, 1e-12), by_head)
        return by_head, by_graph, np.log(np.maximum(total[:, 0], 1e-12))

    def _belief(self, vectors: Floats, mass: Floats | None) -> Belief:
        import numpy as np

        by_head, by_graph, reach = self._views(vectors, mass)
        both = mixed(by_head, by_graph, self.part)
        best = both.argmax(axis=1)
        rows = np.arange(len(vectors))
        agreement = np.minimum(by_head[rows, best], by_graph[rows, best])
        return Belief(both, agreement, reach, self._nearness(vectors, best))

    def _nearness(self, vectors: Floats, best: Integers) -> Floats:
        import numpy as np

        found = np.zeros(len(vectors), dtype=np.float32)
        for number in np.unique(best):
            mine = best == number
            examples = self.pool.vectors[self.labelled[self.labels == number]]
            if len(examples):
                found[mine] = (vectors[mine] @ examples.T).max(axis=1)
        return found


def fit(
    pool: Pool,
    labelled: Integers,
    labels: Integers,
    classes: int,
    *,
    start: Head | None = None,
    part: float = EQUAL_PART,
) -> Fitted:
    """Fit both views to the labelled items of the pool.

    Args:
        labelled: places in the pool, at least one.
        labels: class of each of them, below `classes`.
        start: the head of an earlier fit, to go on from.
        part: how much the head counts in a belief, 0 to 1 (`part_of_head`).
    """
    head = fit_head(pool.vectors[labelled], labels, classes, start=start)
    mass = None if pool.graph is None else pool.graph.spread(labelled, labels, classes)
    return Fitted(pool, head, mass, labelled, labels, part)


def part_of_head(pool: Pool, labelled: Integers, labels: Integers, classes: int) -> float:
    """How much the head counts in a belief: the part that explains a held-back fold best, near a half if unsure."""
    import numpy as np

    if pool.graph is None or len(labelled) < LEAST_WEIGHED:
        return EQUAL_PART
    held = fold_of(labels) == 0
    known = np.isin(labels, labels[~held])
    held &= known
    rest = fit(pool, labelled[~held], labels[~held], classes)
    by_head, by_graph = rest.views(labelled[held])
    truth = labels[held]
    rows = np.arange(len(truth))

    def worth(part: float) -> float:
        chance = np.maximum(mixed(by_head, by_graph, part)[rows, truth], 1e-6)
        return float(np.log(chance).sum()) - _RELUCTANCE * 10 * abs(part - EQUAL_PART)

    return max(PARTS, key=worth)


def mixed(by_head: Floats, by_graph: Floats, part: float) -> Floats:
    """Both views as one, rows sum to 1."""
    import numpy as np

    both: Floats = (np.maximum(by_head, 1e-12) ** part * (by_graph + DOUBT) ** (1 - part)).astype(np.float32)
    both /= both.sum(axis=1, keepdims=True)
    return both


def out_of_fold(pool: Pool, labelled: Integers, labels: Integers, classes: int, *, part: float = EQUAL_PART) -> Belief:
    """What the machine would have believed about each labelled item had it not been labelled; rows as in `labelled`."""
    import numpy as np

    fold = fold_of(labels)
    parts: list[Belief] = []
    order: list[Integers] = []
    for number in range(FOLDS):
        held = np.flatnonzero(fold == number)
        rest = np.flatnonzero(fold != number)
        if len(held) and len(rest):
            parts.append(fit(pool, labelled[rest], labels[rest], classes, part=part).at(labelled[held]))
            order.append(held)
    back = np.argsort(np.concatenate(order))
    return Belief(
        np.concatenate([one.probabilities for one in parts])[back],
        np.concatenate([one.agreement for one in parts])[back],
        np.concatenate([one.reach for one in parts])[back],
        np.concatenate([one.nearness for one in parts])[back],
    )


def softmax(scores: Floats) -> Floats:
    """Rows of logits as probabilities."""
    import numpy as np

    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return found
