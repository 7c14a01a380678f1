"""Putting candidates in order, best first; two of them are a pairwise comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar, Self

from apps.labeling.controls.base import (
    AnswerProblem,
    Control,
    ControlConsensus,
    GivenAnswer,
    Value,
    common_from_json,
    control_type,
)
from apps.labeling.controls.candidates import candidate_keys
from apps.labeling.controls.voting import MAX_CONFIDENCE, within

#: Up to this many candidates the best order is found exactly; the work doubles with each.
MAX_EXACT = 8

#: (better, worse) -> how much the answers say so, in log odds.
Wins = dict[tuple[str, str], float]


@control_type
@dataclass(frozen=True, kw_only=True)
class Ranking(Control):
    """Value: the candidates' keys, best first, all of them. Similarity is the share of pairs in the same order.

    That share is (Kendall's tau + 1) / 2.
    """

    type: ClassVar[str] = "ranking"
    inputs: ClassVar[frozenset[str]] = frozenset({"candidates"})
    #: One pair of neighbours swapped among four is still the same order; among two or three it is not.
    same_from: ClassVar[float] = 0.8

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Self:
        """From a design's JSON."""
        return cls(**common_from_json(config))

    @property
    def described(self) -> str:
        """For the task board."""
        return "best first"

    def clean(self, value: Value, data: Mapping[str, Any]) -> Value:
        """A permutation of the task's candidates."""
        keys = candidate_keys(data, self.input)
        if not isinstance(value, list):
            raise AnswerProblem("A ranking comes as a list of the candidates' keys, best first.")
        for place, key in enumerate(value, start=1):
            if not isinstance(key, str) or key not in keys:
                raise AnswerProblem(f"Place {place} has “{key}”, which is no candidate; there are {', '.join(keys)}.")
            if key in value[: place - 1]:
                raise AnswerProblem(f"“{key}” has two places, {value.index(key) + 1} and {place}; leave one out.")
        missing = [key for key in keys if key not in value]
        if missing and value:
            raise AnswerProblem(f"“{missing[0]}” has no place yet; {len(missing)} of {len(keys)} are missing.")
        return list(value)

    def similarity(self, one: Value, other: Value) -> float:
        """Share of pairs in the same order."""
        if not one or not other or set(one) != set(other):
            return float(one == other)
        place = {key: index for index, key in enumerate(other)}
        pairs = [place[better] < place[worse] for better, worse in combinations(one, 2)]
        return sum(pairs) / len(pairs) if pairs else 1.0

    def consensus(self, answers: Sequence[GivenAnswer], data: Mapping[str, Any]) -> ControlConsensus:
        """The order that answers contradict least (Kemeny), each pair weighted by the log odds of its annotator.

        Above `MAX_EXACT` candidates the order of the weighted Borda counts. The confidence is the expected share of
        pairs in the right order, each pair taken for itself.
        """
        given = [one for one in answers if one.value]
        if not given:
            return ControlConsensus(None, 0.0)
        keys = sorted(given[0].value)
        wins = _wins(given, keys)
        order = _kemeny(keys, wins) if len(keys) <= MAX_EXACT else _borda(keys, wins)
        sure = [1 / (1 + math.exp(-wins[pair])) for pair in combinations(order, 2)]
        return ControlConsensus(order, min(MAX_CONFIDENCE, math.fsum(sure) / len(sure)) if sure else MAX_CONFIDENCE)

    def shown(self, value: Value) -> str:
        """The order."""
        return " > ".join(value) if value else "no answer"


def _wins(given: Sequence[GivenAnswer], keys: Sequence[str]) -> Wins:
    says: dict[tuple[str, str], list[float]] = {pair: [] for pair in combinations(keys, 2)}
    for one in given:
        right = within(one.accuracy)
        odds = math.log(right / (1 - right))
        for better, worse in combinations(one.value, 2):
            if better < worse:
                says[better, worse].append(odds)
            else:
                says[worse, better].append(-odds)
    wins = {pair: math.fsum(odds) for pair, odds in says.items()}
    return wins | {(worse, better): -odds for (better, worse), odds in wins.items()}


def _kemeny(keys: Sequence[str], wins: Wins) -> list[str]:
    """The order of most weight, by dynamic programming over sets; of equal ones the first in the alphabet.

    `best[last places]` is (loss, order of those places), grown from the last place to the first.
    """
    best: dict[frozenset[str], tuple[float, tuple[str, ...]]] = {frozenset(): (0.0, ())}
    for size in range(1, len(keys) + 1):
        for group in map(frozenset, combinations(keys, size)):
            best[group] = min(
                (
                    round(best[group - {first}][0] - math.fsum(wins[first, worse] for worse in group - {first}), 9),
                    (first, *best[group - {first}][1]),
                )
                for first in group
            )
    return list(best[frozenset(keys)][1])


def _borda(keys: Sequence[str], wins: Wins) -> list[str]:
    points = {key: round(math.fsum(wins[key, other] for other in keys if other != key), 9) for key in keys}
    return sorted(keys, key=lambda key: (-points[key], key))
