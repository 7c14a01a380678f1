"""Votes weighted by how often their annotators are right: what the consensus of every structured answer is made of.

An answer to a structured question (spans, regions, a ranking, a transcription) is many small decisions: is there
a span, which label, which word. Each is a vote of its own; the confidence of the whole is the *expected similarity* of
the consensus to the truth: the mean of the small probabilities, and not their product, which would call every long
answer unsure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from apps.labeling.controls.voting import MAX_CONFIDENCE, within

OptionT = TypeVar("OptionT", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Decided(Generic[OptionT]):
    """The option with the highest probability, and that probability."""

    option: OptionT
    probability: float


def posterior(votes: Iterable[tuple[OptionT, float]], *, wrong_options: int) -> dict[OptionT, float]:
    """Probability of each option that was voted for: naive Bayes, errors spread evenly over the wrong options.

    Does not depend on the votes' order, to the last bit.

    Args:
        votes: (option, accuracy of its voter).
        wrong_options: how many options are wrong, seen or not; what was not seen takes its share of the probability.
    """
    gains: dict[OptionT, list[float]] = {}
    for option, accuracy in votes:
        right = within(accuracy)
        gains.setdefault(option, []).append(math.log(right * wrong_options / (1 - right)))
    scores = {option: math.fsum(gained) for option, gained in gains.items()}
    highest = max(0.0, *scores.values()) if scores else 0.0
    unseen = max(0, wrong_options + 1 - len(scores)) * math.exp(-highest)
    mass = {option: math.exp(score - highest) for option, score in scores.items()}
    total = math.fsum([*mass.values(), unseen])
    return {option: one / total for option, one in mass.items()}


def decide(
    votes: Sequence[tuple[OptionT, float]], *, wrong_options: int, order: Callable[[OptionT], Any] | None = None
) -> Decided[OptionT]:
    """The most probable option of one vote or more; of equally probable ones the least, by `order` where given."""
    found = posterior(votes, wrong_options=wrong_options)

    def rank(option: OptionT) -> tuple[float, Any]:
        # Rounded, so that the same votes reached by another sum stay a tie.
        return (-round(found[option], 9), option if order is None else order(option))

    best = min(found, key=rank)
    return Decided(best, min(MAX_CONFIDENCE, found[best]))


def weighted_median(values: Iterable[tuple[int, float]]) -> int:
    """The value that half of the weight lies below; the mean of two where the weight parts evenly between them."""
    ordered = sorted(values)
    half = math.fsum(weight for _, weight in ordered) / 2
    for index, (value, _) in enumerate(ordered):
        below = math.fsum(weight for _, weight in ordered[: index + 1])
        if math.isclose(below, half, rel_tol=1e-9) and index + 1 < len(ordered):
            return (value + ordered[index + 1][0]) // 2
        if below > half:
            break
    return value
