"""A team published as an agent, asked by the real clients: its steps, its members' citations, its approvals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connections

from apps.agents import selectors, services
from apps.agents.models import Conversation, Message, PausedAnswer, PendingCall, TeamRun
from apps.agents.remote import ask_remote_agent
from apps.agents.services import AgentChanges, team_answers, teams
from apps.agents.specs import TeamModel
from apps.agents.teams.grants import Grant
from apps.agents.teams.types import Edge, Graph, Node, NodeKind, RunState
from apps.agents.types import AgentInfo, ChatFinished, ChatStep, FinishReason
from apps.core import outbox
from apps.core.errors import DomainError, InvalidInput
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor
from tests.wire.test_mcp import connected

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "What is the notice period?"
IN, OUT = Node("in", NodeKind.INPUT, "In"), Node("out", NodeKind.OUTPUT, "Out")


@pytest.fixture
def worker(published: AgentInfo) -> Iterator[None]:
    """A worker beside the test, once the agents are there."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            outbox.drain()
            stop.wait(0.05)
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()


def graph_of(member: AgentInfo, *more: Node) -> Graph:
    """The member, then the other nodes, one after another."""
    nodes = (IN, Node("read", NodeKind.AGENT, "Read", agent=member.slug), *more, OUT)
    return Graph(nodes, tuple(Edge(one.key, after.key) for one, after in pairwise(nodes)))


@pytest.fixture
def make_team_agent(actor: Actor, published: AgentInfo) -> Callable[..., AgentInfo]:
    """`make_team_agent(*nodes)`: a published agent answered by a team of one reader and those nodes."""

    def make(*more: Node) -> AgentInfo:
        team = teams.create_team(actor=actor, name="Contract team", graph=graph_of(published, *more))
        made = teams.team_as_agent(actor=actor, team_id=team.id)
        services.publish_agent(actor=actor, agent_id=made.id)
        return selectors.agent(actor, made.id)

    return make


@pytest.mark.usefixtures("worker")
def test_openai_clients_get_the_answer_whole_streamed_and_as_a_response(
    actor: Actor, make_team_agent: Callable[..., AgentInfo], openai_of: Any
) -> None:
    agent, client = make_team_agent(), openai_of(actor)
    assert agent.slug in {model.id for model in client.models.list()}
    messages: Any = [{"role": "user", "content": QUESTION}]
    whole = client.chat.completions.create(model=agent.slug, messages=messages)
    text = whole.choices[0].message.content
    assert "three months" in text
    assert whole.usage.total_tokens > 0
    sources = whole.model_extra["sources"]
    assert any("three months" in source["quote"] for source in sources)
    assert "[1]" in text
    pieces = list(client.chat.completions.create(model=agent.slug, messages=messages, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in pieces if chunk.choices) == text
    response = client.responses.create(model=agent.slug, input=QUESTION)
    assert "three months" in response.output_text
    runs = TeamRun.objects.filter(team__name="Contract team")
    assert {(run.state, run.is_told, run.version.number) for run in runs if run.version} == {("succeeded", True, 1)}


@pytest.mark.usefixtures("worker")
def test_a2a_and_mcp_clients_ask_it(
    actor: Actor, make_team_agent: Callable[..., AgentInfo], asgi_url: str, key_of: Any, settings: Any
) -> None:
    settings.PUBLIC_URL = asgi_url
    agent, key = make_team_agent(), key_of(actor)
    said = ask_remote_agent(f"{asgi_url}/a/{agent.slug}", QUESTION, secret=key, allow_loopback=True)
    assert said.is_final
    assert "three months" in said.text
    told: list[str] = []

    async def ask() -> Any:
        async def progress(progress: float, total: float | None, message: str | None) -> None:
            told.append(message or "")

        async with connected(asgi_url, agent.slug, key) as client:
            return await client.call_tool("ask", {"question": QUESTION}, progress_callback=progress)

    result = async_to_sync(ask)()
    assert "three months" in result.content[0].text
    assert "team step Read: succeeded" in told


def run_of(agent: AgentInfo) -> TeamRun:
    return TeamRun.objects.filter(asked__agent_id=str(agent.id)).latest("id")


def approve(actor: Actor, run: TeamRun) -> None:
    step = run.steps.get(state="waiting")
    teams.decide_step(actor=actor, step_id=step.id, approve=True)


@pytest.mark.usefixtures("worker")
def test_an_approval_in_the_team_is_input_required_by_a2a_and_goes_on(
    actor: Actor, make_team_agent: Callable[..., AgentInfo], asgi_url: str, key_of: Any, settings: Any
) -> None:
    settings.PUBLIC_URL = asgi_url
    agent, key = make_team_agent(Node("ok", NodeKind.APPROVAL, "Boss")), key_of(actor)
    address = f"{asgi_url}/a/{agent.slug}"
    asked = ask_remote_agent(address, QUESTION, secret=key, allow_loopback=True)
    assert not asked.is_final
    assert "waits for a person's decision: Boss" in asked.text
    still = ask_remote_agent(address, "And?", secret=key, task_id=asked.task_id, allow_loopback=True)
    assert (still.is_final, still.task_id) == (False, asked.task_id)
    approve(actor, run_of(agent))
    for _ in range(100):
        done = ask_remote_agent(address, "And now?", secret=key, task_id=asked.task_id, allow_loopback=True)
        if done.is_final:
            break
        time.sleep(0.1)
    assert "three months" in done.text
    assert TeamRun.objects.filter(asked__agent_id=str(agent.id)).count() == 1


def ask_in_chat(actor: Actor, agent: AgentInfo) -> tuple[ChatFinished, list[ChatStep]]:
    target = selectors.published_target(actor, agent.slug)
    begun = services.begin_answer(actor=actor, target=target, question=QUESTION)

    async def events() -> list[Any]:
        return [event async for event in services.stream_answer(begun)]

    found = async_to_sync(events)()
    return found[-1], [event for event in found if isinstance(event, ChatStep)]


@pytest.mark.usefixtures("worker")
def test_a_conversation_gets_its_answer_after_the_approval(
    actor: Actor, make_team_agent: Callable[..., AgentInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(team_answers, "WATCHED_FOR", timedelta(0))
    agent = make_team_agent(Node("ok", NodeKind.APPROVAL, "Boss"))
    first, steps = ask_in_chat(actor, agent)
    assert first.conversation_id is not None
    assert first.answer.finish is FinishReason.OPEN
    assert ChatStep("Read", "succeeded") in steps
    assert steps[-1] == ChatStep("Boss", "waiting")
    # The chat offers no call to allow for it: the decision is made on the run's page.
    assert not PausedAnswer.objects.filter(conversation_id=first.conversation_id).exists()
    assert not PendingCall.objects.filter(conversation_id=first.conversation_id).exists()
    run = run_of(agent)
    approve(actor, run)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not TeamRun.objects.get(id=run.id).is_told:
        time.sleep(0.1)
    time.sleep(0.3)
    said = Message.objects.filter(conversation_id=first.conversation_id, role="assistant").order_by("id")
    assert [message.finish for message in said] == ["open", "stop"]
    last = said[1]
    assert "three months" in last.text
    assert Conversation.objects.get(id=first.conversation_id).leaf_id == last.id
    assert any("three months" in source["quote"] for source in last.sources)
    left = TeamRun.objects.filter(is_told=False).values_list("id", "state", "key", "asked", "output")
    assert (list(left), run.id) == ([], run.id)


def test_a_run_whose_web_process_died_is_told_in_its_conversation(
    actor: Actor, make_team_agent: Callable[..., AgentInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = make_team_agent()
    target = selectors.published_target(actor, agent.slug)
    begun = services.begin_answer(actor=actor, target=target, question=QUESTION)
    run_id = team_answers._run_of(begun)  # and then the process is killed
    monkeypatch.setattr(team_answers, "WATCHED_FOR", timedelta(0))
    outbox.drain()
    assert begun.conversation_id is not None
    assert TeamRun.objects.get(id=run_id).is_told
    (said,) = Message.objects.filter(conversation_id=begun.conversation_id, role="assistant")
    assert "three months" in said.text
    assert team_answers._run_of(begun) != run_id


def test_a_caller_that_leaves_ends_the_run(actor: Actor, make_team_agent: Callable[..., AgentInfo]) -> None:
    agent = make_team_agent()
    target = selectors.published_target(actor, agent.slug)
    begun = services.begin_answer(actor=actor, target=target, question=QUESTION, history=())

    async def leave() -> None:
        stream = services.stream_answer(begun)
        async for event in stream:
            if isinstance(event, ChatStep):
                break
        await stream.aclose()  # type: ignore[attr-defined]  # an async generator

    async_to_sync(leave)()
    assert run_of(agent).state == RunState.CANCELLED


def test_grants_only_narrow_and_a_circle_of_teams_ends(
    actor: Actor, published: AgentInfo, make_team_agent: Callable[..., AgentInfo]
) -> None:
    agent = make_team_agent()
    target = selectors.published_target(actor, agent.slug)
    narrowed = replace(target, grant=Grant(depth=2, tokens=500, tool_calls=1))
    with team_answers.helping():
        services.answer(actor=actor, target=narrowed, question=QUESTION, history=())
    run = run_of(agent)
    assert (run.tokens, run.grant["depth"], run.grant["tool_calls"]) == (500, 1, 1)
    assert Grant.from_json(run.steps.get(node="read").grant).depth == 0
    with pytest.raises(DomainError, match="too deep"):
        services.answer(actor=actor, target=replace(target, grant=Grant(depth=0)), question=QUESTION, history=())
    nested = teams.create_team(actor=actor, name="Nested", graph=graph_of(agent))
    with pytest.raises(InvalidInput, match="a team itself"):
        teams.team_as_agent(actor=actor, team_id=nested.id)


def test_an_evaluation_of_it_works_on_the_steps_itself(actor: Actor, make_team_agent: Callable[..., AgentInfo]) -> None:
    agent = make_team_agent()
    kept = services.save_evaluation_set(
        actor=actor, name="Notice", cases=[{"question": QUESTION, "expected": ["three months"]}]
    )
    run = services.start_evaluation(actor=actor, agent_id=agent.id, set_id=kept.id)
    outbox.drain()
    found = selectors.evaluation(actor, agent.id, run.id)
    assert found.state == "done"
    assert found.figures["passed"] == 1


def test_a_new_version_of_the_team_is_a_new_draft_of_its_agent(
    actor: Actor, published: AgentInfo, make_team_agent: Callable[..., AgentInfo]
) -> None:
    agent = make_team_agent()
    model = agent.config.model
    assert isinstance(model, TeamModel)
    teams.update_team(
        actor=actor,
        team_id=model.team_id,
        changes=teams.TeamChanges(graph=graph_of(published, Node("ok", NodeKind.APPROVAL, "Boss"))),
    )
    again = teams.team_as_agent(actor=actor, team_id=model.team_id)
    assert again.id == agent.id
    assert again.config.model != model
    assert selectors.published_target(actor, agent.slug).config.model == model
    with pytest.raises(InvalidInput, match="its members"):
        services.update_agent(actor=actor, agent_id=agent.id, changes=AgentChanges(tools=[{"kind": "calculator"}]))


def test_a_team_of_others_is_no_model_of_an_agent(
    actor: Actor, other_actor: Actor, make_team_agent: Callable[..., AgentInfo]
) -> None:
    model = make_team_agent().config.model.model_dump(mode="json")
    with tenant_scope(other_actor.organisation_id):
        theirs = services.create_agent_from_template(actor=other_actor, template_key="tutor", knowledge_base_ids=[])
        with pytest.raises(DomainError, match="no such version"):
            services.update_agent(actor=other_actor, agent_id=theirs.id, changes=AgentChanges(model=model))
