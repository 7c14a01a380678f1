"""Auto-annotation over texts whose labels are known: a simulated person answers the known label.

The platform's own way (`annotator`) is measured beside random order and margin sampling, with the same batches, data
and aims: as public tools do it (linear head on the embeddings) and, if wanted, with all that our machine learns by
(wording, neighbours), so that what comes of choosing items is told apart from what comes of learning better.
Accuracy is measured twice too: of predictions on held-out items, and of the labels that the pool would be delivered
with (a person's where there is one, else the predicted one).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from apps.labeling.machine.acceptance import Audit
from apps.labeling.machine.annotator import Annotator, Purpose
from apps.labeling.machine.items import Items
from apps.labeling.machine.pool import EQUAL_PART, Pool, fit, part_of_head, softmax
from apps.labeling.machine.predictor import Head, fit_head
from apps.labeling.machine.steps import BATCH_SHARE, GROWTH, LEAST_BATCH, LEAST_FIRST
from apps.labeling.machine.wording import Wording, unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]

METHODS = ("human", "random", "margin")
#: The last two with all that our machine learns by.
SAME = ("random_same", "margin_same")
#: Where the target is beyond even a head that has seen all labels, methods are compared at this share of its accuracy.
NEAR_FULL = 0.98


@dataclass(frozen=True)
class Known:
    """The pool and the held-out items with their true classes; `foreign` is the class out of scope, or -1.

    Attributes:
        plain, held_plain: unit embeddings alone; `pool` and `held` have the wording of the texts beside them.
    """

    pool: Pool
    plain: Floats
    labels: Integers
    held: Floats
    held_plain: Floats
    held_labels: Integers
    classes: int
    foreign: int

    @classmethod
    def of(cls, items: Items, vectors: Floats) -> Known:
        """Divide items and their vectors of shape (n, d)."""
        import numpy as np

        away = np.array(items.held_out)
        labels = np.array(items.labels, dtype=np.int64)
        plain, held = unit(vectors[~away]), unit(vectors[away])
        inside, outside = ([items.texts[one] for one in np.flatnonzero(part)] for part in (~away, away))
        wording = Wording.of(inside)
        if wording is None:
            pool, held_worded = Pool.of(plain), held
        else:
            pool, held_worded = Pool.of(wording.beside(plain, inside)), wording.beside(held, outside)
        foreign = -1 if items.out_of_scope is None else items.out_of_scope
        return cls(pool, plain, labels[~away], held_worded, held, labels[away], len(items.classes), foreign)

    @property
    def never(self) -> list[int]:
        """Classes that the machine may not give."""
        return [] if self.foreign < 0 else [self.foreign]

    def held_accuracy(self, predicted: Integers) -> float:
        """Of the held-out items that belong to a known class, the share predicted right."""
        counted = self.held_labels != self.foreign
        return float((predicted == self.held_labels)[counted].mean()) if counted.any() else 0.0


@dataclass(frozen=True)
class Point:
    """Accuracy after a number of human labels."""

    labels: int
    held_out: float
    pool: float


@dataclass(frozen=True)
class Aims:
    """Accuracies to be reached."""

    target: float
    held_out_full: float

    @property
    def near_full(self) -> float:
        """A share of what the head reaches with every label of the pool."""
        return NEAR_FULL * self.held_out_full

    def reached(self, points: Sequence[Point]) -> bool:
        """Whether going on can show nothing more."""
        last = max(one.held_out for one in points)
        held = last >= self.near_full and (last >= self.target or self.held_out_full < self.target)
        return held and points[-1].pool >= self.target


def replay(
    known: Known, *, target: float, seeds: int, same: bool = False, progress: Callable[[str], None]
) -> dict[str, Any]:
    """Run everything; the result is plain JSON, described in docs/guides/auto-annotation.md.

    Args:
        target: the accuracy to reach, and the precision promised of machine labels.
        seeds: how many times, with seeds 0, 1, ...
        same: also measure random order and margin sampling with all that our machine learns by.
    """
    methods = METHODS + SAME if same else METHODS
    full = fit_head(known.plain, known.labels, known.classes)
    aims = Aims(target, known.held_accuracy(full.scores(known.held_plain).argmax(axis=1)))
    curves: dict[str, list[list[Point]]] = {method: [] for method in methods}
    for seed in range(seeds):
        for method in methods:
            curves[method].append(_curve(known, method, seed, aims))
            last = curves[method][-1][-1]
            progress(f"seed {seed}, {method}: {last.labels} labels, held out {last.held_out:.3f}, pool {last.pool:.3f}")
    runs = []
    for seed in range(seeds):
        runs.append(_whole_course(known, target, seed))
        progress(f"seed {seed}, whole order: {runs[-1]}")
    return {
        "items": len(known.pool),
        "held_out_items": len(known.held_labels),
        "classes": known.classes - len(known.never),
        "target": target,
        "seeds": seeds,
        "held_out_accuracy_of_all_labels": round(aims.held_out_full, 4),
        **_compared(curves, target, "pool", ""),
        **_compared(curves, target, "held_out", "_held_out"),
        **_compared(curves, aims.near_full, "held_out", "_near_full"),
        "near_full_target": round(aims.near_full, 4),
        **runs[0],
        "least_measured_precision": min(
            (run["measured_precision"] for run in runs if run["measured_precision"] is not None), default=None
        ),
        "runs": runs,
    }


def labels_to(points: Sequence[Point], target: float, measure: str) -> int | None:
    """Human labels when the accuracy was first reached; None where it never was."""
    return next((one.labels for one in points if getattr(one, measure) >= target), None)


def _compared(
    curves: dict[str, list[list[Point]]], target: float, measure: str, suffix: str
) -> dict[str, float | int | None]:
    """Median labels of each method over the seeds, and the ratios of ours to the others."""
    needed: dict[str, float | None] = {}
    for method, found in curves.items():
        counts = [labels_to(points, target, measure) for points in found]
        reached = [one for one in counts if one is not None]
        needed[method] = median(reached) if len(reached) == len(counts) else None

    others = [method for method in curves if method != "human"]

    def ratio(other: str) -> float | None:
        ours, theirs = needed["human"], needed[other]
        return None if ours is None or theirs is None else round(ours / theirs, 3)

    return {
        f"human_labels_to_target{suffix}": needed["human"],
        **{f"{method}_labels{suffix}": needed[method] for method in others},
        **{f"ratio_to_{method}{suffix}": ratio(method) for method in others},
    }


def _curve(known: Known, method: str, seed: int, aims: Aims) -> list[Point]:
    steps = _own_steps(known, seed) if method == "human" else _other_steps(known, method, seed)
    points: list[Point] = []
    for labelled, in_pool, in_held in steps:
        delivered = in_pool == known.labels
        delivered[labelled] = True
        points.append(Point(len(labelled), known.held_accuracy(in_held), float(delivered.mean())))
        if aims.reached(points):
            break
    return points


def _own_steps(known: Known, seed: int) -> Iterator[tuple[Integers, Integers, Integers]]:
    """Labelled places, predictions for the pool and for the held-out items, after each batch. Without any audit."""
    import numpy as np

    annotator = Annotator(known.pool, known.classes, promised=None, seed=seed, never=known.never)
    while (request := annotator.ask()) is not None:
        if annotator.fitted is not None:
            places = np.flatnonzero(annotator.human >= 0)
            yield places, annotator.fitted.of_pool().best, annotator.fitted.of(known.held).best
        annotator.tell(known.labels[request.places].tolist())


def _other_steps(known: Known, method: str, seed: int) -> Iterator[tuple[Integers, Integers, Integers]]:
    """The same for random order or margin sampling, from a random start."""
    import numpy as np

    order = np.random.default_rng(seed).permutation(len(known.labels))
    places = order[: max(LEAST_FIRST, known.classes)]
    learn = _Same(known) if method.endswith("_same") else _Plain(known)
    while True:
        probabilities, in_held = learn(places)
        yield places, probabilities.argmax(axis=1), in_held
        count = max(LEAST_BATCH, len(places) // BATCH_SHARE)
        open_places = np.setdiff1d(np.arange(len(order)), places)
        if not len(open_places):
            return
        if method.startswith("random"):
            places = order[: len(places) + count]
        else:
            top = np.partition(probabilities[open_places], -2, axis=1)
            doubtful = np.argsort(top[:, -1] - top[:, -2], kind="stable")[:count]
            places = np.concatenate([places, open_places[doubtful]])


@dataclass
class _Plain:
    """Learns as public tools do; called with labelled places it tells the pool's probabilities and the held labels."""

    known: Known
    head: Head | None = None

    def __call__(self, places: Integers) -> tuple[Floats, Integers]:
        known = self.known
        self.head = fit_head(known.plain[places], known.labels[places], known.classes, start=self.head)
        return softmax(self.head.scores(known.plain)), self.head.scores(known.held_plain).argmax(axis=1)


@dataclass
class _Same:
    """Learns as our machine does."""

    known: Known
    head: Head | None = None
    part: float = EQUAL_PART
    weighed_at: int = 0

    def __call__(self, places: Integers) -> tuple[Floats, Integers]:
        known, labels = self.known, self.known.labels[places]
        if len(places) >= GROWTH * self.weighed_at:
            self.part = part_of_head(known.pool, places, labels, known.classes)
            self.weighed_at = len(places)
        fitted = fit(known.pool, places, labels, known.classes, start=self.head, part=self.part)
        self.head = fitted.head
        return fitted.of_pool().probabilities, fitted.of(known.held).best


def _whole_course(known: Known, promised: float, seed: int) -> dict[str, Any]:
    """One order from the first label to the last, with audits and machine labels."""
    annotator = Annotator(known.pool, known.classes, promised=promised, seed=seed, never=known.never)
    asked = dict.fromkeys(Purpose, 0)
    passed, accepted_at = 0, 0
    while (request := annotator.ask()) is not None:
        annotator.tell(known.labels[request.places].tolist())
        asked[request.purpose] += len(request.places)
        if sum(one.passed for one in annotator.audits) > passed:
            passed, accepted_at = passed + 1, annotator.labelled
    accepted = annotator.machine >= 0
    right = annotator.machine[accepted] == known.labels[accepted]
    return {
        "promised_precision": promised,
        "human_labels": annotator.labelled,
        **{f"human_labels_{purpose.value}": count for purpose, count in asked.items()},
        "human_labels_left": annotator.labelled - accepted_at if accepted_at else None,
        "machine_accepted": int(accepted.sum()),
        "machine_share": round(float(accepted.mean()), 4),
        "measured_precision": round(float(right.mean()), 4) if len(right) else None,
        "delivered_accuracy": round(1 - float((~right).sum()) / len(known.pool), 4),
        **_audit_figures(annotator.audits),
        **_out_of_scope_figures(known, annotator, accepted),
    }


def _audit_figures(audits: Sequence[Audit]) -> dict[str, Any]:
    """What the audits say together: each accepted proposal counts by its size."""
    passed = [one for one in audits if one.passed]
    stood_for = sum(one.proposed for one in passed)

    def over_all(values: Sequence[float]) -> float | None:
        weighed = sum(one.proposed * value for one, value in zip(passed, values, strict=True))
        return round(weighed / stood_for, 4) if stood_for else None

    return {
        "audits": len(audits),
        "audits_passed": len(passed),
        "audit_size": sum(one.size for one in audits),
        "audit_share": round(sum(one.size for one in passed) / stood_for, 4) if stood_for else None,
        "audit_precision": over_all([one.right / one.size for one in passed]),
        "audit_precision_low": over_all([one.low for one in passed]),
        "audit_precision_high": over_all([one.high for one in passed]),
    }


def _out_of_scope_figures(known: Known, annotator: Annotator, accepted: NDArray[np.bool_]) -> dict[str, Any]:
    """How many items that belong to no class the machine labelled, in the pool and by its rule on held-out ones."""
    held = annotator.fitted.of(known.held) if annotator.fitted is not None else None
    would = annotator.accepts(held) if held is not None else known.held_labels < 0
    foreign, held_foreign = known.labels == known.foreign, known.held_labels == known.foreign
    count = int(foreign.sum() + held_foreign.sum())
    labelled = int((accepted & foreign).sum() + (would & held_foreign).sum())
    return {
        "out_of_scope_items": count,
        "out_of_scope_accepted": labelled,
        "out_of_scope_accepted_share": round(labelled / count, 4) if count else None,
    }
