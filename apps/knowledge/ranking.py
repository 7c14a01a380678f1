"""Fuse the two rankings of a search: meaning (dense) and words (lexical)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from apps.knowledge.types import SearchMode

K = TypeVar("K")


#: What a chunk's whole document says counts as much as the chunk itself: words of a question often stand apart.
DOCUMENT_SHARE = 0.5


@dataclass(frozen=True)
class Evidence:
    """What the two sides know of one chunk.

    Cosine similarity, BM25 score and weighted share of words found; the BM25 score of its document as a whole; and how
    far similarity can be trusted in the document's language (0 to 1).
    """

    similarity: float
    bm25: float
    coverage: float
    document_bm25: float = 0.0
    trust: float = 1.0


def fuse(evidence: Mapping[K, Evidence], mode: SearchMode = SearchMode.HYBRID) -> list[tuple[K, float]]:
    """Chunks with their fused score, best first.

    Each side is scaled to 0..1 over the candidates and the two are added (min-max sum). Adding scores beats adding
    reciprocal ranks where one side is sure and the other is not, because a flat side adds the same to everybody. An
    embedding model that does not know a language is sure and wrong, so its side counts as much as it is trusted.
    """
    dense = _scaled({key: item.similarity for key, item in evidence.items()})
    if mode is SearchMode.DENSE:
        scores = dense
    elif mode is SearchMode.LEXICAL:
        scores = _scaled({key: item.bm25 for key, item in evidence.items()}, floor=0.0)
    else:
        lexical = _scaled(_in_context(evidence), floor=0.0)
        scores = {key: item.trust * dense[key] + lexical[key] for key, item in evidence.items()}
    return sorted(scores.items(), key=lambda pair: -pair[1])


def _in_context(evidence: Mapping[K, Evidence]) -> dict[K, float]:
    """BM25 of chunk and document together; what all documents have alike tells nothing and is left out."""
    least = min((item.document_bm25 for item in evidence.values()), default=0.0)
    return {
        key: (1 - DOCUMENT_SHARE) * item.bm25 + DOCUMENT_SHARE * (item.document_bm25 - least)
        for key, item in evidence.items()
    }


def _scaled(values: Mapping[K, float], floor: float | None = None) -> dict[K, float]:
    low = floor if floor is not None else min(values.values(), default=0.0)
    span = max(values.values(), default=0.0) - low
    return {key: (value - low) / span if span > 0 else 0.0 for key, value in values.items()}
