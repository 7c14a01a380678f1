"""Search in a large knowledge base, and how fast documents come in beside what the embedding engine can do.

Passages are synthetic: words drawn by Zipf's law from a vocabulary that is as large as such a collection's would be,
and vectors with the spread of 24 independent directions and some noise: an intrinsic dimension of 18.7 by the
estimator of Levina and Bickel (2004; 20 neighbours), where embeddings of SciFact's abstracts have 15.2 and those of
short messages 7 to 8. Everything is stored as the platform's own rows and indexed by its own services; the index of the
vectors is built at once when all rows are there, as restoring a backup does, by the database's owner. A question is
nine words of a passage; its time includes embedding it on the runner, whose share `embedding` tells. Recall compares
the ten nearest by the index with those of all distances. Texts carry no meaning, so nothing is said of quality here:
that is what `manage.py evaluate_retrieval` is for.

For the rate of ingestion files of records are made of the sentences of the repository's own guides and go through the
real pipeline; after each the engine is given the same passages with nothing else to do, as many requests at a time. The
two rates are of the same minutes, so that their ratio says something on a busy machine too.
"""

from __future__ import annotations

import io
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from django.db import transaction
from numpy.typing import NDArray

from apps.accounts import services as accounts
from apps.compute import runner
from apps.core.tenant import tenant_scope
from apps.knowledge import selectors, services
from apps.knowledge.models import Chunk, Document, KnowledgeBase, PendingTerms
from apps.knowledge.selectors.search import nearest, tune_index_scan
from apps.knowledge.services.embedding import EMBEDDING_BATCH
from apps.knowledge.services.indexing import pending
from apps.knowledge.services.retrieval_figures import percentile
from apps.knowledge.types import EMBEDDING_DIMENSIONS, DocumentState, SearchMode
from apps.tenancy import selectors as tenancy
from apps.tenancy import services as organisations
from apps.tenancy.types import Actor

#: BENCHMARK_CHUNKS=1000000 measures the larger size; it takes about ten times as long.
CHUNKS = int(os.environ.get("BENCHMARK_CHUNKS", "100000"))
QUESTIONS = 200
WORDS, QUESTION_WORDS = 120, 9
DOCUMENT_CHUNKS = 50
BATCH = 1_000
RECORDS, SENTENCES, ROUNDS = 100, 12, 2
IN_FLIGHT = 3
DIRECTIONS, NOISE = 24, 0.3


def run() -> dict[str, Any]:
    """Measure; returns milliseconds, recall and what was stored."""
    random = np.random.default_rng(7)
    axes = random.normal(size=(DIRECTIONS, EMBEDDING_DIMENSIONS))
    user = accounts.start_guest("Benchmark")
    team = organisations.create_organisation(user_id=user.id, name="Benchmark")
    with tenant_scope(team.id):
        actor = tenancy.actor_for(user.id, team.id)
        rates = _ingest_rates(actor)
        base = services.create_knowledge_base(actor=actor, name="Large").id
        started = time.monotonic()
        with _index_built_afterwards():
            for first in range(0, CHUNKS, BATCH):
                _store(actor, base, first, _texts(random), _vectors(random, axes, BATCH))
        stored = time.monotonic()
        KnowledgeBase.objects.filter(id=base).update(next_number=CHUNKS, languages=["en"])
        services.index_base(base)
        indexed = time.monotonic()
        texts = Chunk.objects.filter(knowledge_base_id=base, number__in=random.integers(0, CHUNKS, QUESTIONS).tolist())
        questions = [" ".join(text.split()[:QUESTION_WORDS]) for text in texts.values_list("text", flat=True)]
        return {
            **rates,
            "chunks": CHUNKS,
            "store_and_index_vectors_s": round(stored - started, 1),
            "index_words_s": round(indexed - stored, 1),
            "recall_at_10": round(float(np.mean(list(_recalls(base, _vectors(random, axes, QUESTIONS))))), 4),
            "embedding": _times(questions, lambda question: runner.embed([question])),
            **{mode.value: _times(questions, _search(actor, base, mode)) for mode in SearchMode},
        }


def _ingest_rates(actor: Actor) -> dict[str, float]:
    """Passages a second through the pipeline, of the engine alone, and the ratio."""
    base = services.create_knowledge_base(actor=actor, name="Records").id
    random = np.random.default_rng(11)
    guides = sorted(Path("docs").rglob("*.md"))
    sentences = [one for path in guides for one in re.split(r"(?<=[.;:])\s+", path.read_text()) if 40 < len(one) < 400]
    passages, pipeline, engine = 0, 0.0, 0.0
    for number in range(ROUNDS):
        rows = (" ".join(random.choice(sentences, SENTENCES)) for _ in range(RECORDS))
        lines = [json.dumps({"id": f"{number}-{place}", "text": text}) for place, text in enumerate(rows)]
        content = "\n".join(lines).encode()
        started = time.monotonic()
        file = services.Upload(f"{number}.jsonl", len(content), io.BytesIO(content))
        source = services.add_records(actor=actor, knowledge_base_id=base, file=file)
        services.sync_source(source.id, 1)
        pipeline += time.monotonic() - started
        chunks = Chunk.objects.filter(document__source=source.id, embedding__isnull=False).values_list(
            "heading", "text"
        )
        texts = [f"{heading}\n{text}" if heading else text for heading, text in chunks]
        passages += len(texts)
        batches = [texts[at : at + EMBEDDING_BATCH] for at in range(0, len(texts), EMBEDDING_BATCH)]
        started = time.monotonic()
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            list(pool.map(runner.embed, batches))
        engine += time.monotonic() - started
    return {
        "ingested": passages,
        "ingest_chunks_per_s": round(passages / pipeline, 1),
        "engine_chunks_per_s": round(passages / engine, 1),
        "ingest_of_engine": round(engine / pipeline, 3),
    }


@contextmanager
def _index_built_afterwards() -> Iterator[None]:
    """Leave the index of the vectors away meanwhile."""
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as connection:
        (definition,) = connection.execute("SELECT pg_get_indexdef('chunk_located'::regclass)").fetchone() or ("",)
        connection.execute("DROP INDEX chunk_located")
        yield
        connection.execute("SET maintenance_work_mem = '3GB'")
        connection.execute("SET max_parallel_maintenance_workers = 2")
        connection.execute(definition)
        connection.execute("ANALYZE knowledge_chunk")


def _texts(random: np.random.Generator) -> Iterator[str]:
    vocabulary = 50_000 + CHUNKS // 2
    ranks = np.arange(1, vocabulary + 1, dtype=np.float64)
    shares = np.cumsum(1 / (ranks + 2.7))
    drawn = np.searchsorted(shares / shares[-1], random.random((BATCH, WORDS)))
    return (" ".join(f"w{word:x}" for word in row) for row in drawn)


def _vectors(random: np.random.Generator, axes: NDArray[np.float64], count: int) -> NDArray[np.float32]:
    made = random.normal(size=(count, DIRECTIONS)) @ axes + NOISE * random.normal(size=(count, EMBEDDING_DIMENSIONS))
    units: NDArray[np.float32] = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)
    return units


def _store(actor: Actor, base: UUID, first: int, texts: Iterator[str], vectors: NDArray[np.float32]) -> None:
    documents = [
        Document(
            tenant_id=actor.organisation_id,
            knowledge_base_id=base,
            uploader_id=actor.organisation_id,
            name=f"{number}.txt",
            size_bytes=1,
            sha256=f"{number:064x}",
            state=DocumentState.READY,
            language="en",
            first_number=number,
            chunk_count=DOCUMENT_CHUNKS,
        )
        for number in range(first, first + BATCH, DOCUMENT_CHUNKS)
    ]
    Document.objects.bulk_create(documents)
    chunks = [
        Chunk(
            tenant_id=actor.organisation_id,
            knowledge_base_id=base,
            document=documents[place // DOCUMENT_CHUNKS],
            number=first + place,
            ordinal=place % DOCUMENT_CHUNKS,
            text=text,
            start=0,
            end=len(text),
            tokens=WORDS,
            embedding=vector,
        )
        for place, (text, vector) in enumerate(zip(texts, vectors, strict=True))
    ]
    Chunk.objects.bulk_create(chunks, batch_size=BATCH)
    PendingTerms.objects.bulk_create([pending(chunk, "en") for chunk in chunks], batch_size=BATCH)


def _recalls(base: UUID, vectors: NDArray[np.float32]) -> Iterator[float]:
    with transaction.atomic():
        tune_index_scan()
        for vector in vectors:
            parameters = {"base": base, "vector": str(vector.tolist())}
            exact = {row.number for row in nearest(parameters, 0, None)[:10]}
            yield len(exact & {row.number for row in nearest(parameters, CHUNKS, None)[:10]}) / 10


def _search(actor: Actor, base: UUID, mode: SearchMode) -> Callable[[str], object]:
    return lambda question: selectors.search(actor=actor, knowledge_base_ids=[base], query=question, k=10, mode=mode)


def _times(questions: list[str], ask: Callable[[str], object]) -> dict[str, float]:
    times = []
    for question in questions:
        started = time.perf_counter()
        ask(question)
        times.append((time.perf_counter() - started) * 1000)
    return {"ms_p50": round(percentile(times, 0.5), 1), "ms_p95": round(percentile(times, 0.95), 1)}
