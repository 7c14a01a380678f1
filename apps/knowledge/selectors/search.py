"""Retrieval: passages near a question in meaning (pgvector) and in words (BM25)."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import starmap
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q

from apps.compute import runner
from apps.core.errors import InvalidInput
from apps.knowledge.lexical.ranking import Ranking
from apps.knowledge.models import Chunk, Document, KnowledgeBase
from apps.knowledge.ranking import Evidence, fuse
from apps.knowledge.selectors.bases import get_bases
from apps.knowledge.selectors.words import document_ranges, ranking, trust_in
from apps.knowledge.types import MAX_QUERY_CHARACTERS, Passage, SearchMode
from apps.tenancy.types import Actor

CANDIDATES = 100
MAX_RESULTS = 50
#: Up to so many chunks all distances are computed: sure, and faster than an index that holds everybody's chunks.
EXACT_CHUNKS = 20_000
#: How far the index is followed before the search goes without it.
_MOST_SCANNED = 100_000
_PLAIN_JSON = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?|true|false")

_NEAREST = """
SELECT id, number, document_id, embedding <=> %(vector)s::vector AS distance FROM knowledge_chunk
WHERE knowledge_base_id = %(base)s AND embedding IS NOT NULL {only} ORDER BY {order} LIMIT %(limit)s
"""
# By the index: each knowledge base has a region of its own in it (ADR 17).
_IN_REGION = """
knowledge_located(embedding, knowledge_base_id)::halfvec(448)
<=> knowledge_located(%(vector)s::vector, %(base)s)::halfvec(448)
"""
_BY_NUMBER = """
SELECT id, number, document_id, embedding <=> %(vector)s::vector FROM knowledge_chunk
WHERE knowledge_base_id = %(base)s AND embedding IS NOT NULL AND number = ANY(%(numbers)s)
"""


@dataclass(frozen=True)
class Only:
    """Which documents a search is narrowed to: these, and with this metadata; None where all are meant."""

    document_ids: Collection[UUID] | None = None
    metadata: Mapping[str, Any] | None = None

    def documents_of(self, base: KnowledgeBase) -> Collection[UUID] | None:
        """The documents of a knowledge base that are meant; None where all are."""
        if not self.metadata:
            return self.document_ids
        if not _is_storable(self.metadata):
            return ()
        rows = Document.objects.filter(*starmap(_says, self.metadata.items()), knowledge_base=base)
        found = set(rows.values_list("id", flat=True))
        return found if self.document_ids is None else found & set(self.document_ids)


def _says(name: str, value: Any) -> Q:
    """Whether a document's metadata has the value; a number is the same as its digits, as tables have texts only."""
    found = Q(metadata__contains={name: value})
    if isinstance(value, str):
        return found | Q(metadata__contains={name: json.loads(value)}) if _PLAIN_JSON.fullmatch(value) else found
    return found | Q(metadata__contains={name: json.dumps(value)})


def _is_storable(metadata: Mapping[str, Any]) -> bool:
    """Whether PostgreSQL can hold it: no document's metadata has U+0000 or half a surrogate pair."""
    try:
        return b"\\u0000" not in json.dumps(dict(metadata), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False


class Found(NamedTuple):
    """A chunk that one side has among its best."""

    chunk: UUID
    number: int
    document: UUID
    distance: float


def search(
    *,
    actor: Actor,
    knowledge_base_ids: Sequence[UUID],
    query: str,
    k: int = 5,
    mode: SearchMode = SearchMode.HYBRID,
    document_ids: Collection[UUID] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> list[Passage]:
    """The `k` best passages for a question, best first.

    Embeds the question on the runner first, so it must not be called inside a transaction.

    Args:
        document_ids: search these documents only (the snapshot of a release).
        metadata: search only documents whose metadata has all of these names with these values.

    Raises:
        NotFound: one of the knowledge bases is not the actor's.
        InvalidInput: the question is empty or too long.
        DependencyFailed: the runner does not answer.
    """
    with _candidates(actor, knowledge_base_ids, query, Only(document_ids, metadata)) as evidence:
        best = fuse(evidence, mode)[: max(1, min(k, MAX_RESULTS))]
        rows = Chunk.objects.select_related("document").defer("embedding").in_bulk([key for key, _ in best])
    return [_passage(rows[key], score, evidence[key]) for key, score in best if key in rows]


def rank_documents(
    *, actor: Actor, knowledge_base_ids: Sequence[UUID], query: str, modes: Collection[SearchMode]
) -> dict[SearchMode, list[UUID]]:
    """All documents that are candidates for a question, best first by the best passage of each, in each mode.

    Raises and calls the runner as `search` does.
    """
    with _candidates(actor, knowledge_base_ids, query, Only()) as evidence:
        documents = dict(Chunk.objects.filter(id__in=evidence).values_list("id", "document_id"))
    orders = {mode: [key for key, _ in fuse(evidence, mode) if key in documents] for mode in modes}
    return {mode: list(dict.fromkeys(documents[key] for key in order)) for mode, order in orders.items()}


@contextmanager
def _candidates(
    actor: Actor, knowledge_base_ids: Sequence[UUID], query: str, only: Only
) -> Iterator[dict[UUID, Evidence]]:
    """What is known of each chunk that may fit, in a transaction that is still open."""
    question = _checked(query)
    with transaction.atomic():
        bases = get_bases(actor, knowledge_base_ids)
    vector = runner.embed([question])[0] if bases else []
    with transaction.atomic():
        tune_index_scan()
        evidence: dict[UUID, Evidence] = {}
        for base in bases:
            evidence |= _evidence(base, question, vector, only.documents_of(base))
        yield evidence


def _checked(query: str) -> str:
    question = " ".join(query.replace("\x00", " ").split())
    if not question:
        raise InvalidInput(
            "empty_question", "Ask a question.", errors=[{"field": "query", "message": "The question is empty."}]
        )
    if len(question) > MAX_QUERY_CHARACTERS:
        raise InvalidInput(
            "question_too_long",
            f"The question is longer than {MAX_QUERY_CHARACTERS} characters. Shorten it.",
            errors=[{"field": "query", "message": f"At most {MAX_QUERY_CHARACTERS} characters."}],
        )
    return question


def tune_index_scan() -> None:
    """Filters come after the index, which holds all tenants' vectors: scan on until enough rows are ours.

    In relaxed order, which `nearest` puts right: the strict one leaves out what is found late, and with it near ones.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL hnsw.iterative_scan = 'relaxed_order'")
        cursor.execute(f"SET LOCAL hnsw.ef_search = {2 * CANDIDATES}")
        cursor.execute(f"SET LOCAL hnsw.max_scan_tuples = {_MOST_SCANNED}")


def _evidence(
    base: KnowledgeBase, question: str, vector: Sequence[float], documents: Collection[UUID] | None
) -> dict[UUID, Evidence]:
    """What both sides know of each chunk that either of them has among its best."""
    only = None if documents is None else document_ranges(base.id, documents)
    words = ranking(base, question, only)
    held = words.chunks if only is None else sum(last - first + 1 for first, last in only)
    parameters: dict[str, Any] = {"base": base.id, "vector": str(list(vector))}
    found = nearest(parameters, held, documents)
    known = {row.number for row in found}
    missing = [number for number, _ in words.best(CANDIDATES) if number not in known]
    found += _rows(_BY_NUMBER, {**parameters, "numbers": missing})
    numbers = [row.number for row in found]
    whole = _documents(base, words, {row.document for row in found})
    scored = zip(found, words.scores(numbers), words.coverage(numbers), strict=True)
    return {row.chunk: Evidence(1.0 - row.distance, score, share, *whole[row.document]) for row, score, share in scored}


def _documents(base: KnowledgeBase, words: Ranking, ids: Collection[UUID]) -> dict[UUID, tuple[float, float]]:
    """For each document its BM25 score as a whole, and how far similarity is trusted in its language."""
    rows = list(Document.objects.filter(id__in=ids).only("first_number", "chunk_count", "term_count", "language"))
    scores = words.document_scores([(row.first_number, row.chunk_count, row.term_count) for row in rows])
    known = {row.id: (score, trust_in(base, row.language)) for row, score in zip(rows, scores, strict=True)}
    return {document: known.get(document, (0.0, 1.0)) for document in ids}


def nearest(parameters: dict[str, Any], held: int, documents: Collection[UUID] | None) -> list[Found]:
    """The chunks that are nearest in meaning, among about `held` ones."""
    only = "" if documents is None else "AND document_id = ANY(%(documents)s)"
    parameters = {**parameters, "limit": CANDIDATES, "documents": list(documents or ())}
    if held > EXACT_CHUNKS:
        with _index_only():
            found = _rows(_NEAREST.format(only=only, order=_IN_REGION), parameters)
        if len(found) == CANDIDATES:
            return sorted(found, key=lambda row: row.distance)
    return _rows(_NEAREST.format(only=only, order="distance"), parameters)


@contextmanager
def _index_only() -> Iterator[None]:
    """Without sorting only the index gives an order: the planner knows too little of it to choose it by itself."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = off")
        yield
        cursor.execute("SET LOCAL enable_sort = on")


def _rows(statement: str, parameters: Mapping[str, Any]) -> list[Found]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [Found(*row) for row in cursor.fetchall()]


def _passage(row: Chunk, score: float, evidence: Evidence) -> Passage:
    return Passage(
        chunk_id=row.id,
        document_id=row.document_id,
        knowledge_base_id=row.knowledge_base_id,
        document=row.document.name,
        ordinal=row.ordinal,
        heading=row.heading,
        page=row.page,
        start=row.start,
        end=row.end,
        text=row.text,
        score=round(score, 4),
        similarity=round(evidence.similarity, 4),
        coverage=round(evidence.coverage, 4),
    )
