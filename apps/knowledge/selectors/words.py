"""Search by words: the postings of a question's terms, read in one statement and so from one moment, and ranked."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
import psycopg
from django.db import connection
from numpy.typing import NDArray

from apps.knowledge.lexical.analysis import UNKNOWN, terms
from apps.knowledge.lexical.postings import Lengths, TermCounts, column, lengths, postings_of, unpacked
from apps.knowledge.lexical.ranking import Collection, Ranking, Term, idf
from apps.knowledge.models import Document, KnowledgeBase
from apps.knowledge.selectors.bases import get_bases
from apps.tenancy.types import Actor

#: A question is looked up as if it were in each of the knowledge base's most frequent languages.
MOST_LANGUAGES = 4
#: The embedding model has learnt English; how well it does in other languages is measured as they come.
_LEARNT = frozenset({"en", UNKNOWN})
UNLEARNT_TRUST = 0.25

# While segments are merged and chunks leave the waiting ones for a segment, a second statement would see another index
# than the first; here each part names its rows by `kind`. Only the columns of lengths that are needed are read.
_INDEX = """
WITH segments AS MATERIALIZED (
  SELECT id, chunks, terms, first_number, last_number FROM knowledge_lexicalsegment WHERE knowledge_base_id = %(base)s
), blocks AS MATERIALIZED (
  SELECT block.segment_id, block.term, block.frequency, block.is_column, block.data, segments.first_number
  FROM knowledge_postingblock AS block JOIN segments ON segments.id = block.segment_id
  WHERE block.term = ANY(%(terms)s::text[])
), pending AS MATERIALIZED (
  SELECT number, length, (SELECT jsonb_object_agg(term, frequencies -> term)::text
                          FROM unnest(%(terms)s::text[]) AS term WHERE frequencies ? term) AS frequencies
  FROM knowledge_pendingterms WHERE knowledge_base_id = %(base)s
)
SELECT 'segment' AS kind, NULL::text AS text, chunks::int8 AS one, terms::int8 AS two, last_number::int8 AS three,
       NULL::bytea AS data FROM segments
UNION ALL
SELECT CASE WHEN is_column THEN 'column' ELSE 'postings' END, term::text, frequency, first_number, 0, data FROM blocks
UNION ALL
SELECT 'lengths', NULL, 0, segments.first_number, 0, block.data
FROM knowledge_postingblock AS block JOIN segments ON segments.id = block.segment_id
WHERE block.term = '' AND block.segment_id IN (SELECT segment_id FROM blocks WHERE is_column)
UNION ALL
SELECT 'pending', NULL, count(*), coalesce(sum(length), 0), coalesce(max(number), -1), NULL FROM pending
WHERE length > 0
UNION ALL
SELECT 'waiting', frequencies, number, length, 0, NULL FROM pending WHERE frequencies IS NOT NULL
UNION ALL
SELECT 'removed', NULL, first_number, last_number, 0, NULL
FROM knowledge_removedchunks WHERE knowledge_base_id = %(base)s
"""


Ranges = Sequence[tuple[int, int]]
"""Numbers of chunks: each part from its first to its last."""


@dataclass
class _Index:
    """What the statement found."""

    chunks: int = 0
    terms: int = 0
    end: int = 0
    found: dict[str, Term] = field(default_factory=lambda: defaultdict(Term))
    lengths: list[Lengths] = field(default_factory=list)
    waiting: list[TermCounts] = field(default_factory=list)
    removed: list[tuple[int, int]] = field(default_factory=list)


def ranking(base: KnowledgeBase, question: str, only: Ranges | None = None) -> Ranking:
    """How well each chunk of a knowledge base fits a question's words.

    Chunks that are gone are never among the best. In the figures (how many chunks there are and hold a term) they
    count until their segment is merged, as in Lucene.

    Args:
        only: numbers of the chunks that count; None where all do. The figures are those of the whole knowledge base.
    """
    languages = [str(language) for language in base.languages][:MOST_LANGUAGES] or [UNKNOWN]
    # A word has as many terms in each language: stems, or pairs of signs.
    words = [frozenset(word) for word in zip(*(terms(question, language) for language in languages), strict=True)]
    index = _read(base.id, sorted({term for word in words for term in word}))
    for term, postings in postings_of(index.waiting).items():
        index.found[term].frequency += len(postings)
        index.found[term].postings.append(postings)
    collection = Collection(index.chunks, index.terms / max(index.chunks, 1), index.end)
    return Ranking(collection, words, dict(index.found), index.lengths, _visible(index, only))


def trust_in(base: KnowledgeBase, language: str) -> float:
    """How far similarity is trusted in a language: as was measured, else as what the model has learnt lets expect."""
    known = base.trust.get(language)
    if known is not None:
        return float(known)
    return 1.0 if language in _LEARNT else UNLEARNT_TRUST


@dataclass(frozen=True)
class WeightedWord:
    """A word of a question: its terms in the languages it is looked up in, and what finding it tells."""

    terms: frozenset[str]
    weight: float


def term_weights(actor: Actor, knowledge_base_ids: Sequence[UUID], question: str) -> list[WeightedWord]:
    """The words of a question, each with its idf in these knowledge bases together."""
    rankings = [ranking(base, question) for base in get_bases(actor, knowledge_base_ids)]
    chunks = sum(one.chunks for one in rankings)
    weighted: list[WeightedWord] = []
    # Each knowledge base looks the same words up, in its own languages.
    for variants in zip(*(one.words() for one in rankings), strict=True):
        held = sum(frequency for _, frequency in variants)
        word = frozenset[str]().union(*(terms_of for terms_of, _ in variants))
        weighted.append(WeightedWord(word, idf(max(chunks, held), held)))
    return list({word.terms: word for word in weighted}.values())


def document_ranges(knowledge_base_id: UUID, documents: Iterable[UUID]) -> list[tuple[int, int]]:
    """The numbers of these documents' chunks."""
    rows = Document.objects.filter(knowledge_base_id=knowledge_base_id, id__in=list(documents), chunk_count__gt=0)
    parts = rows.order_by("first_number").values_list("first_number", "chunk_count")
    joined: list[tuple[int, int]] = []
    for first, count in parts:
        if joined and joined[-1][1] + 1 == first:
            joined[-1] = (joined[-1][0], first + count - 1)
        else:
            joined.append((first, first + count - 1))
    return joined


def _read(knowledge_base_id: UUID, wanted: Sequence[str]) -> _Index:
    index = _Index()
    connection.ensure_connection()
    # Not Django's cursor: that one takes bytes as text, twice as long.
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(_INDEX, {"base": knowledge_base_id, "terms": list(wanted)}, binary=True)
        for row in cursor:
            _READERS[row[0]](index, *row[1:])
    index.waiting.sort(key=lambda chunk: chunk.number)
    return index


def _segment(index: _Index, _: None, chunks: int, length: int, last: int, __: None) -> None:
    index.chunks += chunks
    index.terms += length
    index.end = max(index.end, last + 1)


def _postings(index: _Index, term: str, frequency: int, _: int, __: int, data: bytes) -> None:
    index.found[term].frequency += frequency
    index.found[term].postings.append(unpacked(data))


def _column(index: _Index, term: str, frequency: int, first: int, _: int, data: bytes) -> None:
    index.found[term].frequency += frequency
    index.found[term].columns.append(column(data, first))


def _lengths(index: _Index, _: None, __: int, first: int, ___: int, data: bytes) -> None:
    index.lengths.append(lengths(data, first))


def _waiting(index: _Index, frequencies: str, number: int, length: int, _: int, __: None) -> None:
    index.waiting.append(TermCounts(number, json.loads(frequencies), length))


def _removed(index: _Index, _: None, first: int, last: int, __: int, ___: None) -> None:
    index.removed.append((first, last))


_READERS: dict[str, Callable[..., None]] = {
    "segment": _segment,
    "pending": _segment,  # all that waits is like one more segment
    "postings": _postings,
    "column": _column,
    "lengths": _lengths,
    "waiting": _waiting,
    "removed": _removed,
}


def _visible(index: _Index, only: Ranges | None) -> NDArray[np.bool_] | None:
    if only is None and not index.removed:
        return None
    visible = np.full(index.end, only is None)
    for first, last in only or ():
        visible[first : last + 1] = True
    for first, last in index.removed:
        visible[first : last + 1] = False
    return visible
