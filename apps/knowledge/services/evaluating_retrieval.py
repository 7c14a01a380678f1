"""Retrieval on a collection with known answers (the layout of BEIR), through the real pipeline."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from apps.core.errors import InvalidInput
from apps.knowledge.models import Chunk, Document, Source
from apps.knowledge.selectors.search import rank_documents, search
from apps.knowledge.services.create_base import create_knowledge_base
from apps.knowledge.services.documents import Upload
from apps.knowledge.services.retrieval_figures import Figures, percentile
from apps.knowledge.services.segments import index_base
from apps.knowledge.services.sources import add_records
from apps.knowledge.services.syncing import sync_source
from apps.knowledge.services.trust import measure_trust
from apps.knowledge.services.workspace import temporary_workspace
from apps.knowledge.types import MAX_QUERY_CHARACTERS, SearchMode
from apps.tenancy.types import Actor

MOST_TIMED = 200
_PASSAGES = 10
Relevance = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Collection:
    """A corpus (its file), questions by id, and the relevant documents of each question with their grades."""

    corpus: Path
    questions: Mapping[str, str]
    relevance: Relevance


def read_collection(corpus: Path, queries: Path, qrels: Path) -> Collection:
    """The files of a collection; questions without a relevant document are left out.

    Raises:
        InvalidInput: a file is missing or a row is not what it should be.
    """
    if not corpus.is_file():
        raise InvalidInput("no_file", f"There is no file {corpus}.")
    relevance = _relevance(qrels)
    questions = {key: text for key, text in _questions(queries) if any(v > 0 for v in relevance.get(key, {}).values())}
    if not questions:
        raise InvalidInput("no_questions", f"No question of {queries} has a relevant document in {qrels}.")
    return Collection(corpus, questions, relevance)


def evaluate_collection(
    collection: Collection, modes: Sequence[SearchMode], progress: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Ingest the corpus into a workspace that is gone afterwards, and ask every question in each mode.

    Returns:
        For each mode the figures by name; times include embedding the question.

    Raises:
        InvalidInput: the corpus has no row that can be used.
        DependencyFailed: the runner does not answer.
    """
    with temporary_workspace("Evaluation of retrieval") as actor:
        base = create_knowledge_base(actor=actor, name="Evaluation").id
        ingested = _ingest(actor, base, collection.corpus, progress)
        index_base(base)
        measure_trust(base)
        names = dict(Document.objects.filter(knowledge_base_id=base).values_list("id", "external_id"))
        return {mode.value: figures | ingested for mode, figures in _ask(actor, base, collection, modes, names).items()}


def _ingest(actor: Actor, base: UUID, corpus: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    started = time.monotonic()
    with corpus.open("rb") as content:
        upload = Upload(corpus.name, corpus.stat().st_size, content)
        source = add_records(actor=actor, knowledge_base_id=base, file=upload)
    sync_source(source.id, Source.objects.get(id=source.id).run)
    seconds = time.monotonic() - started
    documents = Document.objects.filter(knowledge_base_id=base).count()
    chunks = Chunk.objects.filter(knowledge_base_id=base, embedding__isnull=False).count()
    if not chunks:
        raise InvalidInput("no_rows", f"{corpus} has no row with an id and a text.")
    progress(f"{documents} documents, {chunks} passages in {seconds:.1f} s")
    return {"documents": documents, "chunks": chunks, "ingest_chunks_per_s": round(chunks / seconds, 2)}


def _ask(
    actor: Actor, base: UUID, collection: Collection, modes: Sequence[SearchMode], names: Mapping[UUID, str]
) -> dict[SearchMode, dict[str, Any]]:
    asked = {mode: Figures() for mode in modes}
    for key, question in collection.questions.items():
        orders = rank_documents(actor=actor, knowledge_base_ids=[base], query=question, modes=modes)
        for mode, found in orders.items():
            asked[mode].add([names[document] for document in found], collection.relevance[key])
    timed = list(collection.questions.values())[:MOST_TIMED]
    return {mode: _figures(mode, figures, list(_times(actor, base, timed, mode))) for mode, figures in asked.items()}


def _figures(mode: SearchMode, figures: Figures, times: Sequence[float]) -> dict[str, Any]:
    return {
        "mode": mode.value,
        **figures.means(),
        "query_ms_p50": round(percentile(times, 0.5), 1),
        "query_ms_p95": round(percentile(times, 0.95), 1),
    }


def _times(actor: Actor, base: UUID, questions: Sequence[str], mode: SearchMode) -> Iterator[float]:
    """Milliseconds that each search takes, its passages included."""
    for question in questions:
        started = time.perf_counter()
        search(actor=actor, knowledge_base_ids=[base], query=question, k=_PASSAGES, mode=mode)
        yield (time.perf_counter() - started) * 1000


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InvalidInput("no_file", f"There is no file {path}.") from None
    except UnicodeDecodeError:
        raise InvalidInput("not_utf8", f"{path} is not UTF-8.") from None


def _questions(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            yield str(row["_id"]), str(row["text"] if "text" in row else row["question"])[:MAX_QUERY_CHARACTERS]
        except (ValueError, KeyError, TypeError):
            raise InvalidInput(
                "invalid_rows", f"{path}, line {number}: no JSON object with `_id` and `text`."
            ) from None


def _relevance(path: Path) -> dict[str, dict[str, float]]:
    """Rows of question, document and grade, also in TREC's layout of four columns; a header is passed over."""
    found: dict[str, dict[str, float]] = {}
    for number, row in enumerate(csv.reader(io.StringIO(_text(path)), delimiter="\t", quoting=csv.QUOTE_NONE), start=1):
        cells = [cell.strip() for cell in (row if len(row) > 1 else " ".join(row).split())]
        if not any(cells):
            continue
        try:
            question, document, grade = cells[0], cells[-2], float(cells[-1])
        except (ValueError, IndexError):
            if number == 1:
                continue
            message = f"{path}, line {number}: expected a question's id, a document's id and a grade."
            raise InvalidInput("invalid_rows", message) from None
        found.setdefault(question, {})[document] = grade
    return found
