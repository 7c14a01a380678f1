"""From passages and their best sentences to the sources beside an answer, and the answers that need no model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from apps.agents.types import Source
from apps.knowledge.evidence.gathering import content_terms
from apps.knowledge.types import Passage, Quote

QUOTES_IN_ANSWER = 2
SECOND_QUOTE_SHARE = 0.85
"""A second sentence is quoted when its score is at least this share of the first one's."""
NEAREST_SHOWN = 3
_MOST_WORDS = 8

UNKNOWN = "I don't know. I found nothing about this in my documents."


def sources_of(passages: Sequence[Passage], quotes: Sequence[Quote], most: int) -> tuple[Source, ...]:
    """The passages in the order of their best sentence, each with it; at most `most`."""
    ranked = {quote.passage_index: quote for quote in reversed(quotes)}
    order = sorted(range(len(passages)), key=lambda index: (-_score(ranked.get(index)), index))[:most]
    return tuple(_source(number, passages[index], ranked.get(index)) for number, index in enumerate(order, start=1))


def quoted(sources: Sequence[Source], quotes: Sequence[Quote]) -> str:
    """The best sentences word for word, each with the number of its source; empty without any."""
    best = quotes[0].score if quotes else 0.0
    parts = []
    for quote in quotes[:QUOTES_IN_ANSWER]:
        number = next((source.number for source in sources if _holds(source, quote)), None)
        if number is not None and quote.score >= best * SECOND_QUOTE_SHARE:
            parts.append(f"> {' '.join(quote.text.split())} [{number}]")
    return "\n\n".join(parts)


def unknown(question: str, sources: Sequence[Source]) -> str:
    """ "I don't know", what was looked for, and the nearest passages, which may help the reader on."""
    words = [word for word in dict.fromkeys(re.findall(r"[\w'-]+", question)) if content_terms(word)][:_MOST_WORDS]
    parts = [UNKNOWN]
    if words:
        parts.append(f"I looked for: {', '.join(words)}.")
    if sources:
        nearest = "\n".join(f"- {source.place} [{source.number}]" for source in sources[:NEAREST_SHOWN])
        parts.append(f"The nearest passages:\n\n{nearest}")
    return "\n\n".join(parts)


def _score(quote: Quote | None) -> float:
    return quote.score if quote is not None else -1e9


def _holds(source: Source, quote: Quote) -> bool:
    return source.quote == quote.text or quote.text in source.text


def _source(number: int, passage: Passage, quote: Quote | None) -> Source:
    return Source(
        number=number,
        document=passage.document,
        document_id=passage.document_id,
        knowledge_base_id=passage.knowledge_base_id,
        chunk_id=passage.chunk_id,
        ordinal=passage.ordinal,
        page=passage.page,
        heading=passage.heading,
        start=passage.start,
        end=passage.end,
        text=passage.text,
        quote=quote.text if quote is not None else "",
        similarity=passage.similarity,
        quote_start=passage.start + quote.start if quote is not None else None,
        quote_end=passage.start + quote.end if quote is not None else None,
    )
