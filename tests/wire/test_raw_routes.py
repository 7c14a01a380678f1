"""Whoever may only ask an agent has no route to what its documents say beside the sentences that it quotes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from apps.agents import selectors, services
from apps.agents.servers.calls import in_thread
from apps.agents.services import AgentChanges
from apps.agents.types import AgentInfo, AnswerMode
from apps.core import outbox
from apps.core.tenant import tenant_scope
from apps.knowledge import selectors as knowledge_reads
from apps.knowledge import services as knowledge
from apps.tenancy.types import Actor
from tests.apps.agents.test_access import licence
from tests.apps.agents.test_widget import events as widget_events
from tests.isolation.test_foreign_ids import PARAMETER, filled, ids_by_model
from tests.wire.test_a2a import connected as a2a_client
from tests.wire.test_a2a import events, message
from tests.wire.test_mcp import connected as mcp_client

pytestmark = pytest.mark.django_db(transaction=True)

METHODS = ("get", "head", "post", "put", "patch", "delete")
NOTHING = {403, 404}
#: Said of the request before anybody looks for the thing: there is no such method, or the body is none.
OF_THE_REQUEST = {"get": {405}, "head": {405}}
NOT_UNDERSTOOD = {405, 415, 422}
ANSWER, QUESTION = "forty seconds", "How often does the horn sound in fog?"
#: Words of the same passage that the question does not ask for.
RAW = ("zanzibarite", "quillfeather")
DOCUMENT = (
    "# Harbour\n\nThe storeroom of zanzibarite holds oil for ninety nights."
    " In fog the horn sounds every forty seconds. The quillfeather locks the gallery door.\n"
)


@pytest.fixture
def desk(actor: Actor, other_actor: Actor, make_agent: Callable[..., AgentInfo]) -> AgentInfo:
    """A published agent that quotes, licensed to another organisation."""
    made = make_agent(actor, "contract-reader")
    base = knowledge.create_knowledge_base(actor=actor, name="Harbour")
    raw = DOCUMENT.encode()
    files = [knowledge.Upload("harbour.md", len(raw), io.BytesIO(raw))]
    knowledge.add_documents(actor=actor, knowledge_base_id=base.id, files=files)
    changes = AgentChanges(mode=AnswerMode.QUOTE, knowledge_base_ids=[base.id], guard={"min_confidence": 0.0})
    services.update_agent(actor=actor, agent_id=made.id, changes=changes)
    knowledge.add_pages(actor=actor, knowledge_base_id=base.id, addresses=["http://127.0.0.1:9/zanzibarite"])
    outbox.drain()
    services.publish_agent(actor=actor, agent_id=made.id)
    found = selectors.agent(actor, made.id)
    licence(actor, found, other_actor)
    return found


def tells_nothing(text: str) -> None:
    assert [word for word in RAW if word.lower() in text.lower()] == []


def knowledge_routes(resolver: Any = None, prefix: str = "") -> Iterator[str]:
    """Every route of the knowledge app that takes an id."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from knowledge_routes(entry, route)
        elif isinstance(entry, URLPattern) and "knowledge" in route and PARAMETER.search(route):
            yield route


def walk(caller: Any, owner: Actor, routes: list[str]) -> list[tuple[str, str, int]]:
    """Call all routes with all methods and the owner's ids; gives what was more than nothing."""
    holes, tried = [], 0
    ids = ids_by_model(owner.organisation_id)
    for route in routes:
        for path in filled(route, ids, []):
            for method in METHODS:
                response = getattr(caller, method)(path)
                tried += 1
                tells_nothing(response.content.decode(errors="replace"))
                if response.status_code not in NOTHING | OF_THE_REQUEST.get(method, NOT_UNDERSTOOD):
                    holes.append((method, route, response.status_code))
    assert tried > 5 * len(routes)
    return holes


def test_all_routes_to_documents_are_closed_to_a_licensee(
    actor: Actor, other_actor: Actor, desk: AgentInfo, client_for: Any, api_for: Any
) -> None:
    routes = sorted(set(knowledge_routes()))
    assert len(routes) > 20
    with tenant_scope(other_actor.organisation_id):
        pages = [route for route in routes if not route.startswith("api/")]
        assert walk(client_for(other_actor), actor, pages) == []
        assert walk(api_for(other_actor), actor, [route for route in routes if route.startswith("api/")]) == []


def test_a_key_that_only_asks_reaches_no_route_of_its_own_organisation(
    actor: Actor, desk: AgentInfo, key_of: Callable[..., str]
) -> None:
    key = key_of(actor, scopes=("chat",))
    caller = Client(headers={"Authorization": f"Bearer {key}"})
    routes = [route for route in sorted(set(knowledge_routes())) if route.startswith("api/")]
    assert walk(caller, actor, routes) == []


def test_a_download_link_is_only_good_as_it_was_signed(
    actor: Actor, other_actor: Actor, desk: AgentInfo, client_for: Any
) -> None:
    document = knowledge_reads.documents(actor, desk.config.knowledge_base_ids[0])[0]
    link = knowledge_reads.document_url(actor, document.id)
    path = "/" + link.split("/", 3)[3]
    caller = client_for(other_actor)
    token = path.split("token=")[1]
    for altered in (path[:-3] + ("abc" if not path.endswith("abc") else "xyz"), path.replace(token[4:8], "AAAA", 1)):
        response = caller.get(altered)
        assert response.status_code in NOTHING
        tells_nothing(response.content.decode(errors="replace"))


def asked_everywhere(url: str, slug: str, key: str, client: Any, actor: Actor) -> str:
    """All that the programmes' routes and the pages of the asker's own answers send."""
    headers = {"Authorization": f"Bearer {key}"}
    asked = {"model": slug, "messages": [{"role": "user", "content": QUESTION}]}
    parts: list[str] = []
    with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=60) as http:
        parts.append(http.post("/v1/chat/completions", json=asked).text)
        parts.append(http.post("/v1/chat/completions", json=asked | {"stream": True}).text)
        parts.append(http.post("/v1/responses", json={"model": slug, "input": QUESTION}).text)
        parts.append(http.post("/v1/responses", json={"model": slug, "input": QUESTION, "stream": True}).text)
    page = client.post(f"/a/{slug}/chat/", {"question": QUESTION}, follow=True).content.decode()
    parts.append(page)
    links = {part.split('"')[0] for part in page.split('href="')[1:]}
    about = sorted(link for link in links if link.startswith(("/agents/answers/", "/conversations/", "/messages/")))
    assert len(about) >= 3
    parts += [client.get(link, follow=True).content.decode() for link in about]
    return "\n".join(parts)


def test_what_is_sent_and_kept_for_a_licensee_is_the_answer_alone(
    actor: Actor, other_actor: Actor, desk: AgentInfo, key_of: Callable[..., str], client_for: Any, asgi_url: str
) -> None:
    told = asked_everywhere(asgi_url, desk.slug, key_of(other_actor), client_for(other_actor), other_actor)
    assert told.count(ANSWER) >= 5
    tells_nothing(told)


async def test_over_mcp_and_a2a_there_is_the_answer_alone(
    actor: Actor, other_actor: Actor, desk: AgentInfo, key_of: Callable[..., str], asgi_url: str
) -> None:
    for who, scopes in ((other_actor, ("chat", "manage")), (actor, ("chat",))):
        key = await in_thread(key_of, who, scopes=scopes)
        async with mcp_client(asgi_url, desk.slug, key) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == ["ask"]
            told = await client.call_tool("ask", {"question": QUESTION})
            assert ANSWER in told.model_dump_json()
            tells_nothing(told.model_dump_json())
            refused = await client.call_tool("search", {"query": "storeroom"})
            assert refused.is_error is True
            tells_nothing(refused.model_dump_json())
        async with a2a_client(asgi_url, desk.slug, key) as client:
            found = "\n".join(str(event) for event in await events(client, message(QUESTION)))
            assert ANSWER in found
            tells_nothing(found)


def test_a_visitor_of_the_widget_gets_the_answer_alone(actor: Actor, desk: AgentInfo, client: Any) -> None:
    services.set_widget(actor=actor, agent_id=desk.id, origins=["https://shop.example"])
    ticket = client.get(f"/a/{desk.slug}/embed/").context["ticket"]
    body = json.dumps({"messages": [{"role": "user", "content": QUESTION}]})
    answer = client.post(f"/a/{desk.slug}/embed/chat/", body, "application/json", headers={"X-Widget-Ticket": ticket})
    told = json.dumps(widget_events(answer))
    assert ANSWER in told
    tells_nothing(told)
