"""How many labels plans with a fixed redundancy need: Dawid-Skene and the majority vote, answers in random order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apps.labeling.quality.crowd import Crowd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Labels per item that are tried; the need is interpolated between them.
STEPS = (1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22, 26, 30, 35, 40)
ORDERS = 3
SHARE = 0.98
_LEAST = 1e-10
_GAIN = 1e-5


@dataclass(frozen=True)
class FixedPlans:
    """Accuracies on all answers; labels per item to 98 % of Dawid-Skene's, None where that is never reached."""

    dawid_skene: float
    majority: float
    dawid_skene_labels: float | None
    majority_labels: float | None


def fixed_plans(crowd: Crowd, truth: Ints) -> FixedPlans:
    """Measure both; ties count in part."""
    full = _right(dawid_skene(crowd), truth)
    need = {method: _labels_to(crowd, truth, method, full * SHARE) for method in (dawid_skene, votes)}
    return FixedPlans(full, _right(votes(crowd), truth), need[dawid_skene], need[votes])


def votes(crowd: Crowd) -> Floats:
    """How often each item was called each class."""
    cell = crowd.item * crowd.classes + crowd.label
    counts = np.bincount(cell, minlength=crowd.items * crowd.classes)
    return counts.reshape(crowd.items, -1).astype(np.float64)


def dawid_skene(crowd: Crowd, rounds: int = 100) -> Floats:
    """Probabilities by expectation maximisation, with the start, the floor and the way to stop of crowd-kit 1.4.2."""
    posterior = votes(crowd)
    posterior /= np.maximum(posterior.sum(1, keepdims=True), 1)
    prior, likelihood = _judged(crowd, posterior)
    before = -np.inf
    for _ in range(rounds):
        score = np.tile(prior, (crowd.items, 1))
        np.add.at(score, crowd.item, likelihood)
        posterior = np.exp(score - score.max(1, keepdims=True))
        posterior /= posterior.sum(1, keepdims=True)
        prior, likelihood = _judged(crowd, posterior)
        bounded = np.clip(posterior, _LEAST, 1)
        joint = ((likelihood + prior) * posterior[crowd.item]).sum()
        now = float(joint - (bounded * np.log(bounded)).sum()) / crowd.size
        if now - before < _GAIN:
            break
        before = now
    return posterior


def _judged(crowd: Crowd, posterior: Floats) -> tuple[Floats, Floats]:
    """Log frequency of classes, and log likelihood of each answer for each class."""
    cell, size = crowd.worker * crowd.classes + crowd.label, crowd.workers * crowd.classes
    counts = np.stack(
        [
            np.bincount(cell, weights=posterior[crowd.item, k], minlength=size).reshape(crowd.workers, -1)
            for k in range(crowd.classes)
        ],
        axis=1,
    )
    said = np.bincount(cell, minlength=size).reshape(crowd.workers, 1, -1) > 0
    counts = np.maximum(counts, _LEAST) * said
    rows = counts / np.maximum(counts.sum(2, keepdims=True), 1e-300)
    likelihood: Floats = np.log(np.maximum(rows, 1e-300))[crowd.worker, :, crowd.label]
    return np.log(np.maximum(posterior.mean(0), _LEAST)), likelihood


def _right(scores: Floats, truth: Ints) -> float:
    best = scores >= scores.max(1, keepdims=True) - 1e-9
    return float((best[np.arange(len(truth)), truth] / best.sum(1)).mean())


def _labels_to(crowd: Crowd, truth: Ints, method: Callable[[Crowd], Floats], goal: float) -> float | None:
    before = (0.0, 0.0)
    for step in [one for one in STEPS if one * crowd.items < crowd.size] + [crowd.size / crowd.items]:
        runs = [_first(crowd, step, seed) for seed in range(ORDERS)]
        labels = float(np.mean([run.size for run in runs])) / crowd.items
        reached = float(np.mean([_right(method(run), truth) for run in runs]))
        if reached >= goal:
            share = (goal - before[1]) / (reached - before[1])
            return labels if before[0] == 0 else before[0] + share * (labels - before[0])
        before = (labels, reached)
    return None


def _first(crowd: Crowd, labels: float, seed: int) -> Crowd:
    """The first so many labels of each item, in a random order; of a fraction, some items get one more."""
    random = np.random.default_rng(seed)
    order = np.lexsort((random.random(crowd.size), crowd.item))
    starts = np.searchsorted(crowd.item[order], np.arange(crowd.items))
    place = np.empty(crowd.size, dtype=np.int64)
    place[order] = np.arange(crowd.size) - starts[crowd.item[order]]
    most = np.floor(labels) + (random.random(crowd.items) < labels % 1)
    return crowd.only(place < most[crowd.item])
