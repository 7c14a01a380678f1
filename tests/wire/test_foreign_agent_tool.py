"""A foreign agent as a tool and as a member of a team: a stranger's, behind the real `a2a-sdk` server in a process of
its own, and one of our own behind its public address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync

from apps.agents import selectors, services
from apps.agents.models import AgentUsage, PendingCall
from apps.agents.selectors.teams import check, team_run
from apps.agents.services import AgentChanges, teams
from apps.agents.specs import RemoteTool
from apps.agents.teams.grants import EVERYTHING, Grant
from apps.agents.teams.types import Edge, Graph, Node, NodeKind
from apps.agents.tools import foreign_agents
from apps.agents.tools.base import MAX_RESULT_CHARACTERS, ToolFailed
from apps.agents.tools.openapi import Reach
from apps.agents.types import AgentInfo, CallState, ChatApproval, ConnectionKind, FinishReason
from apps.core import guarded, outbox
from apps.core.errors import DependencyFailed, DomainError, InvalidInput
from apps.tenancy.types import Actor
from tests.apps.agents.foreign_servers import Seen, chat_chunks, stranger
from tests.wire.foreign_agent import INJECTION, KEY, foreign_agent

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "weather in Bonn tomorrow"
TOOL = {"kind": "remote", "name": "weather", "purpose": "Tells the weather.", "examples": [QUESTION]}


@pytest.fixture(autouse=True)
def _loopback_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "LOOPBACK_IS_REACHED", True)


@pytest.fixture(scope="module")
def station() -> Iterator[str]:
    with foreign_agent() as url:
        yield url


def connected(actor: Actor, url: str, secret: str = KEY, name: str = "Weather") -> UUID:
    made = services.create_connection(actor=actor, kind=ConnectionKind.AGENT, name=name, url=url, secret=secret)
    return made.id


def asking(actor: Actor, connection_id: UUID, **changes: Any) -> AgentInfo:
    """A draft without documents, with the foreign agent as its tool."""
    made = services.create_agent_from_template(actor=actor, template_key="tutor", knowledge_base_ids=[])
    parts = changes.pop("parts", {})
    tools = [TOOL | {"connection_id": str(connection_id)} | changes]
    return services.update_agent(actor=actor, agent_id=made.id, changes=AgentChanges(tools=tools, **parts))


def ask(actor: Actor, agent: AgentInfo, question: str, **options: Any) -> Any:
    return services.answer(actor=actor, target=selectors.draft_target(actor, agent.id), question=question, **options)


def test_the_card_is_read_at_either_address(actor: Actor, station: str) -> None:
    for number, url in enumerate((station, f"{station}/.well-known/agent-card.json")):
        connection = connected(actor, url, name=f"Weather {number}")
        card = services.foreign_card(actor=actor, connection_id=connection)
        assert (card.name, card.provider, card.streams) == ("Weather station", "Strangers Ltd", True)
        assert [skill.name for skill in card.skills] == ["Forecast"]
        assert services.connection_offers(actor=actor, connection_id=connection)[0]["only_reads"] is False
    with pytest.raises(DependencyFailed, match="401"):
        services.foreign_card(actor=actor, connection_id=connected(actor, station, "Bearer wrong", "Wrong"))


@pytest.mark.parametrize("streaming", [True, False])
def test_a_small_model_asks_it_and_shows_what_it_said(actor: Actor, runner: object, streaming: bool) -> None:
    with foreign_agent(streaming=streaming) as url:
        agent = asking(actor, connected(actor, url), harmless=True)
        said = ask(actor, agent, QUESTION).answer
    assert "The weather in Bonn tomorrow is mild." in said.text
    assert said.finish is FinishReason.STOP


def test_it_waits_for_approval_unless_the_owner_says_otherwise(actor: Actor, runner: object, station: str) -> None:
    agent = asking(actor, connected(actor, station))
    begun = services.begin_answer(actor=actor, target=selectors.draft_target(actor, agent.id), question=QUESTION)

    async def events() -> list[Any]:
        return [event async for event in services.stream_answer(begun)]

    (waiting,) = (event for event in async_to_sync(events)() if isinstance(event, ChatApproval))
    assert waiting.arguments == {"question": QUESTION}
    assert PendingCall.objects.get(id=waiting.approval_id).state == CallState.WAITING
    done = services.decide_call(actor=actor, call_id=waiting.approval_id, approve=True)
    assert done.state is CallState.DONE
    assert "is mild" in done.result


def reach(url: str) -> Reach:
    return Reach(url, {"Authorization": KEY}, allow_loopback=True)


def put(url: str, question: str, grant: Grant = EVERYTHING) -> str:
    return async_to_sync(foreign_agents.ask)(reach(url), question, grant)


def test_one_that_fails_floods_hangs_or_asks_back_is_bounded(station: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ToolFailed, match="engine is cold") as failed:
        put(station, "fail")
    assert not failed.value.is_untouched
    assert len(put(station, "flood")) < MAX_RESULT_CHARACTERS + 100
    assert "Which colour?" in put(station, "ask")
    assert foreign_agents.ASKS_BACK in put(station, "ask")
    monkeypatch.setattr(foreign_agents, "ASK_TIMEOUT_S", 1.0)
    with pytest.raises(ToolFailed, match="does not answer"):
        put(station, "hang")


def test_one_in_the_own_network_is_not_asked(station: str) -> None:
    for url in (station, "http://169.254.169.254", "http://10.0.0.1", "http://[::1]:9"):
        with pytest.raises(ToolFailed, match="private") as refused:
            async_to_sync(foreign_agents.ask)(Reach(url, {}), QUESTION, Grant())
        assert refused.value.is_untouched


def test_what_it_says_stays_data(actor: Actor, runner: object, station: str) -> None:
    connection = connected(actor, station)
    shown = ask(
        actor, asking(actor, connection, harmless=True, examples=["inject a thing"]), "inject a thing"
    ).answer.text
    block = shown.partition("```\n")[2]
    assert block.endswith("\n```")
    assert "```" not in block.removesuffix("\n```")
    told: list[str] = []

    def respond(seen: Seen) -> tuple[int, bytes]:
        last = seen.json()["messages"][-1]
        if last["role"] == "tool":
            told.append(last["content"])
            return 200, chat_chunks("Done.")
        return 200, chat_chunks(call=("weather", {"question": "inject a thing"}))

    with stranger(respond, "text/event-stream") as server:
        model = services.create_connection(
            actor=actor, kind=ConnectionKind.MODEL, name="Model", url=f"{server.url}/v1", secret="sk-own"
        )
        choice = {"kind": "endpoint", "connection_id": str(model.id), "name": "stub"}
        strong = asking(actor, connection, harmless=True, parts={"model": choice})
        assert ask(actor, strong, "Anything").answer.text == "Done."
    assert told == [f'<result of="weather">\n{INJECTION}\n</result>']


def test_limits_are_told_and_only_narrow(actor: Actor, runner: object, station: str) -> None:
    assert json.loads(put(station, "limits", Grant(depth=1, tokens=50))) == {
        "delegation_depth": 1,
        "delegation_tokens": 50,
    }
    agent = asking(actor, connected(actor, station), harmless=True, examples=["limits please"])
    assert '"delegation_depth": 2' in ask(actor, agent, "limits please").answer.text
    target = selectors.draft_target(actor, agent.id).narrowed(Grant(depth=0), "")
    deep = services.answer(actor=actor, target=target, question="limits please", history=()).answer
    assert "too deep" in deep.text


def test_an_agent_that_asks_itself_by_its_public_address_comes_to_an_end(
    actor: Actor, runner: object, asgi_url: str, settings: Any, key_of: Any
) -> None:
    settings.PUBLIC_URL = asgi_url
    made = services.create_agent_from_template(actor=actor, template_key="tutor", knowledge_base_ids=[])
    connection = connected(actor, f"{asgi_url}/a/{made.slug}", key_of(actor), "Myself")
    tools = [TOOL | {"connection_id": str(connection), "harmless": True}]
    services.update_agent(actor=actor, agent_id=made.id, changes=AgentChanges(tools=tools))
    services.publish_agent(actor=actor, agent_id=made.id)
    said = ask(actor, made, QUESTION).answer
    assert "the chain is too deep" in said.text
    # The draft asked here is not metered; by its address it is asked with two levels left, with one, and with none.
    assert AgentUsage.objects.filter(agent_id=made.id).values("call_id").distinct().count() == 3


IN, OUT = Node("in", NodeKind.INPUT, "In"), Node("out", NodeKind.OUTPUT, "Out")


def team_with(actor: Actor, connection: object, **fields: Any) -> Any:
    node = Node("abroad", NodeKind.REMOTE, "Abroad", connection=str(connection), **fields)
    graph = Graph((IN, node, OUT), (Edge("in", "abroad"), Edge("abroad", "out")))
    return teams.create_team(actor=actor, name="Team", graph=graph)


def test_a_team_asks_it_after_approval_and_counts_its_words(actor: Actor, station: str) -> None:
    team = team_with(actor, connected(actor, station))
    run = teams.start_run(actor=actor, team_id=team.id, question=QUESTION)
    outbox.drain()
    run = team_run(actor, run.id)
    assert (run.state, run.spent_tokens) == ("waiting", 0)
    teams.decide_step(actor=actor, step_id=run.waiting[0].id, approve=True)
    outbox.drain()
    run = team_run(actor, run.id)
    assert (run.state, run.output) == ("succeeded", "The weather in Bonn tomorrow is mild.")
    assert run.spent_tokens > 0


def test_a_team_without_approval_ends_where_it_fails_and_never_asks_twice(actor: Actor, station: str) -> None:
    team = team_with(actor, connected(actor, station), ask_first=False, prompt="fail {input}")
    run = teams.start_run(actor=actor, team_id=team.id, question="now")
    outbox.drain()
    run = team_run(actor, run.id)
    # It failed after it had begun: nobody knows what it has done, so a person is asked.
    assert (run.state, run.waiting[0].state) == ("waiting", "uncertain")


def test_a_team_names_only_own_foreign_agents(actor: Actor, other_actor: Actor, station: str) -> None:
    from apps.core.tenant import tenant_scope

    with tenant_scope(other_actor.organisation_id):
        theirs = connected(other_actor, station)
    for connection in ("", "nonsense", theirs):
        found = check(actor, team_with(actor, connection).graph)
        assert [problem.field for problem in found.problems] == ["connection"]


def test_a_tool_needs_an_agents_connection(actor: Actor, station: str) -> None:
    other = services.create_connection(actor=actor, kind=ConnectionKind.MCP, name="Notes", url="https://n.example/mcp")
    with pytest.raises(InvalidInput, match="another kind"):
        asking(actor, other.id)
    agent = asking(actor, connected(actor, station))
    assert isinstance(agent.config.tools[0], RemoteTool)
    with pytest.raises(DomainError):
        services.create_connection(actor=actor, kind=ConnectionKind.AGENT, name="x", url="ftp://agent.example")
