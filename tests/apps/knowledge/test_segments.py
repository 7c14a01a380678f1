"""The index for search by words is complete while it grows, is merged, loses documents and has concurrent writers."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from uuid import UUID

import pytest
from django.db import connection, transaction

from apps.core.tenant import tenant_scope
from apps.knowledge import services
from apps.knowledge.models import (
    Chunk,
    Document,
    KnowledgeBase,
    LexicalSegment,
    PendingTerms,
    PostingBlock,
    RemovedChunks,
)
from apps.knowledge.selectors.words import document_ranges, ranking
from apps.knowledge.services import segments
from apps.knowledge.services.indexing import ranges, remove_chunks, replace_chunks
from apps.knowledge.types import ChunkDraft
from apps.tenancy.types import Actor

pytestmark = pytest.mark.django_db

RARE, COMMON = "ostrich", "river"


@pytest.fixture
def base(actor: Actor) -> KnowledgeBase:
    info = services.create_knowledge_base(actor=actor, name="Words")
    return KnowledgeBase.objects.get(id=info.id)


def _document(actor: Actor, base: KnowledgeBase, name: str) -> Document:
    content = io.BytesIO(name.encode())
    added = services.add_documents(
        actor=actor, knowledge_base_id=base.id, files=[services.Upload(name, len(name), content)]
    )
    return Document.objects.get(id=added[0].document.id)


def _fill(document: Document, texts: list[str]) -> None:
    drafts = [ChunkDraft(place, text, "", None, 0, len(text), 9) for place, text in enumerate(texts)]
    with transaction.atomic():
        locked = Document.objects.select_for_update().get(id=document.id)
        replace_chunks(locked, drafts)
        locked.chunk_count = len(drafts)
        locked.save()


def _found(base: KnowledgeBase, question: str) -> dict[str, float]:
    """Every chunk's text that is found, with its score."""
    with transaction.atomic():
        base.refresh_from_db()
        best = ranking(base, question).best(100_000)
    texts = dict(Chunk.objects.filter(knowledge_base=base).values_list("number", "text"))
    return {texts[number]: score for number, score in best}


def _texts(name: str, count: int) -> list[str]:
    choose = random.Random(name)
    return [
        f"{name} number{place} "
        + " ".join(choose.choices((COMMON, "stone", "bank", RARE), (60, 20, 10, 1), k=choose.randint(3, 12)))
        for place in range(count)
    ]


def test_what_waits_and_what_is_in_segments_scores_the_same(actor: Actor, base: KnowledgeBase) -> None:
    for name in ("one", "two", "three", "four"):
        _fill(_document(actor, base, name), _texts(name, 600))
        question = f"{RARE} {COMMON} number7"
        waiting = _found(base, question)
        services.index_base(base.id)
        assert not PendingTerms.objects.filter(knowledge_base=base).exists()
        assert _found(base, question) == pytest.approx(waiting, rel=1e-5)
    assert PostingBlock.objects.filter(segment__knowledge_base=base, is_column=True, term=COMMON).exists()
    rows = list(LexicalSegment.objects.filter(knowledge_base=base).order_by("first_number"))
    assert sum(row.chunks for row in rows) == 2_400
    assert len(rows) < 3
    assert all(left.last_number < right.first_number for left, right in pairwise(rows))


def test_a_removed_document_is_never_found_and_leaves_with_a_merge(actor: Actor, base: KnowledgeBase) -> None:
    kept, removed = _document(actor, base, "kept"), _document(actor, base, "removed")
    _fill(kept, _texts("kept", 40))
    alone = _found(base, f"{RARE} {COMMON}")
    _fill(removed, _texts("removed", 60))
    services.index_base(base.id)
    services.remove_document(actor=actor, document_id=removed.id)
    found = _found(base, f"{RARE} {COMMON}")
    assert found.keys() == alone.keys()
    assert RemovedChunks.objects.filter(knowledge_base=base).exists()
    services.index_base(base.id)
    assert not RemovedChunks.objects.filter(knowledge_base=base).exists()
    assert _found(base, f"{RARE} {COMMON}") == pytest.approx(alone, rel=1e-5)
    services.remove_document(actor=actor, document_id=kept.id)
    services.index_base(base.id)
    assert _found(base, COMMON) == {}
    assert not LexicalSegment.objects.filter(knowledge_base=base).exists()


def test_a_document_read_again_is_found_by_its_new_words_only(actor: Actor, base: KnowledgeBase) -> None:
    document = _document(actor, base, "changing")
    _fill(document, ["a stone in the river", "the bank"])
    services.index_base(base.id)
    _fill(document, ["an ostrich", "the bank"])
    for _ in range(2):
        assert _found(base, "stone") == {}
        assert _found(base, "ostrich").keys() == {"an ostrich"}
        services.index_base(base.id)


def test_an_edited_chunk_is_found_by_its_new_words_only(actor: Actor, base: KnowledgeBase) -> None:
    document = _document(actor, base, "edited")
    _fill(document, ["a stone in the river", "the bank"])
    services.index_base(base.id)
    chunk = Chunk.objects.select_related("document").get(document=document, ordinal=0)
    chunk.text = "an ostrich"
    services.renew_chunk(chunk)
    for _ in range(2):
        assert _found(base, "stone") == {}
        assert _found(base, "ostrich").keys() == {"an ostrich"}
        assert _found(base, "bank").keys() == {"the bank"}
        services.index_base(base.id)
    document.refresh_from_db()
    numbers = list(Chunk.objects.filter(document=document).order_by("ordinal").values_list("number", flat=True))
    assert numbers == [document.first_number, document.first_number + 1]


def test_a_snapshot_hides_other_documents_and_changes_no_score(actor: Actor, base: KnowledgeBase) -> None:
    names = ("one", "two", "three")
    for name in names:
        _fill(_document(actor, base, name), _texts(name, 30))
    services.index_base(base.id)
    base.refresh_from_db()
    every = _found(base, f"{RARE} {COMMON}")
    chosen = Document.objects.filter(knowledge_base=base, name__in=("one", "three")).values_list("id", flat=True)
    only = document_ranges(base.id, chosen)
    texts = dict(Chunk.objects.filter(knowledge_base=base).values_list("number", "text"))
    best = {texts[number]: score for number, score in ranking(base, f"{RARE} {COMMON}", only).best(1_000)}
    assert best == pytest.approx({text: score for text, score in every.items() if not text.startswith("two")})


def test_each_language_is_stemmed_as_its_own(actor: Actor, base: KnowledgeBase) -> None:
    _fill(_document(actor, base, "en"), ["The connections between all of these rivers were discovered early."])
    _fill(_document(actor, base, "ru"), ["Здесь хранятся старинные книги и рукописи."])
    _fill(_document(actor, base, "zh"), ["这个数据库保存了所有的文件和记录。"])
    base.refresh_from_db()
    assert set(base.languages) == {"en", "ru", "zh"}
    for question, sign in (("connected", "C"), ("книга", "к"), ("数据库", "数")):
        assert [sign in text or sign.lower() in text for text in _found(base, question)] == [True], question


def test_old_chunks_are_analysed_when_their_segment_is_made(actor: Actor, base: KnowledgeBase) -> None:
    """What the migration leaves of chunks that are older than the index."""
    document = _document(actor, base, "old")
    _fill(document, ["There were ostriches near all of the rivers and in the hills."])
    PendingTerms.objects.filter(knowledge_base=base).update(length=0, frequencies={})
    Document.objects.filter(id=document.id).update(language="")
    KnowledgeBase.objects.filter(id=base.id).update(languages=[])
    services.index_base(base.id)
    assert len(_found(base, "ostrich river")) == 1
    document.refresh_from_db()
    assert document.language == "en"


def test_another_organisation_sees_no_postings(actor: Actor, other_actor: Actor, base: KnowledgeBase) -> None:
    _fill(_document(actor, base, "mine"), _texts("mine", 50))
    services.index_base(base.id)
    assert _found(base, COMMON)
    with tenant_scope(other_actor.organisation_id):
        assert ranking(base, COMMON).best(10) == []
        with connection.cursor() as cursor:
            for table in ("lexicalsegment", "postingblock", "pendingterms", "removedchunks"):
                cursor.execute(f"SELECT count(*) FROM knowledge_{table}")  # noqa: S608 -- fixed names
                assert cursor.fetchone() == (0,)


def test_numbers_in_a_row_become_ranges() -> None:
    assert list(ranges([])) == []
    assert list(ranges([0, 1, 2, 5, 7, 8])) == [(0, 2), (5, 5), (7, 8)]


@pytest.fixture
def committed(transactional_db: None, actor: Actor) -> Iterator[KnowledgeBase]:
    info = services.create_knowledge_base(actor=actor, name="Concurrent")
    yield KnowledgeBase.objects.get(id=info.id)


def _in_thread(organisation_id: UUID, work: object, *arguments: object) -> None:
    try:
        with tenant_scope(organisation_id):
            work(*arguments)  # type: ignore[operator]
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_writers_removers_and_indexers_at_once_lose_nothing(actor: Actor, committed: KnowledgeBase) -> None:
    base = committed
    names = [f"doc{place}" for place in range(12)]
    documents = {name: _document(actor, base, name) for name in names}

    def write(name: str) -> None:
        _fill(documents[name], _texts(name, 25))
        if name in names[::3]:
            with transaction.atomic():
                remove_chunks(Document.objects.select_for_update().get(id=documents[name].id))

    def merge() -> None:
        for _ in range(4):
            segments.index_base(base.id)

    organisation = actor.organisation_id
    with ThreadPoolExecutor(6) as pool:
        work = [pool.submit(_in_thread, organisation, write, name) for name in names]
        work += [pool.submit(_in_thread, organisation, merge) for _ in range(3)]
    for one in work:
        one.result()
    expected = {text for name in names if name not in names[::3] for text in _texts(name, 25)}
    assert _found(base, "number0 " + " ".join(f"number{place}" for place in range(25))).keys() == expected
    segments.index_base(base.id)
    assert _found(base, " ".join(f"number{place}" for place in range(25))).keys() == expected
    rows = list(LexicalSegment.objects.filter(knowledge_base=base).order_by("first_number"))
    assert all(left.last_number < right.first_number for left, right in pairwise(rows))
