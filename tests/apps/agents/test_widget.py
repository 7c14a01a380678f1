"""The widget's rules: where it stands, who pays, and what its page and its questions give away."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from apps.agents import selectors, services
from apps.agents.errors import AgentNotFound
from apps.agents.services.widget import checked_origins
from apps.agents.types import AgentInfo
from apps.core.errors import Conflict, InvalidInput
from apps.tenancy.models import ApiKey
from apps.tenancy.types import Actor

pytestmark = pytest.mark.django_db(transaction=True)

ORIGIN = "https://shop.example"
QUESTION = {"messages": [{"role": "user", "content": "What is the notice period?"}]}


@pytest.fixture
def reader(actor: Actor, make_agent: Callable[..., AgentInfo]) -> AgentInfo:
    made = make_agent(actor, "contract-reader")
    services.publish_agent(actor=actor, agent_id=made.id)
    services.set_widget(actor=actor, agent_id=made.id, origins=[ORIGIN])
    return made


def ticket_of(client: Any, agent: AgentInfo) -> str:
    page = client.get(f"/a/{agent.slug}/embed/")
    return str(page.context["ticket"])


def asked(client: Any, agent: AgentInfo, ticket: str) -> Any:
    return client.post(
        f"/a/{agent.slug}/embed/chat/", json.dumps(QUESTION), "application/json", HTTP_X_WIDGET_TICKET=ticket
    )


def events(response: Any) -> dict[str, Any]:
    import asyncio

    async def read() -> str:
        return b"".join([chunk async for chunk in response.streaming_content]).decode()

    blocks = [block.split("\n") for block in asyncio.run(read()).strip().split("\n\n")]
    return {lines[0].removeprefix("event: "): json.loads(lines[1].removeprefix("data: ")) for lines in blocks}


def test_the_frame_may_stand_on_the_agents_origins_alone(client: Any, reader: AgentInfo) -> None:
    page = client.get(f"/a/{reader.slug}/embed/")
    policy = page["Content-Security-Policy"]
    assert f"frame-ancestors {ORIGIN}" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "X-Frame-Options" not in page
    assert not page.cookies


def test_a_visitor_gets_the_answer_and_its_sentences_and_no_passage(client: Any, reader: AgentInfo) -> None:
    told = events(asked(client, reader, ticket_of(client, reader)))
    assert "three months" in told["finished"]["text"]
    source = told["started"]["sources"][0]
    assert set(source) == {"number", "place", "quote"}


def test_a_question_needs_the_ticket_of_this_agents_frame(
    client: Any, actor: Actor, reader: AgentInfo, make_agent: Callable[..., AgentInfo]
) -> None:
    for ticket in ("", "made:up", ticket_of(client, reader) + "x"):
        assert asked(client, reader, ticket).status_code == 403
    other = make_agent(actor, "tutor")
    services.publish_agent(actor=actor, agent_id=other.id)
    services.set_widget(actor=actor, agent_id=other.id, origins=[ORIGIN])
    assert asked(client, reader, ticket_of(client, other)).status_code == 403


def test_visitors_are_held_to_the_limits_of_the_widgets_key(client: Any, actor: Actor, reader: AgentInfo) -> None:
    widget = selectors.widget_of(actor, reader.id)
    assert widget is not None
    ApiKey.objects.filter(id=widget.key_id).update(requests_per_day=1)
    ticket = ticket_of(client, reader)
    events(asked(client, reader, ticket))
    refused = asked(client, reader, ticket)
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) >= 1


def test_a_removed_widget_and_a_revoked_key_show_nothing(client: Any, actor: Actor, reader: AgentInfo) -> None:
    ticket = ticket_of(client, reader)
    services.remove_widget(actor=actor, agent_id=reader.id)
    assert client.get(f"/a/{reader.slug}/embed/").status_code == 404
    assert asked(client, reader, ticket).status_code == 404
    services.set_widget(actor=actor, agent_id=reader.id, origins=[ORIGIN])
    ApiKey.objects.filter(agent_ids=[reader.id]).update(revoked=True)
    with pytest.raises(AgentNotFound):
        selectors.embedded_agent(reader.slug)


def test_a_draft_has_no_widget(actor: Actor, make_agent: Callable[..., AgentInfo]) -> None:
    with pytest.raises(Conflict, match="Publish"):
        services.set_widget(actor=actor, agent_id=make_agent(actor).id, origins=[ORIGIN])


def test_origins_are_written_in_one_way() -> None:
    given = ["HTTPS://Shop.Example/", "https://shop.example:443", "http://127.0.0.1:8080", "https://bücher.example"]
    assert checked_origins(given) == [ORIGIN, "http://127.0.0.1:8080", "https://xn--bcher-kva.example"]


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "shop.example",
        "https://*.shop.example",
        "https://shop.example/page",
        "https://a.example;script-src *",
    ],
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(InvalidInput):
        checked_origins([origin])


def test_the_owner_makes_and_ends_the_widget_on_its_page(
    actor: Actor, reader: AgentInfo, client_for: Callable[[Actor], Any]
) -> None:
    browser = client_for(actor)
    url = f"/agents/{reader.id}/widget/"
    assert f"data-agent=&quot;{reader.slug}&quot;" in browser.get(url).content.decode()
    assert browser.post(url, {"origins": "nowhere"}).status_code == 422
    assert browser.post(url, {"origins": f"{ORIGIN} https://two.example"}).status_code == 302
    assert selectors.embedded_agent(reader.slug).origins == (ORIGIN, "https://two.example")
    browser.post(url, {"remove": "1"})
    assert selectors.widget_of(actor, reader.id) is None


def test_the_script_is_there_for_every_site(client: Any) -> None:
    script = client.get("/widget.js")
    assert script["Content-Type"].startswith("text/javascript")
    assert script["Cross-Origin-Resource-Policy"] == "cross-origin"
    body = script.content.decode()
    assert "attachShadow" in body
    assert "import" not in body
