"""What several answers of known worth lead to: naive Bayes over what was said, errors spread evenly over the rest."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from apps.labeling.controls.base import GivenAnswer, Value

#: No number of answers makes an item certain: that annotators err independently is never quite true.
MAX_CONFIDENCE = 0.999
_LEAST_ACCURACY = 0.01


def within(accuracy: float) -> float:
    """An annotator's accuracy kept away from 0 and 1, where one answer would outweigh all others."""
    return min(max(accuracy, _LEAST_ACCURACY), 1 - _LEAST_ACCURACY)


def vote(answers: Sequence[tuple[str, float]], options: Sequence[str]) -> tuple[str, float]:
    """The option that (option, accuracy) answers lead to, and its probability; ties go to the earlier option."""
    others = max(1, len(options) - 1)
    scores = dict.fromkeys(options, 0.0)
    for option, accuracy in sorted(answers):
        kept = within(accuracy)
        scores[option] += math.log(kept) - math.log((1 - kept) / others)
    best = max(scores, key=lambda option: scores[option])
    total = sum(math.exp(score - scores[best]) for score in scores.values())
    return best, min(MAX_CONFIDENCE, 1 / total)


def most_agreed(
    answers: Sequence[GivenAnswer], similarity: Callable[[Value, Value], float], same_from: float
) -> tuple[list[GivenAnswer], float]:
    """The answers of the opinion that prevails, and the probability that it is right.

    For values without fixed options. An opinion is an answer together with all that count as the same; each answer
    belongs to the opinion that most agree with. One opinion that nobody voiced is always thought possible.

    Returns:
        The prevailing opinion's answers, the one that all others are most like first, and the probability.
    """
    left = sorted(answers, key=lambda answer: (answer.annotator, repr(answer.value)))
    opinions: list[list[GivenAnswer]] = []
    while left:
        support = {
            index: [other for other in left if similarity(answer.value, other.value) >= same_from]
            for index, answer in enumerate(left)
        }
        closeness = {
            index: sum(within(other.accuracy) * similarity(left[index].value, other.value) for other in left)
            for index in support
        }
        best = max(support, key=lambda index: (sum(a.accuracy for a in support[index]), closeness[index], -index))
        members = support[best]
        opinions.append([left[best], *(other for other in members if other is not left[best])])
        left = [answer for answer in left if all(answer is not member for member in members)]
    votes = [(str(n), answer.accuracy) for n, opinion in enumerate(opinions) for answer in opinion]
    found, confidence = vote(votes, [str(n) for n in range(len(opinions) + 1)])
    return opinions[int(found)], confidence
