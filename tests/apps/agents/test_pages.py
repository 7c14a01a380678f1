"""The pages: template to published agent by plain forms, the chat with and without JavaScript."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from apps.agents import selectors, services
from apps.agents.models import Agent
from apps.agents.types import AgentInfo, Offer
from apps.core import outbox
from apps.core.tenant import tenant_scope
from apps.knowledge import selectors as knowledge
from apps.tenancy.types import Actor
from tests.apps.agents.conftest import offer_of, text_file

pytestmark = pytest.mark.django_db


def form_of(agent: AgentInfo, **changes: Any) -> dict[str, Any]:
    config = agent.config
    return {
        "name": config.name,
        "job": config.job,
        "tone": config.tone,
        "mode": config.mode,
        "instruction": config.instruction,
        "knowledge": [str(base_id) for base_id in config.knowledge_base_ids],
        **changes,
    }


def test_from_template_to_public_page_by_forms(actor: Actor, client_for: Callable[..., Any], runner: object) -> None:
    client = client_for(actor)
    gallery = client.get("/agents/").content.decode()
    assert "Support desk" in gallery
    assert "No agents yet" in gallery
    created = client.post("/agents/new/", {"template": "contract-reader"})
    agent = selectors.agent(actor, Agent.objects.get().id)
    assert created["Location"] == f"/agents/{agent.id}/edit/"
    outbox.drain()
    page = client.get(created["Location"])
    assert page.status_code == 200
    file = text_file("lease.md", "# Lease\n\nThe deposit is two months of rent.")
    saved = client.post(f"/agents/{agent.id}/edit/", form_of(agent, name="Lease reader", file=file))
    assert saved.status_code == 302
    outbox.drain()
    assert [item.name for item in knowledge.documents(actor, agent.config.knowledge_base_ids[0])] == ["lease.md"]
    asked = client.post(f"/agents/{agent.id}/chat/", {"question": "How large is the deposit?"})
    answered = client.get(asked["Location"].split("#")[0]).content.decode()
    assert "two months of rent" in answered
    assert "lease.md" in answered
    published = client.post(f"/agents/{agent.id}/edit/", form_of(agent, name="Lease reader", action="publish"))
    assert published["Location"] == f"/agents/{agent.id}/"
    overview = client.get(f"/agents/{agent.id}/").content.decode()
    assert f"/a/{agent.slug}/" in overview
    assert "chat.completions.create" in overview
    public = client.get(f"/a/{agent.slug}/")
    assert public.status_code == 200
    assert "Lease reader" in public.content.decode()


def test_a_bad_form_comes_back_with_its_errors(actor: Actor, agent: AgentInfo, client_for: Callable[..., Any]) -> None:
    answer = client_for(actor).post(f"/agents/{agent.id}/edit/", form_of(agent, name="", tone="rude"))
    assert answer.status_code == 422
    assert selectors.agent(actor, agent.id).config == agent.config


def test_a_file_too_large_is_said_at_its_field(
    actor: Actor, agent: AgentInfo, client_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.knowledge.services.documents.MAX_DOCUMENT_BYTES", 10)
    answer = client_for(actor).post(f"/agents/{agent.id}/edit/", form_of(agent, file=text_file("big.txt", "x" * 50)))
    assert answer.status_code == 422
    assert "big.txt has" in answer.content.decode()


def test_the_autosave_answers_without_a_page(actor: Actor, agent: AgentInfo, client_for: Callable[..., Any]) -> None:
    answer = client_for(actor).post(
        f"/agents/{agent.id}/edit/", form_of(agent, job="Another job."), headers={"X-Autosave": "1"}
    )
    assert answer.status_code == 204
    assert selectors.agent(actor, agent.id).config.job == "Another job."


def test_what_is_missing_is_listed_on_the_page(
    actor: Actor, make_agent: Callable[..., AgentInfo], client_for: Callable[..., Any]
) -> None:
    triage = make_agent(actor, "message-triage")
    answer = client_for(actor).post(f"/agents/{triage.id}/publish/")
    assert answer.status_code == 409
    assert f'href="/agents/{triage.id}/edit/#id_classifier"' in answer.content.decode()


def test_the_chat_streams_sources_then_words(
    actor: Actor, make_agent: Callable[..., AgentInfo], client_for: Callable[..., Any]
) -> None:
    reader = make_agent(actor, "contract-reader")
    answer = client_for(actor).post(
        f"/agents/{reader.id}/chat/",
        {"question": "What is the notice period?"},
        headers={"Accept": "text/event-stream"},
    )
    assert answer["Content-Type"] == "text/event-stream"
    blocks = b"".join(list(answer)).decode().strip().split("\n\n")
    events = [(block.split("\n")[0][7:], json.loads(block.split("\n")[1][6:])) for block in blocks]
    assert [name for name, _ in events] == ["found", "started", "delta", "finished"]
    assert events[0][1]["sources"][0]["number"] == 1
    assert f'href="#{events[1][1]["answer"]}-1"' in events[3][1]["html"]
    assert UUID(events[3][1]["conversation"])
    assert UUID(events[3][1]["message"])


def test_a_chat_that_cannot_begin_says_why(
    actor: Actor, agent: AgentInfo, client_for: Callable[..., Any], settings: Any
) -> None:
    client = client_for(actor)
    streamed = {"Accept": "text/event-stream"}
    long = client.post(f"/agents/{agent.id}/chat/", {"question": "word " * 3000}, headers=streamed)
    assert (long.status_code, long.json()["code"]) == (422, "prompt_too_long")
    settings.RUNNER = {"url": "http://127.0.0.1:9", "token": "nobody-listens-there"}
    down = client.post(f"/agents/{agent.id}/chat/", {"question": "Hello?"}, headers=streamed)
    assert (down.status_code, down["Retry-After"]) == (503, "2")
    plain = client.post(f"/agents/{agent.id}/chat/", {"question": "Hello?"}, follow=True)
    assert "does not answer right now" in plain.content.decode()


def test_strangers_see_404_or_the_price(
    actor: Actor,
    other_actor: Actor,
    make_agent: Callable[..., AgentInfo],
    client_for: Callable[..., Any],
    offered: dict[UUID, Offer],
) -> None:
    reader = make_agent(actor, "contract-reader")
    services.publish_agent(actor=actor, agent_id=reader.id)
    reader = selectors.agent(actor, reader.id)
    assert reader.asset_id is not None
    client = client_for(other_actor)
    assert client.get(f"/a/{reader.slug}/").status_code == 404
    offered[reader.asset_id] = offer_of(reader.asset_id)
    page = client.get(f"/a/{reader.slug}/")
    assert page.status_code == 402
    assert f"/marketplace/{reader.asset_id}/" in page.content.decode()
    assert client.post(f"/a/{reader.slug}/chat/", {"question": "Hello?"}).status_code == 402


def test_another_organisations_ids_are_404_everywhere(
    actor: Actor, other_actor: Actor, agent: AgentInfo, client_for: Callable[..., Any], api_for: Callable[..., Any]
) -> None:
    services.publish_agent(actor=actor, agent_id=agent.id)
    client, api = client_for(other_actor), api_for(other_actor)
    for page in ("", "edit/", "documents/"):
        assert client.get(f"/agents/{agent.id}/{page}").status_code == 404
    for page in ("edit/", "chat/", "publish/", "pause/"):
        assert client.post(f"/agents/{agent.id}/{page}", {"question": "Hello?"}).status_code == 404
    for path in ("", "versions/"):
        assert api.get(f"/api/v1/agents/{agent.id}/{path}").status_code == 404
    for path in ("chat/", "publish/", "pause/", "resume/"):
        body = {"question": "Hello?"}
        assert api.post(f"/api/v1/agents/{agent.id}/{path}", body, format="json").status_code == 404
    assert api.patch(f"/api/v1/agents/{agent.id}/", {"job": "x"}, format="json").status_code == 404
    assert client.get(f"/agents/{uuid4()}/").status_code == 404


def test_the_api_makes_tries_and_publishes_an_agent(actor: Actor, api_for: Callable[..., Any], runner: object) -> None:
    api = api_for(actor)
    assert len(api.get("/api/v1/agent-templates/").json()["results"]) == 10
    created = api.post(
        "/api/v1/agents/", {"template": "contract-reader", "name": "Reader", "job": "Reads."}, format="json"
    )
    assert created.status_code == 201, created.content
    agent = created.json()
    assert (agent["config"]["name"], agent["config"]["job"], agent["state"]) == ("Reader", "Reads.", "draft")
    content = io.BytesIO(b"# Lease\n\nThe deposit is two months of rent.")
    content.name = "lease.md"
    added = api.post(f"/api/v1/agents/{agent['id']}/documents/", {"files": content}, format="multipart")
    assert added.status_code == 201, added.content
    outbox.drain()
    asked = api.post(
        f"/api/v1/agents/{agent['id']}/chat/", {"question": "How large is the deposit?"}, format="json"
    ).json()
    assert "two months" in asked["text"]
    assert asked["sources"][0]["document"] == "lease.md"
    published = api.post(f"/api/v1/agents/{agent['id']}/publish/", {}, format="json")
    assert published.status_code == 201, published.content
    body = published.json()
    assert (body["number"], body["slug"]) == (1, agent["slug"])
    assert body["url"].endswith(f"/a/{agent['slug']}/")
    assert api.get(f"/api/v1/agents/{agent['id']}/").json()["state"] == "published"
    assert api.get(f"/api/v1/agents/{agent['id']}/usage/").json()["calls"] == 0
    assert api.get("/api/v1/agents/").json()["results"][0]["id"] == agent["id"]
    bad = api.patch(f"/api/v1/agents/{agent['id']}/", {"temperature": 9}, format="json")
    assert bad.status_code == 422
    assert bad.json()["errors"][0]["field"] == "temperature"
    with tenant_scope(actor.organisation_id):
        assert selectors.public_agent(body["slug"]).name == "Reader"
