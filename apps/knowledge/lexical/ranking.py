"""BM25 over postings: exact scores, and the best chunks without computing all of them.

BM25 as in Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with the idf of
Lucene, ln(1 + (N - n + 0.5) / (n + 0.5)), which is never negative. What cannot come among the best any more is dropped
as in Turtle and Flood, "Query Evaluation: Strategies and Optimizations" (1995, MaxScore): terms that most chunks hold
are looked at last, and only in chunks that they can still lift.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from apps.knowledge.lexical.postings import Column, Lengths, Postings

K1, B = 1.2, 0.75
# Sums of rounded numbers: a chunk this near the bound is still looked at.
_TOLERANCE = 1e-3

Numbers = NDArray[np.int64]
Scores = NDArray[np.float32]


@dataclass
class Term:
    """What is known of one term of a question: how many chunks hold it, and which."""

    frequency: int = 0
    postings: list[Postings] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)


@dataclass(frozen=True)
class Collection:
    """The figures of a knowledge base: its chunks, their mean length, and the number behind the last."""

    chunks: int
    mean_length: float
    end: int


def idf(chunks: int, with_term: int) -> float:
    """What finding a term tells: little of one that stands in most chunks."""
    return math.log1p((chunks - with_term + 0.5) / (with_term + 0.5))


class Ranking:
    """BM25 scores of one knowledge base's chunks for a question.

    Args:
        words: for each word of the question its terms, one for each language it is looked up in.
        terms: what is known of each term; one that is missing stands in no chunk.
        lengths: of all chunks that columns speak of.
        visible: for each number whether the chunk counts; None where all do.
    """

    def __init__(
        self,
        collection: Collection,
        words: Sequence[frozenset[str]],
        terms: dict[str, Term],
        lengths: Sequence[Lengths],
        visible: NDArray[np.bool_] | None = None,
    ) -> None:
        self._collection = collection
        self._words = list(words)
        self._terms = terms
        self._weights = {name: idf(collection.chunks, term.frequency) for name, term in terms.items()}
        self._visible = visible
        self._lengths = np.zeros(collection.end, np.uint16)
        for known in lengths:
            self._lengths[known.first : known.first + len(known.values)] = known.values
        self._sparse = np.zeros(collection.end, np.float32)
        for name, term in terms.items():
            for part in term.postings:
                # A chunk comes once in a term's postings, so that adding by index loses nothing.
                weight = self._weight(part.frequencies, part.lengths)
                self._sparse[part.numbers] += np.float32(self._weights[name]) * weight

    @property
    def chunks(self) -> int:
        """About how many chunks the knowledge base has: those that are gone count until their segment is merged."""
        return self._collection.chunks

    def words(self) -> list[tuple[frozenset[str], int]]:
        """The question's words in their order: their terms, and how many chunks hold the most frequent of them."""
        return [
            (word, max((self._terms[name].frequency for name in word if name in self._terms), default=0))
            for word in self._words
        ]

    def best(self, count: int) -> list[tuple[int, float]]:
        """The chunks with the highest scores, each with it, best first; of equal ones the first come first."""
        columns = sorted(
            ((self._weights[name], one) for name, term in self._terms.items() for one in term.columns),
            key=lambda pair: -pair[0],
        )
        left = self._most_of(columns)
        numbers = self._hopeful(count, left)
        scores = self._sparse[numbers]
        for place, (weight, one) in enumerate(columns):
            scores = scores + np.float32(weight) * self._column_weight(one, numbers)
            kept = scores >= _least(scores, count) - self._most_of(columns[place + 1 :]) - _TOLERANCE
            numbers, scores = numbers[kept], scores[kept]
        found = scores > 0
        numbers, scores = numbers[found], scores[found]
        order = np.argsort(-scores, kind="stable")[:count]
        return [(int(number), float(score)) for number, score in zip(numbers[order], scores[order], strict=True)]

    def scores(self, numbers: Sequence[int]) -> list[float]:
        """The BM25 score of each chunk; 0 where it holds no term of the question."""
        wanted = np.array(numbers, dtype=np.int64)
        known = wanted < self._collection.end  # not where the chunk was stored a moment after the postings were read
        found = np.zeros(len(wanted), np.float32)
        found[known] = self._sparse[wanted[known]]
        for name, term in self._terms.items():
            for one in term.columns:
                found = found + np.float32(self._weights[name]) * self._column_weight(one, wanted)
        return [float(score) for score in found]

    def document_scores(self, documents: Sequence[tuple[int, int, int]]) -> list[float]:
        """The BM25 score of each document as a whole, each against the mean length of these.

        Args:
            documents: first number and count of its chunks, and all its terms together (0 where that is not known).
        """
        if not documents:
            return []
        rows = np.array(documents, dtype=np.int64)
        starts, ends = rows[:, 0], rows[:, 0] + rows[:, 1]
        lengths = np.where(rows[:, 2] > 0, rows[:, 2], rows[:, 1] * self._collection.mean_length).astype(np.float32)
        room = K1 * (1 - B + B * lengths / max(float(lengths.mean()), 1.0))
        scores = np.zeros(len(rows))
        for name, term in self._terms.items():
            frequency = _within(term, starts, ends)
            scores += self._weights[name] * frequency * (K1 + 1) / (frequency + room)
        return [float(score) for score in scores]

    def coverage(self, numbers: Sequence[int]) -> list[float]:
        """For each chunk the share of the question's words that it holds, rare ones counting more: 0 to 1."""
        wanted = np.array(numbers, dtype=np.int64)
        held, total = np.zeros(len(wanted)), 0.0
        for word in dict.fromkeys(self._words):
            terms = [self._terms[name] for name in word if name in self._terms]
            most = max((term.frequency for term in terms), default=0)
            weight = 1.0 + idf(self._collection.chunks, min(most, self._collection.chunks))
            total += weight
            held += weight * np.any([np.zeros(len(wanted), bool), *(_holds(term, wanted) for term in terms)], axis=0)
        return [float(share) for share in (held / total if total else held)]

    def _hopeful(self, count: int, left: float) -> Numbers:
        """Numbers of the chunks that can be among the best, if columns can add `left` to any of them."""
        partial = self._sparse if self._visible is None else np.where(self._visible, self._sparse, np.float32(0))
        numbers: Numbers = np.flatnonzero(partial > 0)
        least = _least(partial[numbers], count)
        if least - _TOLERANCE > left:
            return numbers[partial[numbers] >= least - left - _TOLERANCE]
        if left == 0:
            return numbers
        return np.arange(len(partial)) if self._visible is None else np.flatnonzero(self._visible)

    def _most_of(self, columns: Sequence[tuple[float, Column]]) -> float:
        """What columns can add to one chunk at most; those of different segments never meet in one."""
        by_segment: dict[int, float] = {}
        for weight, one in columns:
            by_segment[one.first] = by_segment.get(one.first, 0.0) + weight * (K1 + 1)
        return max(by_segment.values(), default=0.0)

    def _column_weight(self, one: Column, numbers: Numbers) -> Scores:
        """What a column's term adds to each chunk, before its idf."""
        inside = (numbers >= one.first) & (numbers < one.end)
        weights = np.zeros(len(numbers), np.float32)
        places = numbers[inside]
        weights[inside] = self._weight(one.frequencies[places - one.first], self._lengths[places])
        return weights

    def _weight(self, frequencies: NDArray[np.uint8], lengths: NDArray[np.uint16]) -> Scores:
        frequency = frequencies.astype(np.float32)
        mean = np.float32(max(self._collection.mean_length, 1.0))
        room = np.float32(K1 * (1 - B)) + np.float32(K1 * B) / mean * lengths.astype(np.float32)
        return (frequency * np.float32(K1 + 1) / (frequency + room)).astype(np.float32, copy=False)


def _least(scores: Scores, count: int) -> float:
    """The score of the last of the best; 0 where there are fewer."""
    if len(scores) < count:
        return 0.0
    return float(np.partition(scores, len(scores) - count)[len(scores) - count])


def _within(term: Term, starts: Numbers, ends: Numbers) -> NDArray[np.int64]:
    """How often a term stands in all chunks from each start to each end."""
    found = np.zeros(len(starts), np.int64)
    for part in term.postings:
        sums = np.concatenate([[0], np.cumsum(part.frequencies, dtype=np.int64)])
        found += sums[np.searchsorted(part.numbers, ends)] - sums[np.searchsorted(part.numbers, starts)]
    for one in term.columns:
        for place, (start, end) in enumerate(zip(starts - one.first, ends - one.first, strict=True)):
            if end > 0 and start < len(one.frequencies):
                found[place] += int(one.frequencies[max(start, 0) : end].sum(dtype=np.int64))
    return found


def _holds(term: Term, numbers: Numbers) -> NDArray[np.bool_]:
    held = np.zeros(len(numbers), bool)
    for part in term.postings:
        places = np.minimum(np.searchsorted(part.numbers, numbers), max(len(part) - 1, 0))
        held |= part.numbers[places] == numbers
    for one in term.columns:
        inside = (numbers >= one.first) & (numbers < one.end)
        held[inside] |= one.frequencies[numbers[inside] - one.first] > 0
    return held
