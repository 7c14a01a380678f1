"""Simulated crowds that err in other ways than the model assumes, to see whether what holds on `crowds` holds there.

In none of them is a worker a matrix and an item one that "looks like another class to a share": skill and difficulty
multiply, workers know some topics and not others, copy each other, fall for the same traps, draw the line between
neighbouring classes elsewhere, or grow tired.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from apps.labeling.quality.records import Recorded

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: The chance of each class for each answer, by items and workers of the answers.
Chances = Callable[[Ints, Ints], Floats]


def other_crowds(seed: int = 0) -> list[tuple[str, Recorded]]:
    """One crowd of each kind."""
    return [(name, make(np.random.default_rng((place, seed)))) for place, (name, make) in enumerate(OTHERS.items())]


def _skill_times_ease(random: np.random.Generator) -> Recorded:
    """Whitehill's model: log-odds of a right answer are skill times ease."""
    truth, skill, ease = random.integers(0, 2, 500), random.normal(1.2, 0.8, 60), random.lognormal(0.0, 0.8, 500)
    right = _Right(truth, 2, lambda item, worker: _logistic(skill[worker] * ease[item]))
    return _drawn(random, right.chances, truth, workers=60, redundancy=10)


def _topics(random: np.random.Generator) -> Recorded:
    """Each worker knows some of five topics well and others badly."""
    truth, topic = random.choice(3, 450, p=(0.5, 0.3, 0.2)), random.integers(0, 5, 450)
    knows = np.clip(random.normal(0.72, 0.18, (50, 5)), 0.34, 0.98)
    right = _Right(truth, 3, lambda item, worker: knows[worker, topic[item]])
    return _drawn(random, right.chances, truth, workers=50, redundancy=8)


def _traps(random: np.random.Generator) -> Recorded:
    """One item in eight misleads three in four of those who see it; all others are easy."""
    truth, trap = random.integers(0, 2, 400), random.random(400) < 0.125
    skill = np.clip(random.normal(0.88, 0.06, 45), 0.5, 0.99)
    right = _Right(truth, 2, lambda item, worker: np.where(trap[item], 0.25, skill[worker]))
    return _drawn(random, right.chances, truth, workers=45, redundancy=9)


def _lines(random: np.random.Generator) -> Recorded:
    """Each worker sees an amount more or less exactly, and draws the line between two classes elsewhere."""
    return _graded(random, items=300, workers=40, lines=(0.0,), redundancy=20)


def _grades(random: np.random.Generator) -> Recorded:
    """Five grades, with lines drawn elsewhere by each worker; the middle ones are rarer."""
    return _graded(random, items=400, workers=90, lines=(-0.8, -0.25, 0.25, 0.8), redundancy=8)


def _copies(random: np.random.Generator) -> Recorded:
    """A third of the workers mostly say what one other worker would have said."""
    truth, workers = random.integers(0, 3, 400), 48
    leader_says = np.where(random.random(400) < 0.65, truth, random.integers(0, 3, 400))
    skill, copies = np.clip(random.normal(0.74, 0.12, workers), 0.34, 0.98), np.arange(workers) < workers // 3
    own = _Right(truth, 3, lambda item, worker: skill[worker])

    def chances(item: Ints, worker: Ints) -> Floats:
        copied = np.eye(3)[leader_says[item]]
        share = np.where(copies[worker], 0.8, 0.0)[:, None]
        found: Floats = share * copied + (1 - share) * own.chances(item, worker)
        return found

    return _drawn(random, chances, truth, workers=workers, redundancy=9)


def _tired(random: np.random.Generator) -> Recorded:
    """Workers guess more and more from their first item to their last."""
    truth, skill = random.integers(0, 4, 500), np.clip(random.normal(0.85, 0.08, 60), 0.4, 0.98)
    right = _Right(truth, 4, lambda item, worker: 0.25 + (skill[worker] - 0.25) * (1 - 0.7 * item / 500))
    return _drawn(random, right.chances, truth, workers=60, redundancy=7)


def _few_experts(random: np.random.Generator) -> Recorded:
    """One worker in twelve knows, the others hardly."""
    truth, expert = random.integers(0, 2, 400), np.arange(60) < 5
    skill = np.where(expert, 0.95, np.clip(random.normal(0.62, 0.08, 60), 0.4, 0.8))
    right = _Right(truth, 2, lambda item, worker: skill[worker])
    return _drawn(random, right.chances, truth, workers=60, redundancy=12)


def _one_in_twelve(random: np.random.Generator) -> Recorded:
    """One item in twelve is of the class looked for; it is overlooked twice as often as others are mistaken."""
    truth = (random.random(1200) < 1 / 12).astype(np.int64)
    skill = np.clip(random.normal(0.9, 0.06, 120), 0.5, 0.99)
    right = _Right(truth, 2, lambda item, worker: np.where(truth[item] == 1, 2 * skill[worker] - 1.03, skill[worker]))
    return _drawn(random, right.chances, truth, workers=120, redundancy=3)


def _strangers(random: np.random.Generator) -> Recorded:
    """Hardly anybody answers more than twice."""
    truth, workers = random.choice(4, 300, p=(0.4, 0.3, 0.2, 0.1)), 900
    skill, ease = np.clip(random.normal(0.72, 0.15, workers), 0.25, 0.99), random.normal(0, 0.7, 300)
    right = _Right(truth, 4, lambda item, worker: _logistic(_logit(skill[worker]) + ease[item]))
    return _drawn(random, right.chances, truth, workers=workers, redundancy=6, inequality=0.0)


OTHERS: dict[str, Callable[[np.random.Generator], Recorded]] = {
    "skill times ease": _skill_times_ease,
    "topics": _topics,
    "traps": _traps,
    "lines": _lines,
    "grades": _grades,
    "copies": _copies,
    "tired": _tired,
    "few experts": _few_experts,
    "one in twelve": _one_in_twelve,
    "strangers": _strangers,
}


class _Right:
    """Answers that are right with some chance, and any other class alike where they are not."""

    def __init__(self, truth: Ints, classes: int, chance: Callable[[Ints, Ints], Floats]) -> None:
        self.truth, self.classes, self.chance = truth, classes, chance

    def chances(self, item: Ints, worker: Ints) -> Floats:
        right = np.broadcast_to(self.chance(item, worker), item.shape)[:, None]
        is_true = np.eye(self.classes)[self.truth[item]]
        found: Floats = is_true * right + (1 - is_true) * (1 - right) / (self.classes - 1)
        return found


def _graded(
    random: np.random.Generator, *, items: int, workers: int, lines: tuple[float, ...], redundancy: int
) -> Recorded:
    amount = random.normal(0, 1, items)
    truth = np.searchsorted(lines, amount).astype(np.int64)
    blur, shift = random.lognormal(-0.4, 0.5, workers), random.normal(0, 0.35, (workers, len(lines)))
    drawn = np.sort(np.array(lines) + shift, axis=1)

    def chances(item: Ints, worker: Ints) -> Floats:
        above = _logistic(1.7 * (amount[item][:, None] - drawn[worker]) / blur[worker][:, None])
        edges = np.hstack([np.ones((len(item), 1)), above, np.zeros((len(item), 1))])
        found: Floats = edges[:, :-1] - edges[:, 1:]
        return found

    return _drawn(random, chances, truth, workers=workers, redundancy=redundancy)


def _drawn(
    random: np.random.Generator,
    chances: Chances,
    truth: Ints,
    *,
    workers: int,
    redundancy: int,
    inequality: float = 0.7,
) -> Recorded:
    """Answers of some workers to each item, the active ones more often."""
    items = len(truth)
    activity = random.permutation(1 / np.arange(1, workers + 1) ** inequality)
    waits = random.exponential(size=(items, workers)) / activity
    worker = np.argsort(waits, axis=1)[:, :redundancy].ravel()
    item = np.repeat(np.arange(items), redundancy)
    label = (np.cumsum(chances(item, worker), axis=1) < random.random((len(item), 1))).sum(1)
    names = [f"item {n:05d}" for n in range(items)]
    answers = [
        (names[at], f"worker {who:04d}", f"class {said:02d}")
        for at, who, said in zip(item.tolist(), worker.tolist(), label.tolist(), strict=True)
    ]
    known = {name: f"class {at:02d}" for name, at in zip(names, truth.tolist(), strict=True)}
    return Recorded(names, sorted(answers), known, 0)


def _logistic(value: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-value)))


def _logit(share: Floats) -> Floats:
    return np.asarray(np.log(share / (1 - share)))
