"""The opinion that prevails among values without fixed options, such as texts and numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from apps.labeling.controls.base import GivenAnswer, Value
from apps.labeling.controls.votes import decide
from apps.labeling.controls.voting import within


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
            index: math.fsum(within(other.accuracy) * similarity(left[index].value, other.value) for other in left)
            for index in support
        }
        best = max(support, key=lambda index: (math.fsum(a.accuracy for a in support[index]), closeness[index], -index))
        members = support[best]
        opinions.append([left[best], *(other for other in members if other is not left[best])])
        left = [answer for answer in left if all(answer is not member for member in members)]
    votes = [(number, answer.accuracy) for number, opinion in enumerate(opinions) for answer in opinion]
    decided = decide(votes, wrong_options=len(opinions))
    return opinions[decided.option], decided.probability
