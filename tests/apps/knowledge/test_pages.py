"""Pages and API of knowledge bases: upload, failures with their cause, questions, other organisations' ids."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from apps.core import outbox
from apps.core.tenant import tenant_scope
from apps.knowledge import selectors, services
from apps.tenancy.types import Actor
from tests.apps.knowledge import files

pytestmark = pytest.mark.django_db


def named(name: str, content: bytes) -> io.BytesIO:
    file = io.BytesIO(content)
    file.name = name
    return file


def test_from_empty_list_to_an_answer_by_forms(actor: Actor, client_for: Callable[..., Any], runner: object) -> None:
    client = client_for(actor)
    assert "No knowledge bases yet" in client.get("/knowledge/").content.decode()
    created = client.post("/knowledge/", {"name": "Handbook"})
    url = created["Location"]
    assert "No documents yet" in client.get(url).content.decode()
    upload = {"files": [named("handbook.md", files.HANDBOOK.encode()), named("secret.pdf", files.encrypted_pdf())]}
    assert client.post(f"{url}documents/", upload).status_code == 302
    outbox.drain()
    fragment = client.get(f"{url}documents/").content.decode()
    assert "secret.pdf: The PDF is protected by a password" in fragment
    assert "Try again" in fragment
    page = client.get(url, {"q": "How many days do I have to return an item?"}).content.decode()
    assert "<mark>You have 30 days from delivery to return an item.</mark>" in page
    answer = client.get(f"{url}answer/", {"q": "Who won the world cup in 1998?"}).content.decode()
    assert "do not seem to answer this" in answer
    assert client.post(f"{url}release/").status_code == 302
    assert "Version 1" in client.get(url).content.decode()
    document = selectors.documents(actor, selectors.knowledge_bases(actor)[0].id)[-1]
    assert "passage-0" in client.get(f"{url}documents/{document.id}/").content.decode()


def test_the_page_narrows_by_metadata(actor: Actor, client_for: Callable[..., Any], runner: object) -> None:
    base = services.create_knowledge_base(actor=actor, name="Reports")
    content = b"id,text,year\n1,Herons nest here.,2003\n2,Herons left.,2004\n"
    file = services.Upload("reports.csv", len(content), io.BytesIO(content))
    services.add_records(actor=actor, knowledge_base_id=base.id, file=file)
    outbox.drain()
    client = client_for(actor)
    page = client.get(f"/knowledge/{base.id}/", {"q": "herons", "metadata": "year: 2003"}).content.decode()
    assert "nest here" in page
    assert "Herons left" not in page
    none = client.get(f"/knowledge/{base.id}/answer/", {"q": "herons", "metadata": "year: 1999"}).content.decode()
    assert "No document has this metadata." in none


def test_a_bad_name_comes_back_with_422(actor: Actor, client_for: Callable[..., Any]) -> None:
    answer = client_for(actor).post("/knowledge/", {"name": " "})
    assert answer.status_code == 422
    assert selectors.knowledge_bases(actor) == []


def test_releasing_nothing_is_said_on_the_page(actor: Actor, client_for: Callable[..., Any]) -> None:
    base = services.create_knowledge_base(actor=actor, name="Empty")
    answer = client_for(actor).post(f"/knowledge/{base.id}/release/")
    assert answer.status_code == 409
    assert "has no ready document yet" in answer.content.decode()


def test_the_api_takes_documents_and_questions(actor: Actor, api_for: Callable[..., Any], runner: object) -> None:
    api = api_for(actor)
    base = api.post("/api/v1/knowledge-bases/", {"name": "Handbook"}, format="json").json()
    url = f"/api/v1/knowledge-bases/{base['id']}/"
    added = api.post(f"{url}documents/", {"files": [named("a.md", files.HANDBOOK.encode())]}, format="multipart")
    assert added.status_code == 201, added.content
    document = added.json()["documents"][0]
    assert document["state"] == "queued"
    outbox.drain()
    found = api.get(f"{url}documents/{document['id']}/").json()
    assert (found["state"], found["progress"]) == ("ready", 100)
    assert "/storage/" in found["download_url"]
    result = api.post(f"{url}search/", {"query": "return an item", "k": 2}, format="json").json()
    assert len(result["passages"]) == 2
    assert result["weak"] is False
    assert api.post(f"{url}releases/").status_code == 201
    assert api.get(f"{url}releases/").json()["results"][0]["number"] == 1
    assert api.get("/api/v1/knowledge-bases/").json()["results"][0]["ready"] == 1
    assert api.post(f"{url}search/", {"query": "x", "k": 500}, format="json").status_code == 422
    assert api.post(f"{url}documents/", {}, format="multipart").json()["code"] == "no_files"
    assert api.delete(f"{url}documents/{document['id']}/").status_code == 204
    assert api.get(f"{url}documents/").json()["results"] == []


def test_another_organisations_ids_are_404(
    actor: Actor, other_actor: Actor, client_for: Callable[..., Any], api_for: Callable[..., Any]
) -> None:
    base = services.create_knowledge_base(actor=actor, name="Ours")
    document = services.add_documents(
        actor=actor, knowledge_base_id=base.id, files=[services.Upload("a.md", 4, io.BytesIO(b"text"))]
    )[0].document
    client, api = client_for(other_actor), api_for(other_actor)
    for path in ("", "documents/", "answer/?q=x", f"documents/{document.id}/"):
        assert client.get(f"/knowledge/{base.id}/{path}").status_code == 404
    for path in ("documents/", "release/", f"documents/{document.id}/retry/", f"documents/{document.id}/remove/"):
        assert client.post(f"/knowledge/{base.id}/{path}", {"files": named("x.md", b"x")}).status_code == 404
    url = f"/api/v1/knowledge-bases/{base.id}/"
    for path in ("", "documents/", f"documents/{document.id}/", "releases/"):
        assert api.get(f"{url}{path}").status_code == 404
    assert api.post(f"{url}search/", {"query": "text"}, format="json").status_code == 404
    assert api.delete(f"{url}documents/{document.id}/").status_code == 404
    with tenant_scope(other_actor.organisation_id):
        own = services.create_knowledge_base(actor=other_actor, name="Theirs")
    # A foreign document does not appear under an own knowledge base either.
    assert api.get(f"/api/v1/knowledge-bases/{own.id}/documents/{document.id}/").status_code == 404
