"""How boxes, polygons and keypoints of several annotators are compared and brought together.

Annotators draw the same objects in any order, miss some and invent others. Shapes of different annotators are put into
clusters by how close they are (`closeness`: 0 to 1, intersection over union or nearness); a cluster stands for one
object and holds at most one shape of each annotator.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    #: Row i, column j: how close shape i of one list is to shape j of another.
    Closeness = NDArray[np.float64]

#: From this closeness on two shapes can be of the same object.
MATCH_FROM = 0.5
#: Two shapes less close than this are as good as apart.
COUNTED_FROM = 0.2
MAX_PAIRS = 200_000
#: Weights stay within these: an annotator's record is of whole answers, and a bad one still finds most objects.
LEAST_ACCURACY, MOST_ACCURACY = 0.55, 0.95
#: No number of answers makes an object certain: annotators err on the same ones.
MAX_CONFIDENCE = 0.999
#: Shapes that agree this well leave no doubt about where the object is.
EXACT_FROM = 0.8
#: What another label takes off the closeness, so that a shape goes to its namesake where two lie on each other.
OTHER_LABEL = 0.8

Number = int | float


@dataclass(frozen=True, slots=True)
class Drawn:
    """One shape of one annotator; `geometry` is any plain tuple that orders shapes, `weight` is the annotator's."""

    annotator: str
    weight: float
    label: str
    geometry: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What a cluster says: the shapes of it, its label, and how sure its being there and its label are."""

    members: tuple[Drawn, ...]
    label: str
    presence: float
    label_confidence: float


def quality(one: Closeness, matches: Sequence[tuple[int, int]]) -> float:
    """Agreement of two lists of shapes: F1 of the matches times their mean closeness ("panoptic quality")."""
    rows, columns = one.shape
    if rows + columns == 0:
        return 1.0
    return 2 * math.fsum(float(one[row, column]) for row, column in matches) / float(rows + columns)


def best_matches(closeness: Closeness) -> list[tuple[int, int]]:
    """Pairs of row and column with the greatest sum of closeness, each at least `MATCH_FROM`."""
    # SciPy is slow to import, and only tasks on images need it.
    from scipy.optimize import linear_sum_assignment

    if 0 in closeness.shape:
        return []
    usable = closeness * (closeness >= MATCH_FROM)
    rows, columns = linear_sum_assignment(usable, maximize=True)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if usable[row, column] > 0]


def only_namesakes(closeness: Closeness, rows: Sequence[Drawn], columns: Sequence[Drawn]) -> Closeness:
    """The same, 0 between shapes of different labels."""
    import numpy as np  # only tasks on images need it

    first = np.array([shape.label for shape in rows], dtype=object)
    second = np.array([shape.label for shape in columns], dtype=object)
    result: Closeness = closeness * (first[:, None] == second[None, :])
    return result


def weight_of(accuracy: float) -> float:
    """What an annotator's word counts: the log-odds of being right."""
    held = min(MOST_ACCURACY, max(LEAST_ACCURACY, accuracy))
    return math.log(held / (1 - held))


def weighted_median(values: Sequence[Number], weights: Sequence[float]) -> float:
    """The value with half of the weight on each side, midway between two where the halves meet there."""
    half = math.fsum(weights) / 2
    pairs = sorted(zip(values, weights, strict=True))
    seen = 0.0
    for index, (value, weight) in enumerate(pairs):
        seen += weight
        if math.isclose(seen, half, rel_tol=1e-9) and index + 1 < len(pairs):
            return (value + pairs[index + 1][0]) / 2
        if seen > half:
            return float(value)
    return float(pairs[-1][0])


def clusters(
    shapes: Sequence[Drawn], closeness_of: Callable[[Sequence[Drawn], Sequence[Drawn]], Closeness]
) -> list[tuple[Drawn, ...]]:
    """The shapes by object: closest pairs first, never two of one annotator, as long as all are close on average.

    The result does not depend on the order of `shapes`, nor on what annotators are called.
    """
    ordered = sorted(shapes, key=lambda one: (one.geometry, one.label, one.weight, one.annotator))
    pairs, close = _pairs(ordered, closeness_of)
    groups = [[index] for index in range(len(ordered))]
    home = list(range(len(ordered)))
    for one, other in pairs:
        first, second = home[one], home[other]
        if first == second or not _may_join(groups[first], groups[second], ordered, close):
            continue
        groups[first] += groups[second]
        for index in groups[second]:
            home[index] = first
        groups[second] = []
    return [tuple(ordered[index] for index in sorted(group)) for group in groups if group]


def _pairs(
    ordered: Sequence[Drawn], closeness_of: Callable[[Sequence[Drawn], Sequence[Drawn]], Closeness]
) -> tuple[list[tuple[int, int]], dict[tuple[int, int], float]]:
    """Pairs of two annotators' shapes that may be one object, the surest first, and how close any two are.

    The order of `ordered` decides between equals.
    """
    import numpy as np  # only tasks on images need it

    drawn_by: dict[str, list[int]] = {}
    for index, shape in enumerate(ordered):
        drawn_by.setdefault(shape.annotator, []).append(index)
    labels = np.array([shape.label for shape in ordered], dtype=object)
    blocks = []
    # Block by block: all at once would take gigabytes for many annotators with hundreds of shapes each.
    for mine, theirs in itertools.combinations(drawn_by.values(), 2):
        block = closeness_of([ordered[index] for index in mine], [ordered[index] for index in theirs])
        rows, columns = np.nonzero(block >= COUNTED_FROM)
        one, other = np.array(mine)[rows], np.array(theirs)[columns]
        close = block[rows, columns]
        fit = np.round(close * np.where(labels[one] == labels[other], 1.0, OTHER_LABEL), 9)
        blocks.append(np.stack([-fit, np.minimum(one, other), np.maximum(one, other), close]))
    if not blocks:
        return [], {}
    counted = np.concatenate(blocks, axis=1)
    if counted.shape[1] > MAX_PAIRS:
        # Only shapes drawn on each other by the hundred come here; the cut must not depend on the order.
        counted = counted[:, counted[0] < np.partition(counted[0], MAX_PAIRS)[MAX_PAIRS]]
    counted = counted[:, np.lexsort((counted[2], counted[1], counted[0]))]
    keys = list(zip(counted[1].astype(int).tolist(), counted[2].astype(int).tolist(), strict=True))
    near = counted[3].tolist()
    pairs = [key for key, value in zip(keys, near, strict=True) if value >= MATCH_FROM]
    return pairs, dict(zip(keys, near, strict=True))


def _may_join(
    first: Sequence[int], second: Sequence[int], ordered: Sequence[Drawn], close: Mapping[tuple[int, int], float]
) -> bool:
    if {ordered[index].annotator for index in first} & {ordered[index].annotator for index in second}:
        return False
    total = math.fsum(close.get((min(one, other), max(one, other)), 0.0) for one in first for other in second)
    return total / (len(first) * len(second)) >= MATCH_FROM


def judge(groups: Sequence[tuple[Drawn, ...]], total_weight: float, classes: int) -> tuple[list[Found], list[float]]:
    """Which clusters are objects (found by at least half of the weight), and how sure each decision is.

    Returns:
        The objects, and for each cluster that is none the probability that leaving it out is right.
    """
    kept, left_out = [], []
    for members in groups:
        finders = math.fsum(one.weight for one in members)
        odds = 2 * finders - total_weight
        # Sums of the same weights in another order differ in the last digit.
        if odds < -1e-9:
            left_out.append(sigmoid(-odds))
            continue
        label, sure = vote([(one.label, one.weight) for one in members], classes)
        kept.append(Found(members, label, sigmoid(max(0.0, odds)), sure))
    return kept, left_out


def vote(votes: Sequence[tuple[str, float]], classes: int) -> tuple[str, float]:
    """The label with most weight, the first by name among equals, and its probability among `classes` labels."""
    if classes < 2:
        return votes[0][0], 1.0
    scores: dict[str, list[float]] = {}
    for label, weight in votes:
        # One answer tells its label from each single other one; wrong answers spread over all of them.
        scores.setdefault(label, []).append(weight + math.log(classes - 1))
    sums = {label: math.fsum(parts) for label, parts in scores.items()}
    best = min(sums, key=lambda label: (-round(sums[label], 9), label))
    others = math.fsum(math.exp(total - sums[best]) for label, total in sums.items() if label != best)
    unnamed = (classes - len(sums)) * math.exp(-sums[best])
    return best, 1 / (1 + others + max(0.0, unnamed))


def confidence(decisions: Sequence[float], total_weight: float) -> float:
    """How sure an item's shapes are together: the mean over its decisions; of none, that nothing is there."""
    sure = math.fsum(decisions) / len(decisions) if decisions else sigmoid(total_weight)
    return min(MAX_CONFIDENCE, sure)


def exactness(mean_closeness: float) -> float:
    """How far shapes that agree so well tell where the object is."""
    return min(1.0, mean_closeness / EXACT_FROM)


def sigmoid(log_odds: float) -> float:
    """The probability with these log-odds."""
    return 1 / (1 + math.exp(-log_odds))
