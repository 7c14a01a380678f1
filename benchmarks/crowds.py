"""Simulated crowds of many kinds, to see whether what is bought on recorded answers holds on others too.

Workers differ in accuracy and activity; some guess, some always err the same way, some lean to a class. Items differ in
difficulty; some look like another class to a share of those who see them. Classes differ in frequency, and some are
mistaken for each other. Every crowd follows from its kind and place in the list.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apps.labeling.quality.records import Recorded

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a crowd is like.

    Args:
        accuracy, spread: workers' mean and standard deviation.
        guessing, contrary: shares of workers who guess, and who always take the next class.
        ambiguous: share of items that look like another class to a share of workers (drawn from Beta(1.5, 1.5)).
        difficulty: standard deviation of items, in log-odds.
        rarity: each class is exp(-rarity) times as frequent as the one before.
        leaning: standard deviation of workers' log-odds for each class.
        confusable: whether some classes are mistaken for each other more than others.
        inequality: the n-th most active worker gives 1 / n^inequality of the most active one's answers.
    """

    name: str
    items: int
    workers: int
    classes: int
    redundancy: int
    accuracy: float = 0.75
    spread: float = 0.12
    guessing: float = 0.0
    contrary: float = 0.0
    ambiguous: float = 0.2
    difficulty: float = 0.0
    rarity: float = 0.0
    leaning: float = 0.0
    confusable: bool = False
    inequality: float = 0.8


def _kind(name: str, shape: tuple[int, int, int, int], **what: float | bool) -> Kind:
    items, workers, classes, redundancy = shape
    return Kind(name=name, items=items, workers=workers, classes=classes, redundancy=redundancy, **what)  # type: ignore[arg-type]


KINDS = (
    _kind("easy", (300, 40, 2, 10), accuracy=0.85, spread=0.08),
    _kind("quarter guesses", (400, 80, 2, 10), accuracy=0.72, spread=0.15, guessing=0.25),
    _kind("ambiguous", (500, 60, 2, 20), accuracy=0.8, spread=0.1, ambiguous=0.4),
    _kind("rare class", (800, 150, 2, 3), accuracy=0.82, spread=0.1, rarity=1.8, leaning=0.4),
    _kind("few workers", (150, 10, 2, 8), spread=0.1, ambiguous=0.3),
    _kind("long tail", (1500, 200, 2, 5), guessing=0.1, ambiguous=0.25, inequality=1.2),
    _kind("leaning", (300, 40, 2, 30), accuracy=0.7, leaning=0.8, difficulty=0.6),
    _kind("uneven items", (400, 60, 3, 7), difficulty=0.9),
    _kind("confusable", (600, 100, 4, 10), accuracy=0.72, confusable=True, ambiguous=0.3),
    _kind("four classes", (500, 40, 4, 5), accuracy=0.7, spread=0.1, confusable=True, rarity=0.5),
    _kind("hard", (600, 120, 5, 6), accuracy=0.5, spread=0.15, guessing=0.2, confusable=True, rarity=0.4),
    _kind("four answers each", (300, 450, 5, 6), accuracy=0.78, spread=0.1, ambiguous=0.3, inequality=0.3),
    _kind("contrary", (300, 50, 6, 8), accuracy=0.7, contrary=0.08, guessing=0.1),
    _kind("eight classes", (400, 80, 8, 5), accuracy=0.7, confusable=True),
    _kind("ten classes", (500, 44, 10, 4), accuracy=0.68, spread=0.15, confusable=True),
    _kind("forty labels", (150, 500, 2, 40), accuracy=0.68, ambiguous=0.4, guessing=0.2),
    _kind("shared errors", (300, 100, 2, 15), accuracy=0.8, spread=0.08, ambiguous=0.6),
    _kind("half guesses", (300, 60, 3, 12), accuracy=0.82, spread=0.08, guessing=0.5),
    _kind("everybody little", (600, 400, 2, 5), accuracy=0.77, inequality=0.1),
)


def crowds() -> list[tuple[str, Recorded]]:
    """One crowd of each kind."""
    return [(kind.name, simulated(kind, seed)) for seed, kind in enumerate(KINDS, start=1)]


def simulated(kind: Kind, seed: int) -> Recorded:
    """A crowd's answers and the true labels."""
    drawn = _Drawn(kind, np.random.default_rng(seed))
    names = [f"item {n:05d}" for n in range(kind.items)]
    answers = [
        (names[item], f"worker {worker:04d}", f"class {drawn.answer(item, worker):02d}")
        for item in range(kind.items)
        for worker in drawn.asked()
    ]
    known = {name: f"class {int(label):02d}" for name, label in zip(names, drawn.truth, strict=True)}
    return Recorded(names, sorted(answers), known, 0)


class _Drawn:
    """Workers, items and classes of one crowd."""

    def __init__(self, kind: Kind, random: np.random.Generator) -> None:
        self.kind, self.random = kind, random
        classes, items, workers = kind.classes, kind.items, kind.workers
        frequency = np.exp(-kind.rarity * np.arange(classes))
        self.truth = random.choice(classes, items, p=frequency / frequency.sum())
        accuracy = np.clip(random.normal(kind.accuracy, kind.spread, workers), 0.05, 0.99)
        self.odds = np.log(accuracy / (1 - accuracy))
        role = random.random(workers)
        self.guesses = role < kind.guessing
        self.contrary = (role >= kind.guessing) & (role < kind.guessing + kind.contrary)
        self.activity = random.permutation(1 / np.arange(1, workers + 1) ** kind.inequality)
        self.ease = random.normal(0, kind.difficulty, items)
        self.share = random.beta(1.5, 1.5, items) * (random.random(items) < kind.ambiguous)
        self.other = (self.truth + random.integers(1, classes, items)) % classes
        self.mistaken: Floats = (
            random.dirichlet(np.full(classes, 0.7), classes) if kind.confusable else np.ones((classes, classes))
        )
        self.lean = random.normal(0, kind.leaning, (workers, classes))

    def asked(self) -> list[int]:
        """Workers for one item, the active ones more often."""
        waits = self.random.exponential(size=self.kind.workers) / self.activity
        return [int(worker) for worker in np.argsort(waits)[: self.kind.redundancy]]

    def answer(self, item: int, worker: int) -> int:
        """What a worker says of an item."""
        classes = self.kind.classes
        leaning = np.exp(self.lean[worker])
        if self.guesses[worker]:
            return int(self.random.choice(classes, p=leaning**2 / (leaning**2).sum()))
        seen = int(self.other[item] if self.random.random() < self.share[item] else self.truth[item])
        right = 1 / (1 + np.exp(-(self.odds[worker] + self.ease[item])))
        chances = self.mistaken[seen].copy()
        chances[seen] = 0
        chances *= (1 - right) / chances.sum()
        chances[seen] = right
        chances *= leaning
        said = int(self.random.choice(classes, p=chances / chances.sum()))
        return (said + 1) % classes if self.contrary[worker] else said
