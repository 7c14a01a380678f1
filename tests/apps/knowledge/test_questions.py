"""A question set says whether the right documents are found, on its page and by API, again after a change."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from apps.core import outbox
from apps.core.errors import Conflict, InvalidInput, NotFound
from apps.core.tenant import tenant_scope
from apps.knowledge import selectors, services
from apps.knowledge.question_types import CheckState
from apps.knowledge.questions import MAX_QUESTIONS, read_questions
from apps.tenancy.types import Actor

pytestmark = pytest.mark.django_db

TEXTS = {
    "returns.md": "You have 30 days from delivery to return an item.",
    "shipping.md": "Parcels go to Norway and Switzerland within a week.",
}


def _filled(actor: Actor) -> Any:
    base = services.create_knowledge_base(actor=actor, name="Shop")
    files = [services.Upload(name, len(text), io.BytesIO(text.encode())) for name, text in TEXTS.items()]
    services.add_documents(actor=actor, knowledge_base_id=base.id, files=files)
    outbox.drain()
    return base.id


def test_questions_are_read_from_lines_tables_and_json() -> None:
    wanted = [("How long?", ["a.md"]), ("Where to, and when?", ["b.md", "c.md"])]
    lines = "How long? | a.md\n\nWhere to, and when? | b.md\nWhere to, and when? | c.md"
    table = 'question,document\nHow long?,a.md\n"Where to, and when?",b.md,c.md'
    rows = [
        {"question": "How long?", "document": "a.md"},
        {"text": "Where to, and when?", "documents": ["b.md", "c.md"]},
    ]
    for text in (lines, table, "\n".join(map(json.dumps, rows)), "\ufeff" + lines.replace(" | ", "\t")):
        assert [(one.question, one.documents) for one in read_questions(text)] == wanted


@pytest.mark.parametrize(
    "text",
    ["", "How long?", " | a.md", "x" * 2001 + " | a.md", "{broken", '{"question": "How?"}', '{"a": 1}\n2'],
)
def test_rows_without_question_or_document_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_questions(text)


def test_too_many_questions_are_refused() -> None:
    with pytest.raises(InvalidInput):
        read_questions("\n".join(f"Question {number}? | a.md" for number in range(MAX_QUESTIONS + 1)))


def test_figures_tell_what_is_found_and_what_is_missed(actor: Actor, runner: object) -> None:
    base = _filled(actor)
    text = "How many days do I have to return an item? | returns.md\nParcels to Norway | Returns.MD"
    added = services.add_question_set(actor=actor, knowledge_base_id=base, name=" Basics ", text=text)
    assert added.last is not None
    assert added.last.is_busy
    with pytest.raises(Conflict):
        services.ask_question_set(actor=actor, knowledge_base_id=base, set_id=added.id)
    outbox.drain()
    found = selectors.question_set_in(actor, base, added.id)
    assert (found.name, found.questions, len(found.runs)) == ("Basics", 2, 1)
    assert found.last is not None
    assert found.last.state is CheckState.DONE
    (miss,) = found.last.misses
    assert (miss.question, miss.place, miss.found[0]) == ("Parcels to Norway", 2, "shipping.md")
    assert found.last.figures["hybrid"]["ndcg_at_10"] == pytest.approx((1 + 1 / 1.58496) / 2, abs=1e-3)
    assert set(found.last.figures) == {"hybrid", "dense", "lexical"}

    services.ask_question_set(actor=actor, knowledge_base_id=base, set_id=added.id)
    outbox.drain()
    assert len(selectors.question_set_in(actor, base, added.id).runs) == 2
    services.remove_question_set(actor=actor, knowledge_base_id=base, set_id=added.id)
    assert selectors.question_sets(actor, base) == []


def test_a_removed_document_is_a_miss_not_an_error(actor: Actor, runner: object) -> None:
    base = _filled(actor)
    added = services.add_question_set(actor=actor, knowledge_base_id=base, name="", text="Norway? | shipping.md")
    document = next(one for one in selectors.documents(actor, base) if one.name == "shipping.md")
    services.remove_document(actor=actor, document_id=document.id)
    outbox.drain()
    last = selectors.question_set_in(actor, base, added.id).last
    assert last is not None
    assert last.state is CheckState.DONE
    assert [miss.place for miss in last.misses] == [None]


def test_a_document_that_is_not_there_is_named(actor: Actor, runner: object) -> None:
    base = _filled(actor)
    with pytest.raises(InvalidInput, match=r"missing\.md"):
        services.add_question_set(actor=actor, knowledge_base_id=base, name="", text="How? | missing.md")
    assert selectors.question_sets(actor, base) == []


def test_the_page_takes_questions_and_shows_what_was_found(
    actor: Actor, client_for: Callable[..., Any], runner: object
) -> None:
    base = _filled(actor)
    client, url = client_for(actor), f"/knowledge/{base}/questions/"
    assert "None yet" in client.get(url).content.decode()
    refused = client.post(url, {"questions": "How? | missing.md"})
    assert refused.status_code == 422
    assert "missing.md" in refused.content.decode()
    file = io.BytesIO(b"question;document\nHow many days to return?;returns.md")
    file.name = "questions.csv"
    assert client.post(url, {"name": "Basics", "file": file}).status_code == 302
    outbox.drain()
    fragment = client.get(url, {"part": ""}).content.decode()
    assert "Every question finds its document first." in fragment
    assert "1.000" in fragment
    (kept,) = selectors.question_sets(actor, base)
    assert client.post(f"{url}{kept.id}/ask/").status_code == 302
    assert client.post(f"{url}{kept.id}/remove/").status_code == 302
    assert "None yet" in client.get(url).content.decode()


def test_the_api_keeps_asks_and_removes(actor: Actor, api_for: Callable[..., Any], runner: object) -> None:
    base = _filled(actor)
    api, url = api_for(actor), f"/api/v1/knowledge-bases/{base}/question-sets/"
    added = api.post(url, {"questions": "How many days to return? | returns.md"}, format="json")
    assert added.status_code == 201, added.content
    outbox.drain()
    one = f"{url}{added.json()['id']}/"
    assert api.get(one).json()["runs"][0]["figures"]["hybrid"]["queries"] == 1
    assert api.get(url).json()["results"][0]["name"] == "1 question"
    assert api.post(f"{one}runs/").status_code == 201
    assert api.post(f"{one}runs/").status_code == 409
    assert api.delete(one).status_code == 204
    assert api.get(one).status_code == 404


def test_others_find_no_question_set(actor: Actor, make_actor: Callable[..., Actor], runner: object) -> None:
    base = _filled(actor)
    added = services.add_question_set(actor=actor, knowledge_base_id=base, name="", text="Norway? | shipping.md")
    other = make_actor()
    with tenant_scope(other.organisation_id):
        mine = services.create_knowledge_base(actor=other, name="Mine")
        for where in (base, mine.id):
            with pytest.raises(NotFound):
                selectors.question_set_in(other, where, added.id)
            with pytest.raises(NotFound):
                services.remove_question_set(actor=other, knowledge_base_id=where, set_id=added.id)
