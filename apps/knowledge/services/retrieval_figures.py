"""Figures of retrieval: how good an order of documents is, against what is known to be relevant."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_NAMES = ("ndcg_at_10", "recall_at_10", "recall_at_100")


@dataclass
class Figures:
    """The mean figures of several questions."""

    queries: int = 0
    _sums: dict[str, float] = field(default_factory=lambda: dict.fromkeys(_NAMES, 0.0))

    def add(self, found: Sequence[str], relevant: Mapping[str, float]) -> None:
        """Count a question: the documents that were found, best first, and the grades of those that are right."""
        self.queries += 1
        self._sums["ndcg_at_10"] += ndcg(found, relevant)
        self._sums["recall_at_10"] += recall(found, relevant, 10)
        self._sums["recall_at_100"] += recall(found, relevant, 100)

    def means(self) -> dict[str, float]:
        """How many questions, and the mean of each figure."""
        return {
            "queries": self.queries,
            **{name: round(total / max(self.queries, 1), 4) for name, total in self._sums.items()},
        }


def ndcg(found: Sequence[str], relevant: Mapping[str, float], count: int = 10) -> float:
    """Normalised discounted cumulative gain of the first `count`, with linear gains as in trec_eval; 0 to 1."""
    gains = [max(relevant.get(key, 0.0), 0.0) for key in found[:count]]
    ideal = sorted((grade for grade in relevant.values() if grade > 0), reverse=True)[:count]
    best = _discounted(ideal)
    return _discounted(gains) / best if best else 0.0


def recall(found: Sequence[str], relevant: Mapping[str, float], count: int) -> float:
    """The share of relevant documents among the first `count`; 0 to 1."""
    wanted = {key for key, grade in relevant.items() if grade > 0}
    return len(wanted & set(found[:count])) / len(wanted) if wanted else 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all does not exceed; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))] if ordered else 0.0


def _discounted(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))
