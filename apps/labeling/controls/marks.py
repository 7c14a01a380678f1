"""What annotators marked along a line together: is it there, which label, from where to where, and how sure is that."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apps.labeling.controls.intervals import Interval, Marked, iou
from apps.labeling.controls.votes import decide, posterior
from apps.labeling.controls.voting import MAX_CONFIDENCE, within

#: Vote of an annotator who marked nothing here.
NOTHING = ""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that annotators marked.

    `probability`: that it is there with this label, times how well those who gave the label agree on where it is.
    """

    interval: Interval
    probability: float
    is_there: bool
    members: tuple[Marked, ...]


def found_in(
    group: Sequence[Marked],
    accuracies: Sequence[float],
    class_count: int,
    bounds: Callable[[Sequence[tuple[Interval, float]]], tuple[int, int]],
) -> Found:
    """What a cluster says.

    Args:
        group: intervals that mean the same thing, at most one an annotator.
        accuracies: of all annotators of the item; those without an interval in the group say that nothing is there.
        class_count: labels to choose from.
        bounds: start and end that (interval, accuracy) of the label's supporters lead to.
    """
    labels = {one.by: one.interval.label for one in group}
    votes = [(labels.get(by, NOTHING), accuracy) for by, accuracy in enumerate(accuracies)]
    decided = decide(votes, wrong_options=class_count)
    label = decided.option
    if label == NOTHING:
        label = decide([vote for vote in votes if vote[0] != NOTHING], wrong_options=class_count).option
    supporters = [(one.interval, accuracies[one.by]) for one in group if one.interval.label == label]
    interval = Interval(*bounds(supporters), label)
    weight = math.fsum(within(accuracy) for _, accuracy in supporters)
    agreed = math.fsum(within(accuracy) * iou(one, interval) for one, accuracy in supporters) / weight
    there = posterior(votes, wrong_options=class_count)[label]
    return Found(interval, there * agreed, decided.option != NOTHING, tuple(group))


def expected_f1(kept: Sequence[float], seen: Sequence[float]) -> float:
    """Expected F1 of the kept marks, given the probability of each and of all marks that anybody made.

    Where none is kept: the probability that indeed none is there.
    """
    if not kept:
        return min(MAX_CONFIDENCE, math.prod(sorted(1 - one for one in seen)))
    return min(MAX_CONFIDENCE, 2 * math.fsum(kept) / (len(kept) + math.fsum(seen)))


def nothing_there(accuracies: Sequence[float]) -> float:
    """Probability that there is nothing to mark, when all annotators of these accuracies marked nothing."""
    return decide([(NOTHING, accuracy) for accuracy in accuracies], wrong_options=1).probability
