"""Recorded answers as arrays, in an order that does not depend on how they came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

UNKNOWN = -1


@dataclass(frozen=True)
class Crowd:
    """Answers, sorted by item and then worker, as indexes into the names of items, workers and classes.

    `known` is the class of each item whose answer is known, `UNKNOWN` for the others.
    """

    item: Ints
    worker: Ints
    label: Ints
    items: int
    workers: int
    classes: int
    known: Ints

    @property
    def size(self) -> int:
        """How many answers there are."""
        return len(self.item)

    def only(self, chosen: npt.NDArray[np.bool_]) -> Crowd:
        """The same items and workers with some of the answers."""
        return Crowd(
            self.item[chosen],
            self.worker[chosen],
            self.label[chosen],
            self.items,
            self.workers,
            self.classes,
            self.known,
        )


@dataclass(frozen=True)
class Named:
    """A crowd, and what its indexes stand for."""

    crowd: Crowd
    items: list[str]
    workers: list[str]
    classes: list[str]


def crowd_of(
    answers: Iterable[tuple[str, str, str]], classes: Sequence[str] = (), known: Mapping[str, str] | None = None
) -> Named:
    """Arrays of (item, worker, label) answers; of a pair of item and worker given twice, the first label counts.

    Everything is sorted by name, labels too, so the result is the same for every order of the answers.

    Args:
        classes: labels that may occur, besides those that do.
        known: the true label of some items.
    """
    known = known or {}
    labels: dict[tuple[str, str], str] = {}
    for item, worker, label in sorted(answers):
        labels.setdefault((item, worker), label)
    items = sorted({item for item, _ in labels})
    workers = sorted({worker for _, worker in labels})
    names = sorted({*labels.values(), *classes, *(known[item] for item in items if item in known)})
    item_at = {name: index for index, name in enumerate(items)}
    worker_at = {name: index for index, name in enumerate(workers)}
    class_at = {name: index for index, name in enumerate(names)}
    crowd = Crowd(
        item=np.array([item_at[item] for item, _ in labels], dtype=np.int64),
        worker=np.array([worker_at[worker] for _, worker in labels], dtype=np.int64),
        label=np.array([class_at[label] for label in labels.values()], dtype=np.int64),
        items=len(items),
        workers=len(workers),
        classes=len(names),
        known=np.array([class_at[known[item]] if item in known else UNKNOWN for item in items], dtype=np.int64),
    )
    return Named(crowd, items, workers, names)
