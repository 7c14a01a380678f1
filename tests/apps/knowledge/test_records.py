"""A file of records becomes one document a row, once, whatever happens on the way."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from apps.compute import runner as engine
from apps.compute.errors import RunnerUnavailable
from apps.core import outbox
from apps.core.storage import get_storage
from apps.knowledge import selectors, services
from apps.knowledge.models import Chunk, Document, DocumentText, Source
from apps.knowledge.services import Upload
from apps.knowledge.types import DocumentState, KnowledgeBaseInfo, SourceInfo, SourceState
from apps.tenancy.types import Actor

pytestmark = pytest.mark.django_db

ROWS: list[dict[str, Any]] = [
    {"_id": f"d{number}", "title": f"Fee {number}", "text": f"The fee of harbour {number} is {number * 7} crowns."}
    for number in range(150)
]


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def add(actor: Actor, base: KnowledgeBaseInfo, content: bytes, name: str = "corpus.jsonl") -> SourceInfo:
    return services.add_records(
        actor=actor, knowledge_base_id=base.id, file=Upload(name, len(content), io.BytesIO(content))
    )


@pytest.fixture
def base(actor: Actor) -> KnowledgeBaseInfo:
    return services.create_knowledge_base(actor=actor, name="Corpus")


def test_every_row_becomes_a_ready_document_with_its_id_title_and_metadata(
    actor: Actor, base: KnowledgeBaseInfo, runner: object
) -> None:
    rows = [*ROWS[:3], {"id": 7, "text": "Free text.", "metadata": {"year": 2026}, "city": "Oslo"}]
    source = add(actor, base, lines(rows))
    outbox.drain()
    found = selectors.source_in(actor, base.id, source.id)
    assert (found.state, found.result["new"], found.done) == (SourceState.SYNCED, 4, 4)
    documents = {row.external_id: row for row in Document.objects.filter(source_id=source.id)}
    assert set(documents) == {"d0", "d1", "d2", "7"}
    assert {row.state for row in documents.values()} == {DocumentState.READY}
    assert documents["7"].metadata == {"year": 2026, "city": "Oslo"}
    assert documents["d1"].title == "Fee 1"
    text = DocumentText.objects.get(document=documents["d1"]).text
    for chunk in Chunk.objects.filter(document=documents["d1"]):
        assert text[chunk.start : chunk.end] == chunk.text
        assert chunk.heading == "Fee 1"
    assert selectors.search(actor=actor, knowledge_base_ids=[base.id], query="Free text", k=1)[0].document == "7"


def test_texts_are_embedded_in_full_batches_across_documents(
    actor: Actor, base: KnowledgeBaseInfo, runner: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    real = engine.embed

    def counted(texts: list[str]) -> list[list[float]]:
        sizes.append(len(texts))
        return real(texts)

    monkeypatch.setattr(engine, "embed", counted)
    add(actor, base, lines(ROWS))
    outbox.drain()
    assert sorted(sizes, reverse=True) == [64, 64, 22]


def test_bad_rows_are_listed_and_the_others_taken(actor: Actor, base: KnowledgeBaseInfo, runner: object) -> None:
    content = lines(ROWS[:1]) + b'\nno json\n{"_id": "e"}\n{"_id": "d0", "text": "Another text."}\n[1]\n'
    source = add(actor, base, content)
    outbox.drain()
    found = selectors.source_in(actor, base.id, source.id)
    assert [one.address for one in found.failures] == ["row 2", "row 3", "row 5", "row 4"]
    assert (found.result["new"], found.result["failed"]) == (1, 4)


def test_a_table_gives_records_in_any_encoding(actor: Actor, base: KnowledgeBaseInfo, runner: object) -> None:
    content = "ID;Title;Text;Ort\n1;Gebühr;Die Gebühr für Köln beträgt zwölf Euro.;Köln\n".encode("cp1252")
    source = add(actor, base, content, name="x.csv")
    outbox.drain()
    row = Document.objects.get(source_id=source.id)
    assert (row.external_id, row.name, row.metadata) == ("1", "Gebühr", {"ort": "Köln"})


def test_a_table_without_text_fails_with_its_cause(actor: Actor, base: KnowledgeBaseInfo) -> None:
    source = add(actor, base, b"a,b\n1,2\n")
    outbox.drain()
    found = selectors.source_in(actor, base.id, source.id)
    assert found.state is SourceState.FAILED
    assert "column named text" in found.cause


def test_a_run_that_was_cut_off_goes_on_where_it_stopped(
    actor: Actor, base: KnowledgeBaseInfo, runner: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = add(actor, base, lines(ROWS))
    real = engine.embed
    calls = 0

    def dies_once(texts: list[str]) -> list[list[float]]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise RunnerUnavailable("gone")
        return real(texts)

    monkeypatch.setattr(engine, "embed", dies_once)
    with pytest.raises(RunnerUnavailable):
        services.sync_source(source.id, 1)
    assert "waits for the embedding service" in Source.objects.get(id=source.id).cause
    services.sync_source(source.id, 1)
    states = set(Document.objects.filter(source_id=source.id).values_list("state", flat=True))
    assert (states, Document.objects.filter(source_id=source.id).count()) == ({DocumentState.READY}, 150)
    assert not Chunk.objects.filter(document__source_id=source.id, embedding=None).exists()


def test_removing_a_source_removes_its_documents_and_its_file(
    actor: Actor, base: KnowledgeBaseInfo, runner: object, django_capture_on_commit_callbacks: Any
) -> None:
    source = add(actor, base, lines(ROWS[:2]))
    outbox.drain()
    key = Source.objects.get(id=source.id).storage_key
    with django_capture_on_commit_callbacks(execute=True):
        services.remove_source(actor=actor, source_id=source.id)
    assert not Document.objects.filter(knowledge_base_id=base.id).exists()
    assert not get_storage().exists(key)
