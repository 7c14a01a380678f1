"""Retrieval finds by meaning and by words, inside the tenant only, and says when nothing fits."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import numpy as np
import pytest
from django.db import connection

from apps.core import outbox
from apps.core.errors import InvalidInput, NotFound
from apps.core.tenant import tenant_scope
from apps.knowledge import selectors, services
from apps.knowledge.models import Chunk, Document
from apps.knowledge.ranking import Evidence, fuse
from apps.knowledge.services import Upload
from apps.knowledge.types import EMBEDDING_DIMENSIONS, KnowledgeBaseInfo, SearchMode
from apps.tenancy.types import Actor
from tests.apps.knowledge.files import HANDBOOK

pytestmark = pytest.mark.django_db


def _filled(actor: Actor, text: str = HANDBOOK, name: str = "handbook.md") -> KnowledgeBaseInfo:
    base = services.create_knowledge_base(actor=actor, name="Handbook")
    services.add_documents(
        actor=actor, knowledge_base_id=base.id, files=[Upload(name, len(text.encode()), io.BytesIO(text.encode()))]
    )
    outbox.drain()
    return base


@pytest.fixture
def base(actor: Actor, runner: object) -> KnowledgeBaseInfo:
    return _filled(actor)


def _ask(actor: Actor, base: KnowledgeBaseInfo, query: str, mode: SearchMode = SearchMode.HYBRID) -> list[str]:
    found = selectors.search(actor=actor, knowledge_base_ids=[base.id], query=query, k=3, mode=mode)
    return [passage.text for passage in found]


def test_the_passage_that_answers_comes_first(actor: Actor, base: KnowledgeBaseInfo) -> None:
    assert "30 days" in _ask(actor, base, "How long can I send something back?")[0]
    assert "Norway" in _ask(actor, base, "Which countries do you ship to?")[0]


def test_rare_words_are_found_as_written(actor: Actor, base: KnowledgeBaseInfo) -> None:
    assert "Switzerland" in _ask(actor, base, "switzerland", SearchMode.LEXICAL)[0]


@pytest.mark.parametrize("query", ["it's \\ 'quoted' & | ! <-> :*", "der die das", "?!", "naïve café 你好"])
def test_any_text_may_be_a_question(actor: Actor, base: KnowledgeBaseInfo, query: str) -> None:
    assert len(_ask(actor, base, query)) == 3


@pytest.mark.parametrize("query", ["", "  \x00 ", "x" * 2001])
def test_an_impossible_question_is_refused(actor: Actor, base: KnowledgeBaseInfo, query: str) -> None:
    with pytest.raises(InvalidInput):
        _ask(actor, base, query)


def test_a_passage_points_at_its_exact_characters(actor: Actor, base: KnowledgeBaseInfo) -> None:
    passage = selectors.search(actor=actor, knowledge_base_ids=[base.id], query="return an item", k=1)[0]
    assert passage.place == "handbook.md, Handbook > Returns"
    quote = selectors.best_quotes("How many days do I have to return an item?", [passage])[0]
    assert passage.text[quote.start : quote.end] == quote.text == "You have 30 days from delivery to return an item."


def test_a_question_beside_the_documents_is_weak(actor: Actor, base: KnowledgeBaseInfo) -> None:
    def weak(query: str) -> bool:
        passages = selectors.search(actor=actor, knowledge_base_ids=[base.id], query=query)
        return selectors.find_quotes(query, passages).is_weak

    assert weak("Who won the football world cup in 1998?")
    assert not weak("How many days do I have to return an item?")


def test_equal_text_of_two_organisations_never_mixes(actor: Actor, other_actor: Actor, runner: object) -> None:
    mine = _filled(actor)
    with tenant_scope(other_actor.organisation_id):
        theirs = _filled(other_actor)
        assert {
            passage.knowledge_base_id
            for passage in selectors.search(actor=other_actor, knowledge_base_ids=[theirs.id], query="return an item")
        } == {theirs.id}
        with pytest.raises(NotFound):
            selectors.search(actor=other_actor, knowledge_base_ids=[theirs.id, mine.id], query="return an item")
        # Even raw SQL with the foreign id sees nothing: the policy is in the database.
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM knowledge_chunk WHERE knowledge_base_id = %s", [mine.id])
            assert cursor.fetchone() == (0,)
    assert {
        passage.knowledge_base_id
        for passage in selectors.search(actor=actor, knowledge_base_ids=[mine.id], query="return an item")
    } == {mine.id}


def test_a_search_can_be_bound_to_the_documents_of_a_release(actor: Actor, base: KnowledgeBaseInfo) -> None:
    release = services.release_version(actor=actor, knowledge_base_id=base.id)
    late = b"# News\n\nSince today you have 90 days to return an item."
    services.add_documents(
        actor=actor, knowledge_base_id=base.id, files=[Upload("news.md", len(late), io.BytesIO(late))]
    )
    outbox.drain()
    query = "How many days do I have to return an item?"

    def texts(documents: tuple[object, ...] | None) -> str:
        found = selectors.search(
            actor=actor,
            knowledge_base_ids=[base.id],
            query=query,
            document_ids=documents,  # type: ignore[arg-type]
        )
        return " ".join(passage.text for passage in found)

    assert "90 days" in texts(None)
    assert "90 days" not in texts(release.document_ids)


def test_a_search_can_be_narrowed_by_metadata(actor: Actor, runner: object) -> None:
    base = services.create_knowledge_base(actor=actor, name="Papers")
    rows = [
        {"_id": str(year), "text": f"The report of {year} tells of herons.", "metadata": {"year": year, "by": "Ada"}}
        for year in range(2001, 2006)
    ]
    content = "\n".join(map(json.dumps, rows)).encode()
    services.add_records(
        actor=actor, knowledge_base_id=base.id, file=Upload("rows.jsonl", len(content), io.BytesIO(content))
    )
    outbox.drain()

    def found(metadata: dict[str, object], mode: SearchMode) -> set[str]:
        passages = selectors.search(
            actor=actor, knowledge_base_ids=[base.id], query="report of herons", k=9, mode=mode, metadata=metadata
        )
        return {passage.text.split()[3] for passage in passages}

    for mode in SearchMode:
        assert found({"by": "Ada"}, mode) == {str(year) for year in range(2001, 2006)}
        assert found({"by": "Ada", "year": 2003}, mode) == {"2003"}
        assert found({"by": "Ada", "year": "2003"}, mode) == {"2003"}, "a table has texts only"
        assert found({"by": "Grace"}, mode) == found({"by": "\x00"}, mode) == found({"by": "\ud800"}, mode) == set()


def test_the_sum_of_both_sides_ranks() -> None:
    evidence = {"both": Evidence(0.6, 5.0, 1), "dense": Evidence(0.7, 0.0, 0), "words": Evidence(0.1, 6.0, 1)}
    assert [key for key, _ in fuse(evidence)] == ["both", "dense", "words"]
    assert fuse(evidence, SearchMode.DENSE)[0][0] == "dense"
    assert fuse(evidence, SearchMode.LEXICAL)[0][0] == "words"


def test_a_flat_dense_side_leaves_the_lexical_order() -> None:
    evidence = {index: Evidence(0.2, float(index), 0) for index in range(5)}
    assert [key for key, _ in fuse(evidence)] == [4, 3, 2, 1, 0]


def test_a_large_knowledge_base_is_searched_by_the_index_whatever_the_planner_believes(
    actor: Actor, base: KnowledgeBaseInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[str] = []
    search_module = sys.modules["apps.knowledge.selectors.search"]
    rows = search_module._rows

    def explained(statement: str, parameters: dict[str, Any]) -> object:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plans.append("\n".join(row[0] for row in cursor.fetchall()))
        return rows(statement, parameters)

    monkeypatch.setattr(search_module, "_rows", explained)
    parameters = {"base": base.id, "vector": str([0.1] * 384)}
    search_module.tune_index_scan()
    search_module.nearest(parameters, search_module.EXACT_CHUNKS + 1, None)
    by_index, exactly = plans  # the knowledge base is small in truth, so that the index finds too few
    assert "chunk_located" in by_index
    assert "chunk_located" not in exactly


def test_near_vectors_of_others_do_not_stand_in_the_way(
    actor: Actor, other_actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(5)
    question = random.normal(size=EMBEDDING_DIMENSIONS)

    def stored(owner: Actor, count: int, apart: float) -> KnowledgeBaseInfo:
        with tenant_scope(owner.organisation_id):
            base = services.create_knowledge_base(actor=owner, name="Vectors")
            document = Document.objects.create(
                tenant_id=owner.organisation_id,
                knowledge_base_id=base.id,
                uploader_id=owner.organisation_id,
                name="v",
                size_bytes=1,
            )
            vectors = question + apart * random.normal(size=(count, EMBEDDING_DIMENSIONS))
            place: dict[str, Any] = {
                "tenant_id": owner.organisation_id,
                "knowledge_base_id": base.id,
                "start": 0,
                "end": 1,
            }
            Chunk.objects.bulk_create(
                Chunk(**place, document=document, number=number, ordinal=number, text="v", tokens=1, embedding=vector)
                for number, vector in enumerate(vectors)
            )
        return base

    own = stored(actor, 150, apart=3.0)
    stored(other_actor, 300, apart=0.1)
    parameters = {"base": own.id, "vector": str(question.tolist())}
    search_module = sys.modules["apps.knowledge.selectors.search"]
    asked: list[str] = []
    rows = search_module._rows

    def noted(statement: str, parameters: dict[str, Any]) -> object:
        asked.append(statement)
        return rows(statement, parameters)

    monkeypatch.setattr(search_module, "_rows", noted)
    with tenant_scope(actor.organisation_id), connection.cursor() as cursor:
        search_module.tune_index_scan()
        cursor.execute("SET LOCAL hnsw.iterative_scan = off")
        cursor.execute("SET LOCAL hnsw.ef_search = 110")
        by_index = search_module.nearest(parameters, search_module.EXACT_CHUNKS + 1, None)
        assert len(asked) == 1  # the index alone was enough
        exactly = search_module.nearest(parameters, 0, None)
    assert len({row.number for row in by_index} & {row.number for row in exactly}) >= 98
