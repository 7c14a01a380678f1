"""Retrieval: passages near a question in meaning (pgvector) and in words (BM25 over PostgreSQL's text search)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from django.db import connection, transaction
from pgvector.django import CosineDistance

from apps.compute import runner
from apps.core.errors import InvalidInput
from apps.knowledge.models import TEXT_SEARCH_CONFIG, Chunk
from apps.knowledge.ranking import Evidence, fuse
from apps.knowledge.selectors.bases import get_bases
from apps.knowledge.types import Passage, SearchMode
from apps.tenancy.types import Actor

CANDIDATES = 100
MAX_RESULTS = 50
MAX_QUERY_CHARACTERS = 2000
_BM25_K1 = 1.2
_BM25_B = 0.75

# ts_rank knows nothing of how rare a word is; this is BM25 proper: term frequencies from the stored tsvector,
# document frequencies and the mean length from the searched knowledge bases. Row-level security applies throughout.
_BM25 = """
WITH terms AS MATERIALIZED (
  SELECT lexeme FROM unnest(to_tsvector(%(config)s::regconfig, %(query)s))
), stats AS MATERIALIZED (
  SELECT count(*)::float8 AS total, greatest(avg(tokens), 1)::float8 AS mean
  FROM knowledge_chunk
  WHERE knowledge_base_id = ANY(%(bases)s) AND embedding IS NOT NULL AND (%(documents)s::uuid[] IS NULL
        OR document_id = ANY(%(documents)s::uuid[]))
), hits AS MATERIALIZED (
  SELECT chunk.id, chunk.tokens, word.lexeme, coalesce(array_length(word.positions, 1), 1)::float8 AS frequency
  FROM knowledge_chunk AS chunk
  CROSS JOIN LATERAL unnest(chunk.search) AS word
  JOIN terms ON terms.lexeme = word.lexeme
  WHERE chunk.knowledge_base_id = ANY(%(bases)s) AND chunk.embedding IS NOT NULL AND (%(documents)s::uuid[] IS NULL
        OR chunk.document_id = ANY(%(documents)s::uuid[]))
    AND chunk.search @@ %(any_term)s::tsquery
), weights AS MATERIALIZED (
  SELECT terms.lexeme, ln(1 + (stats.total - count(hits.id) + 0.5) / (count(hits.id) + 0.5)) AS idf
  FROM terms LEFT JOIN hits USING (lexeme) CROSS JOIN stats
  GROUP BY terms.lexeme, stats.total
), scored AS (
  SELECT hits.id,
         sum(idf * frequency * (%(k1)s + 1)
             / (frequency + %(k1)s * (1 - %(b)s + %(b)s * hits.tokens / stats.mean))) AS score,
         sum(idf + 1) / (SELECT sum(idf + 1) FROM weights) AS coverage
  FROM hits JOIN weights USING (lexeme) CROSS JOIN stats
  GROUP BY hits.id
), ranked AS (
  SELECT id, score, coverage, row_number() OVER (ORDER BY score DESC, id) AS place FROM scored
)
SELECT id, score, coverage FROM ranked WHERE place <= %(limit)s OR id = ANY(%(also)s)
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
        bases = [base.id for base in get_bases(actor, knowledge_base_ids)]
    if not bases:
        return []
    vector = runner.embed([question])[0]
    with transaction.atomic():
        _tune_index_scan()
        evidence = _evidence(question, vector, bases, document_ids)
        best = fuse(evidence, mode)[: max(1, min(k, MAX_RESULTS))]
        rows = Chunk.objects.select_related("document").defer("embedding", "search").in_bulk([key for key, _ in best])
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
        cursor.execute(f"SET LOCAL hnsw.ef_search = {CANDIDATES}")


def _evidence(
    question: str, vector: Sequence[float], bases: Sequence[UUID], documents: Collection[UUID] | None
) -> dict[UUID, Evidence]:
    chunks = Chunk.objects.filter(knowledge_base_id__in=bases, embedding__isnull=False)
    if documents is not None:
        chunks = chunks.filter(document_id__in=documents)
    near = chunks.annotate(distance=CosineDistance("embedding", vector))
    distances: dict[UUID, float] = dict(near.order_by("distance").values_list("id", "distance")[:CANDIDATES])
    words = _lexical(question, bases, documents, list(distances))
    missing = [key for key in words if key not in distances]
    distances |= dict(near.filter(id__in=missing).values_list("id", "distance"))
    return {key: Evidence(1.0 - float(distance), *words.get(key, (0.0, 0.0))) for key, distance in distances.items()}


def _lexical(
    question: str, bases: Sequence[UUID], documents: Collection[UUID] | None, also: Sequence[UUID]
) -> dict[UUID, tuple[float, float]]:
    """BM25 score and coverage by chunk, for the best by words and for the chunks in `also`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tsvector_to_array(to_tsvector(%s::regconfig, %s))", [TEXT_SEARCH_CONFIG, question])
        lexemes: list[str] = cursor.fetchone()[0]
        if not lexemes:
            return {}
        parameters = {
            "config": TEXT_SEARCH_CONFIG,
            "query": question,
            "any_term": " | ".join(_quoted(lexeme) for lexeme in lexemes),
            "bases": list(bases),
            "documents": None if documents is None else list(documents),
            "also": list(also),
            "limit": CANDIDATES,
            "k1": _BM25_K1,
            "b": _BM25_B,
        }
        cursor.execute(_BM25, parameters)
        return {row[0]: (float(row[1]), float(row[2])) for row in cursor.fetchall()}


def _quoted(lexeme: str) -> str:
    escaped = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


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
