"""The sentences of the found passages that answer a question best, word for word, and how sure it is that they do."""

from __future__ import annotations

import math
from collections.abc import Sequence

from apps.compute import runner
from apps.knowledge.evidence.gathering import Material, gather
from apps.knowledge.evidence.scoring import Scored, confidence, rank, worth_comparing
from apps.knowledge.types import Findings, Passage, Quote


def find_quotes(query: str, passages: Sequence[Passage], count: int = 3) -> Findings:
    """Up to `count` sentences, best first, and the confidence that the first answers; offsets are within the passage.

    Calls the runner, so it must not be called inside a transaction.

    Raises:
        DependencyFailed: the runner does not answer.
    """
    material = gather(query, passages)
    compared = worth_comparing(material)
    if not compared:
        return Findings((), 0.0)
    question, *vectors = runner.embed([query, *(material.sentences[index].text for index in compared)])
    meanings = {index: _cosine(question, vector) for index, vector in zip(compared, vectors, strict=True)}
    ranked = rank(material, meanings)
    return Findings(tuple(_quotes(material, ranked, count)), round(confidence(material, ranked), 4))


def best_quotes(query: str, passages: Sequence[Passage], count: int = 3) -> list[Quote]:
    """The quotes of `find_quotes` alone."""
    return list(find_quotes(query, passages, count).quotes)


def _quotes(material: Material, ranked: Sequence[Scored], count: int) -> list[Quote]:
    """The same words in two documents are quoted once."""
    seen: set[str] = set()
    kept: list[Quote] = []
    for item in ranked:
        sentence = material.sentences[item.index]
        if sentence.text in seen or len(kept) >= count:
            continue
        seen.add(sentence.text)
        kept.append(Quote(sentence.passage, sentence.text, sentence.start, sentence.end, round(item.score, 4)))
    return kept


def _cosine(left: Sequence[float], right: Sequence[float]) -> float:
    norm = math.sqrt(sum(x * x for x in left) * sum(y * y for y in right))
    return sum(x * y for x, y in zip(left, right, strict=True)) / norm if norm else 0.0
