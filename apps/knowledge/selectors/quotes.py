"""The sentences of the found passages that answer a question best, word for word."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from apps.compute import runner
from apps.knowledge.sentences import sentence_spans
from apps.knowledge.types import Passage, Quote

MAX_SENTENCES = 48
_WORD = re.compile(r"\w+")
_STEM_LETTERS = 5
_COMMON = frozenset(
    _WORD.findall(
        "a an and are as at be by can could did do does for from had has have how i if in is it its may me my of on or"
        " our shall should so that the their them they this to was we were what when where which who whom why will with"
        " would you your"
    )
)
_MEANING_WEIGHT, _WORDS_WEIGHT, _PASSAGE_WEIGHT = 1.0, 0.6, 0.25


def best_quotes(query: str, passages: Sequence[Passage], count: int = 3) -> list[Quote]:
    """Up to `count` sentences, best first; offsets are within their passage's text.

    A sentence is scored by meaning (cosine to the question), by the share of the question's words in it, and by how
    well its passage was placed. Calls the runner, so it must not be called inside a transaction.

    Raises:
        DependencyFailed: the runner does not answer.
    """
    spans = [
        (index, start, end)
        for index, passage in enumerate(passages)
        for start, end in sentence_spans(passage.text)
        if end - start > 2
    ][:MAX_SENTENCES]
    if not spans:
        return []
    texts = [passages[index].text[start:end] for index, start, end in spans]
    question, *vectors = runner.embed([query, *texts])
    wanted = _stems(query)
    top = max(passage.score for passage in passages) or 1.0
    quotes = [
        Quote(
            passage_index=index,
            text=text,
            start=start,
            end=end,
            score=_MEANING_WEIGHT * _cosine(question, vector)
            + _WORDS_WEIGHT * _share(wanted, text)
            + _PASSAGE_WEIGHT * passages[index].score / top,
        )
        for (index, start, end), text, vector in zip(spans, texts, vectors, strict=True)
    ]
    return _without_repeats(sorted(quotes, key=lambda quote: -quote.score), count)


def _without_repeats(quotes: Sequence[Quote], count: int) -> list[Quote]:
    """Overlapping chunks hold the same sentence twice; it is quoted once."""
    seen: set[str] = set()
    kept: list[Quote] = []
    for quote in quotes:
        if quote.text not in seen and len(kept) < count:
            seen.add(quote.text)
            kept.append(quote)
    return kept


def _stems(text: str) -> set[str]:
    words = (word.lower() for word in _WORD.findall(text))
    return {word[:_STEM_LETTERS] for word in words if word not in _COMMON}


def _share(wanted: set[str], text: str) -> float:
    return len(wanted & _stems(text)) / len(wanted) if wanted else 0.0


def _cosine(left: Sequence[float], right: Sequence[float]) -> float:
    norm = math.sqrt(sum(x * x for x in left) * sum(y * y for y in right))
    return sum(x * y for x, y in zip(left, right, strict=True)) / norm if norm else 0.0
