"""Which label to buy next, from whom, and when to stop.

A label is worth what it is expected to tell about its item's class: the mutual information between the class and the
label, under the worker model, as a share of what naming one class takes. An ambiguous item has little to tell however
often it is asked, and so has a worker who guesses; neither is bought for long.

* Begin: the first items of the order are labelled by many workers, the least asked first. Without such an overlap
  nobody can be judged.
* Then the rest, a few items at a time, each by the worker who is expected to tell most. Workers who are little known
  are judged by one standard deviation above what is expected of them, so that they get a chance.
* An item rests when its label is as probable as the target asks; or when the next label would tell less than a label of
  the fixed plan does on average (`redundancy` labels settle an item, so one tells 1 / redundancy of it).
* An item that rests wakes when workers are judged anew and its label is not sure any more. One that is well past the
  target is settled for good, so that its annotators need not wait for the end of the order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from apps.labeling.quality.crowd import Floats, Named
from apps.labeling.quality.model import Fit, Workers, fit

#: Items at the start that many workers label, at most one in so many of an order, and labels of each.
OVERLAP_ITEMS, OVERLAP_SHARE, OVERLAP_LABELS = 20, 4, 20
#: The share of a fixed plan's average that the next label must tell, and the most that is ever asked of it.
WORTH, MOST_ASKED = 0.9, 0.2
#: Items asked about at the same time: more is faster, fewer makes better use of what was learned.
WINDOW_SHARE, LEAST_WINDOW = 20, 10
#: Which part of the items is taken for ambiguous while answers are few.
AMBIGUOUS, ROW_STRENGTH = 0.1, 5.0
_CAUTION = 1.0
#: An item is settled once this share of the doubt that the target leaves is gone.
SETTLED_SHARE = 0.9


@dataclass(frozen=True)
class Terms:
    """What a requester wants: how probable each label must be, and how many answers an item gets at most."""

    target: float
    redundancy: int

    @property
    def least_information(self) -> float:
        """What the next label must tell, as a share of a class's name."""
        return min(WORTH / self.redundancy, MOST_ASKED)

    @property
    def settled_from(self) -> float:
        """From which probability on an item is not asked about any more, whatever is learned later."""
        return self.target + (1 - self.target) * SETTLED_SHARE


@dataclass(frozen=True)
class Wanted:
    """An item that wants another label, and who would tell most about it, best first."""

    item: str
    workers: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """The labels to ask for now, none when the order is done; settled items, each with its label and how sure it is."""

    wanted: list[Wanted]
    settled: dict[str, tuple[str, float]]


def plan(named: Named, items: Sequence[str], present: Mapping[str, Sequence[str]], terms: Terms) -> Plan:
    """Decide what to ask for now, and what needs no more.

    Args:
        named: all answers so far.
        items: all items of the order, in the order of work.
        present: who could be asked about each item that may get labels: workers who have not answered it. Items that
            were settled before have nobody.
    """
    return _Round(named, present, terms).plan(items)


class _Round:
    def __init__(self, named: Named, present: Mapping[str, Sequence[str]], terms: Terms) -> None:
        self.named, self.present, self.terms = named, present, terms
        self.item_at = {name: index for index, name in enumerate(named.items)}
        self.worker_at = {name: index for index, name in enumerate(named.workers)}
        self.labels = np.bincount(named.crowd.item, minlength=named.crowd.items)
        self.asked = {name: int(count) for name, count in zip(named.workers, self._answers(), strict=True)}

    def _answers(self) -> Floats:
        return np.bincount(self.named.crowd.worker, minlength=self.named.crowd.workers).astype(np.float64)

    def plan(self, items: Sequence[str]) -> Plan:
        """The first items' overlap, what is unsure, and new items until the window is full."""
        askable = [item for item in items if self._count(item) < self.terms.redundancy and self.present.get(item)]
        first = set(items[: min(OVERLAP_ITEMS, len(items) // OVERLAP_SHARE)])
        overlap = [item for item in askable if item in first and self._count(item) < OVERLAP_LABELS]
        taken = set(overlap)
        begun = [item for item in askable if self._count(item) and item not in taken]
        found = [self._least_asked(item) for item in overlap] + self._unsure(begun)
        room = max(LEAST_WINDOW, len(items) // WINDOW_SHARE) - len(found)
        fresh = [item for item in askable if not self._count(item) and item not in taken][: max(0, room)]
        return Plan(found + self._ranked(fresh, 0.0), self._settled(begun))

    def _settled(self, items: Sequence[str]) -> dict[str, tuple[str, float]]:
        if not items:
            return {}
        posterior = self._fit.posterior
        places = [(item, self.item_at[item]) for item in items]
        return {
            item: (self.named.classes[int(posterior[place].argmax())], float(posterior[place].max()))
            for item, place in places
            if posterior[place].max() >= self.terms.settled_from
        }

    def _count(self, item: str) -> int:
        place = self.item_at.get(item)
        return 0 if place is None else int(self.labels[place])

    def _least_asked(self, item: str) -> Wanted:
        workers = sorted(self.present[item], key=lambda worker: (self.asked.get(worker, 0), worker))
        self.asked[workers[0]] = self.asked.get(workers[0], 0) + 1
        return Wanted(item, tuple(workers))

    def _unsure(self, items: Sequence[str]) -> list[Wanted]:
        if not items:
            return []
        sure = self._fit.posterior.max(1)
        unsure = [item for item in items if sure[self.item_at[item]] < self.terms.target]
        return self._ranked(unsure, self.terms.least_information)

    def _ranked(self, items: Sequence[str], least: float) -> list[Wanted]:
        """Items whose best label tells at least so much, with their workers in order."""
        found = []
        for item in items:
            workers = sorted(self.present[item])
            tells = self._information(item, workers)
            order = np.lexsort((np.array([self.asked.get(worker, 0) for worker in workers]), -tells.round(9)))
            if tells[order[0]] >= least:
                found.append(Wanted(item, tuple(workers[place] for place in order)))
        return found

    @property
    def _fit(self) -> Fit:
        if not hasattr(self, "_fitted"):
            self._fitted = fit(self.named.crowd, row_strength=ROW_STRENGTH, ambiguous=AMBIGUOUS)
            self._rows = hopeful_rows(self._fitted.workers)
            self._frequency = (self._fitted.posterior.sum(0) + 1) / (self.named.crowd.items + self.named.crowd.classes)
        return self._fitted

    def _information(self, item: str, workers: Sequence[str]) -> Floats:
        model = self._fit
        place = self.item_at.get(item)
        looks = np.diag(self._frequency) if place is None else model.appearance[place]
        rows = self._rows[[self.worker_at.get(worker, -1) for worker in workers]]
        return information(looks, rows)


def hopeful_rows(workers: Workers) -> Floats:
    """Each worker's matrix with the diagonal raised by a standard deviation; last, that of somebody unknown."""
    unknown = workers.population[None]
    rows = np.concatenate([workers.rows, unknown])
    accuracy = np.r_[workers.accuracy, np.diag(workers.population).mean()]
    widest = float(np.sqrt(accuracy[-1] * (1 - accuracy[-1]) / 7))
    deviation = np.r_[workers.deviation, widest]
    every = np.arange(rows.shape[1])
    diagonal = rows[:, every, every]
    raised = np.clip(diagonal + _CAUTION * deviation[:, None], 0.01, 0.99)
    scale = (1 - raised) / np.maximum(1 - diagonal, 1e-9)
    hopeful: Floats = rows * scale[:, :, None]
    hopeful[:, every, every] = raised
    return hopeful


def information(looks: Floats, rows: Floats) -> Floats:
    """What a label of each worker is expected to tell of an item's class: 0 is nothing, 1 names one of all classes.

    Args:
        looks: joint probability of the item's class and the class it looks like.
        rows: worker, class it looks like, label.
    """
    joint = np.einsum("zc,wcl->wzl", looks, rows)
    mutual = _entropy(joint.sum(1)).sum(1) + _entropy(joint.sum(2)).sum(1) - _entropy(joint).sum((1, 2))
    told: Floats = mutual / np.log(max(2, looks.shape[0]))
    return told


def _entropy(probability: Floats) -> Floats:
    bounded = np.clip(probability, 1e-12, 1.0)
    terms: Floats = -bounded * np.log(bounded)
    return terms
