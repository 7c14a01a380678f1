"""Passages edited by hand: embedded anew, kept out, taken back, with their history."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from apps.core import outbox
from apps.core.errors import Conflict, InvalidInput, NotFound, NotPermitted
from apps.knowledge import selectors, services
from apps.knowledge.types import ChunkChange, ChunkInfo, DocumentInfo
from apps.tenancy.types import Actor, Role

pytestmark = pytest.mark.django_db

TEXT = b"# Opening hours\n\nThe shop in Leipzig opens at nine in the morning."


@pytest.fixture
def document(actor: Actor, runner: object) -> DocumentInfo:
    """A document of one passage, ready."""
    base = services.create_knowledge_base(actor=actor, name="Shop")
    file = services.Upload("hours.md", len(TEXT), io.BytesIO(TEXT))
    services.add_documents(actor=actor, knowledge_base_id=base.id, files=[file])
    outbox.drain()
    return selectors.documents(actor, base.id)[0]


def only(actor: Actor, document: DocumentInfo) -> ChunkInfo:
    (found,) = selectors.passages(actor, document.id)
    return found


def found(actor: Actor, document: DocumentInfo, query: str) -> list[str]:
    hits = selectors.search(actor=actor, knowledge_base_ids=[document.knowledge_base_id], query=query)
    return [hit.text for hit in hits]


def test_an_edited_passage_is_found_by_its_new_words(actor: Actor, document: DocumentInfo) -> None:
    chunk = only(actor, document)
    services.edit_chunk(actor=actor, chunk_id=chunk.id, text="The bakery in Graz sells bread until six.")
    assert found(actor, document, "When does the bakery in Graz close?") == [
        "The bakery in Graz sells bread until six."
    ]
    edit = only(actor, document).edits[0]
    assert (edit.change, edit.before) == (ChunkChange.TEXT, chunk.text)


def test_an_excluded_passage_is_found_by_nobody_until_it_is_taken_back(actor: Actor, document: DocumentInfo) -> None:
    chunk = only(actor, document)
    services.set_chunk_excluded(actor=actor, chunk_id=chunk.id, is_excluded=True)
    assert found(actor, document, "When does the shop in Leipzig open?") == []
    services.set_chunk_excluded(actor=actor, chunk_id=chunk.id, is_excluded=False)
    assert found(actor, document, "When does the shop in Leipzig open?") == [chunk.text]
    changes = [edit.change for edit in only(actor, document).edits]
    assert changes == [ChunkChange.INCLUDED, ChunkChange.EXCLUDED]


def test_late_empty_foreign_and_unpermitted_edits_change_nothing(
    actor: Actor, other_actor: Actor, document: DocumentInfo, make_actor: Callable[..., Actor]
) -> None:
    chunk = only(actor, document)
    viewer = make_actor(organisation_id=actor.organisation_id, role=Role.VIEWER)
    for who, text, based_on, error in (
        (actor, "New.", "What was never there.", Conflict),
        (actor, "  ", None, InvalidInput),
        (actor, "x" * 5000, None, InvalidInput),
        (viewer, "New.", None, NotPermitted),
    ):
        with pytest.raises(error):
            services.edit_chunk(actor=who, chunk_id=chunk.id, text=text, based_on=based_on)
    assert only(actor, document) == chunk


def test_the_page_edits_and_puts_back(actor: Actor, document: DocumentInfo, client_for: Callable[..., Any]) -> None:
    client, chunk = client_for(actor), only(actor, document)
    page = f"/knowledge/{document.knowledge_base_id}/documents/{document.id}/passages/"
    assert "opens at nine" in client.get(page).content.decode()
    assert client.post(f"{page}{chunk.id}/", {"text": "It opens at ten.", "based_on": chunk.text}).status_code == 302
    late = client.post(f"{page}{chunk.id}/", {"text": "It opens at eight.", "based_on": chunk.text})
    assert late.status_code == 409
    assert "It opens at eight." in late.content.decode()
    assert client.post(f"{page}{chunk.id}/", {"action": "exclude"}).status_code == 302
    shown = client.get(f"{page}?q=ten").content.decode()
    assert "kept out" in shown
    assert "opens at nine" in shown
    assert client.get(f"{page}?q=zebra").status_code == 200


def test_another_organisations_passages_are_404(
    other_actor: Actor, actor: Actor, document: DocumentInfo, client_for: Callable[..., Any]
) -> None:
    chunk, client = only(actor, document), client_for(other_actor)
    page = f"/knowledge/{document.knowledge_base_id}/documents/{document.id}/passages/"
    assert client.get(page).status_code == 404
    assert client.post(f"{page}{chunk.id}/", {"text": "Theirs."}).status_code == 404
    with pytest.raises(NotFound):
        services.edit_chunk(actor=Actor.system(other_actor.organisation_id), chunk_id=document.id, text="Theirs.")
