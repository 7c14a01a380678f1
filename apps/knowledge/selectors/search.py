"""Retrieval: passages near a question in meaning (pgvector) and in words (BM25)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from apps.compute import runner
from apps.core.errors import InvalidInput
from apps.knowledge.models import Chunk, KnowledgeBase
from apps.knowledge.ranking import Evidence, fuse
from apps.knowledge.selectors.bases import get_bases
from apps.knowledge.selectors.words import document_ranges, ranking
from apps.knowledge.types import Passage, SearchMode
from apps.tenancy.types import Actor

CANDIDATES = 100
MAX_RESULTS = 50
MAX_QUERY_CHARACTERS = 2000
#: Up to so many chunks all distances are computed: sure, and faster than an index that holds everybody's chunks.
EXACT_CHUNKS = 20_000
#: How far the index is followed before the search goes without it.
_MOST_SCANNED = 100_000

# `+ 0` keeps the planner from the index.
_NEAREST = """
SELECT id, number, embedding <=> %(vector)s::vector AS distance FROM knowledge_chunk
WHERE knowledge_base_id = %(base)s AND embedding IS NOT NULL {only} ORDER BY {order} LIMIT %(limit)s
"""
_BY_NUMBER = """
SELECT id, number, embedding <=> %(vector)s::vector FROM knowledge_chunk
WHERE knowledge_base_id = %(base)s AND embedding IS NOT NULL AND number = ANY(%(numbers)s)
"""


def search(
    *,
    actor: Actor,
    knowledge_base_ids: Sequence[UUID],
    query: str,
    k: int = 5,
    mode: SearchMode = SearchMode.HYBRID,
    document_ids: Collection[UUID] | None = None,
) -> list[Passage]:
    """The `k` best passages for a question, best first.

    Embeds the question on the runner first, so it must not be called inside a transaction.

    Args:
        document_ids: search these documents only (the snapshot of a release).

    Raises:
        NotFound: one of the knowledge bases is not the actor's.
        InvalidInput: the question is empty or too long.
        DependencyFailed: the runner does not answer.
    """
    question = _checked(query)
    with transaction.atomic():
        bases = get_bases(actor, knowledge_base_ids)
    if not bases:
        return []
    vector = runner.embed([question])[0]
    with transaction.atomic():
        _tune_index_scan()
        evidence: dict[UUID, Evidence] = {}
        for base in bases:
            evidence |= _evidence(base, question, vector, document_ids)
        best = fuse(evidence, mode)[: max(1, min(k, MAX_RESULTS))]
        rows = Chunk.objects.select_related("document").defer("embedding").in_bulk([key for key, _ in best])
    return [_passage(rows[key], score, evidence[key]) for key, score in best if key in rows]


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


def _tune_index_scan() -> None:
    """The index holds all tenants' vectors and filters come after it: scan on until enough rows are ours."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL hnsw.iterative_scan = 'strict_order'")
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
    found = _nearest(parameters, held, documents)
    known = {number for _, number, _ in found}
    missing = [number for number, _ in words.best(CANDIDATES) if number not in known]
    found += _rows(_BY_NUMBER, {**parameters, "numbers": missing})
    numbers = [number for _, number, _ in found]
    scored = zip(found, words.scores(numbers), words.coverage(numbers), strict=True)
    return {chunk: Evidence(1.0 - distance, score, share) for (chunk, _, distance), score, share in scored}


def _nearest(
    parameters: dict[str, Any], held: int, documents: Collection[UUID] | None
) -> list[tuple[UUID, int, float]]:
    """The chunks that are nearest in meaning, among about `held` ones."""
    only = "" if documents is None else "AND document_id = ANY(%(documents)s)"
    parameters = {**parameters, "limit": CANDIDATES, "documents": list(documents or ())}
    if held > EXACT_CHUNKS:
        found = _rows(_NEAREST.format(only=only, order="embedding <=> %(vector)s::vector"), parameters)
        if len(found) == CANDIDATES:
            return found
    return _rows(_NEAREST.format(only=only, order="(embedding <=> %(vector)s::vector) + 0"), parameters)


def _rows(statement: str, parameters: Mapping[str, Any]) -> list[tuple[UUID, int, float]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [(chunk, number, float(distance)) for chunk, number, distance in cursor.fetchall()]


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
