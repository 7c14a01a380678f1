"""Runs of teams with real agents: order, joins, routers, loops, approvals, budgets, failures."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from apps.agents import selectors
from apps.agents.errors import TeamNotFound, TeamRunNotFound
from apps.agents.models import TeamRun, TeamStep
from apps.agents.selectors.teams import team_run
from apps.agents.services import teams
from apps.agents.services.teams import TeamChanges
from apps.agents.services.teams.runs import approval_digest
from apps.agents.teams.facts import RunInfo, TeamInfo
from apps.agents.teams.types import Edge, Graph, Node, NodeKind, RouteBy
from apps.agents.types import AgentInfo
from apps.core import clock, outbox
from apps.core.errors import Conflict, InvalidInput
from apps.core.tenant import tenant_scope
from apps.knowledge import services as knowledge
from apps.knowledge.services import Upload
from apps.tenancy.types import Actor

pytestmark = pytest.mark.django_db

K = NodeKind
NOTICE = "What is the notice period?"
IN, OUT = Node("in", K.INPUT, "Question"), Node("out", K.OUTPUT, "Answer")


def graph(*nodes: Node, ways: str) -> Graph:
    """`ways="in-a a-out r-b:spam"`."""
    made = []
    for way in ways.split():
        ends, _, when = way.partition(":")
        source, target = ends.split("-")
        made.append(Edge(source, target, when.replace("_", " ")))
    return Graph((IN, *nodes, OUT), tuple(made))


@pytest.fixture
def reader(actor: Actor, make_agent: Callable[..., AgentInfo]) -> AgentInfo:
    """Quotes the contract; needs no language model."""
    return make_agent(actor, "contract-reader")


@pytest.fixture
def run_team(actor: Actor) -> Callable[..., RunInfo]:
    """`run_team(graph, question, **settings)`: a run of a new team, as far as it goes by itself."""

    def make(made: Graph, question: str = NOTICE, **settings: Any) -> RunInfo:
        team = teams.create_team(actor=actor, name="Team", graph=made)
        if settings:
            team = teams.update_team(actor=actor, team_id=team.id, changes=TeamChanges(**settings))
        run = teams.start_run(actor=actor, team_id=team.id, question=question)
        outbox.drain()
        return team_run(actor, run.id)

    return make


def states(run: RunInfo) -> dict[str, str]:
    return run.node_states


def test_agents_work_one_after_the_other_and_cost_is_added_up(
    actor: Actor, reader: AgentInfo, run_team: Callable[..., RunInfo]
) -> None:
    first = Node("a", K.AGENT, "Reader", agent=reader.slug)
    second = Node("b", K.AGENT, "Again", agent=reader.slug, prompt="{question} See also: {a}")
    run = run_team(graph(first, second, ways="in-a a-b b-out"))
    assert run.state == "succeeded", run
    assert "notice period is three months" in run.output
    assert states(run) == {"in": "succeeded", "a": "succeeded", "b": "succeeded", "out": "succeeded"}
    steps = {step.node: step for step in run.steps}
    assert steps["b"].input.startswith(f"{NOTICE} See also: > The notice period")
    assert steps["a"].sources[0]["quote"]
    assert run.spent_tokens == sum(step.tokens for step in run.steps) > 0
    assert TeamRun.objects.get(id=run.id).reserved_tokens == 0


def test_branches_run_side_by_side_and_are_joined(reader: AgentInfo, run_team: Callable[..., RunInfo]) -> None:
    one = Node("a", K.AGENT, "One", agent=reader.slug)
    two = Node("b", K.AGENT, "Two", agent=reader.slug, prompt="When do invoices have to be paid?")
    run = run_team(graph(one, two, Node("j", K.JOIN, "Both"), ways="in-a in-b a-j b-j j-out"))
    assert run.state == "succeeded"
    assert run.output.index("One:") < run.output.index("Two:")
    assert "invoice" in run.output.lower()


@pytest.mark.parametrize(
    ("by", "question", "taken"),
    [
        (RouteBy.WORDS, "The NOTICE period?", "notice"),
        (RouteBy.WORDS, "Hello", "otherwise"),
        (RouteBy.MEANING, "How long before leaving must I give notice to end the agreement?", "notice"),
        (RouteBy.MEANING, "qwertz", "otherwise"),
    ],
)
def test_a_router_takes_one_way(
    runner: object, run_team: Callable[..., RunInfo], by: RouteBy, question: str, taken: str
) -> None:
    made = graph(
        Node("r", K.ROUTER, "Which?", by=by),
        Node("x", K.JOIN, "X"),
        Node("y", K.JOIN, "Y"),
        ways="in-r r-x:notice r-y x-out y-out",
    )
    run = run_team(made, question)
    assert run.state == "succeeded", run.problem
    assert next(step.choice for step in run.steps if step.node == "r") == taken
    assert ("x" in states(run)) == (taken == "notice")


def test_a_loop_ends_at_its_bound_or_at_the_word(reader: AgentInfo, run_team: Callable[..., RunInfo]) -> None:
    def rounds(until: str) -> int:
        loop = Node("l", K.LOOP, "Good?", rounds=3, until=until)
        run = run_team(
            graph(Node("a", K.AGENT, "Reader", agent=reader.slug, prompt="{question}"), loop,
                  ways="in-a a-l l-a:again l-out:done")
        )  # fmt: skip
        assert run.state == "succeeded"
        return sum(step.node == "a" for step in run.steps)

    assert rounds("no such words") == 4
    assert rounds("three months") == 1


def test_a_supervisor_calls_the_fitting_workers_within_its_part_of_the_budget(
    actor: Actor, reader: AgentInfo, make_agent: Callable[..., AgentInfo], run_team: Callable[..., RunInfo]
) -> None:
    tutor = make_agent(actor, "tutor")
    workers = (tutor.slug, reader.slug)
    boss = Node("s", K.SUPERVISOR, "Boss", agent=reader.slug, workers=workers, most=1, tools=("table",))
    run = run_team(graph(boss, ways="in-s s-out"), "Find the clause of the contract about the notice period")
    assert run.state == "succeeded", run.problem
    worker = next(step for step in run.steps if step.parent_id is not None)
    assert worker.agent == reader.slug
    rows = {row.node if row.parent_id is None else "worker": row for row in TeamStep.objects.filter(run_id=run.id)}
    assert rows["worker"].grant["tokens"] < rows["s"].grant["tokens"]
    assert (rows["s"].grant["depth"], rows["worker"].grant["depth"]) == (2, 1)
    assert rows["s"].grant["tools"] == rows["worker"].grant["tools"] == ["table"]
    assert TeamRun.objects.get(id=run.id).reserved_tokens == 0


def test_a_person_approves_exactly_what_was_shown(actor: Actor, run_team: Callable[..., RunInfo]) -> None:
    made = graph(Node("p", K.APPROVAL, "Look"), ways="in-p p-out")
    run = run_team(made)
    assert run.state == "waiting"
    (step,) = run.waiting
    with pytest.raises(Conflict):
        teams.decide_step(actor=actor, step_id=step.id, approve=True, seen=approval_digest("something else"))
    run = teams.decide_step(actor=actor, step_id=step.id, approve=True, text="Better", seen=approval_digest(step.input))
    assert (run.state, run.output) == ("succeeded", "Better")
    with pytest.raises(Conflict):
        teams.decide_step(actor=actor, step_id=step.id, approve=False)
    refused = run_team(made)
    refused = teams.decide_step(actor=actor, step_id=refused.waiting[0].id, approve=False)
    assert (refused.state, refused.problem) == ("cancelled", "Refused at Look.")


def test_a_spent_budget_stops_the_run_and_more_lets_it_go_on(
    actor: Actor, reader: AgentInfo, run_team: Callable[..., RunInfo]
) -> None:
    nodes = [Node(key, K.AGENT, key, agent=reader.slug, prompt="{question} " + "word " * 60) for key in "ab"]
    run = run_team(graph(*nodes, ways="in-a a-b b-out"), tokens=100)
    assert (run.state, states(run)["b"]) == ("failed", "failed")
    assert next(step for step in run.steps if step.node == "b").problem_code == "budget_exceeded"
    teams.retry_run(actor=actor, run_id=run.id, more_tokens=500)
    outbox.drain()
    run = team_run(actor, run.id)
    assert run.state == "succeeded"
    assert sum(step.node == "a" for step in run.steps) == 1


def test_an_answer_is_no_longer_than_its_part_of_the_budget(
    actor: Actor, make_agent: Callable[..., AgentInfo], run_team: Callable[..., RunInfo]
) -> None:
    tutor = make_agent(actor, "tutor")
    node = Node("a", K.AGENT, "Tutor", agent=tutor.slug, prompt="What is photosynthesis?", tokens=60)
    run = run_team(graph(node, ways="in-a a-out"))
    (step,) = [step for step in run.steps if step.node == "a"]
    assert (run.state, step.problem_code) == ("failed", "budget_exceeded")
    assert step.tokens == 0


def test_a_node_searches_only_what_it_may(actor: Actor, reader: AgentInfo, run_team: Callable[..., RunInfo]) -> None:
    other = knowledge.create_knowledge_base(actor=actor, name="Other")
    text = "Bananas are yellow."
    knowledge.add_documents(
        actor=actor, knowledge_base_id=other.id, files=[Upload("b.md", len(text), io.BytesIO(text.encode()))]
    )
    outbox.drain()
    node = Node("a", K.AGENT, "Reader", agent=reader.slug, knowledge=(str(other.id),))
    run = run_team(graph(node, ways="in-a a-out"))
    assert run.state == "succeeded"
    assert "three months" not in run.output
    assert next(step for step in run.steps if step.node == "a").sources == ()


def test_cancelled_and_expired_runs_end(actor: Actor, run_team: Callable[..., RunInfo]) -> None:
    made = graph(Node("p", K.APPROVAL, "Look"), ways="in-p p-out")
    run = run_team(made)
    assert teams.cancel_run(actor=actor, run_id=run.id).state == "cancelled"
    late = run_team(made)
    TeamRun.objects.filter(id=late.id).update(expires_at=clock.now() - timedelta(seconds=1))
    teams.end_due_runs()
    late = team_run(actor, late.id)
    assert (late.state, states(late)["p"]) == ("expired", "cancelled")


def test_what_cannot_run_is_not_begun(actor: Actor, reader: AgentInfo) -> None:
    bad = graph(Node("a", K.AGENT, "A", agent="nobody"), Node("b", K.AGENT, "B"), ways="in-a a-b b-out")
    team = teams.create_team(actor=actor, name="Team", graph=bad)
    with pytest.raises(InvalidInput) as refused:
        teams.start_run(actor=actor, team_id=team.id, question="Hello")
    assert [problem["field"] for problem in refused.value.errors] == ["nodes.b.agent", "nodes.a.agent"]
    draft = graph(Node("a", K.AGENT, "A", agent=reader.slug), ways="in-a a-out")
    teams.update_team(actor=actor, team_id=team.id, changes=TeamChanges(graph=draft))
    with pytest.raises(InvalidInput, match="Publish"):
        teams.publish_team(actor=actor, team_id=team.id)


def test_two_editors_do_not_overwrite_each_other(actor: Actor) -> None:
    team: TeamInfo = teams.create_team(actor=actor, name="Team")
    teams.update_team(actor=actor, team_id=team.id, changes=TeamChanges(name="One"), revision=team.revision)
    with pytest.raises(Conflict):
        teams.update_team(actor=actor, team_id=team.id, changes=TeamChanges(name="Two"), revision=team.revision)


def test_a_version_stays_what_it_was(actor: Actor) -> None:
    made = graph(Node("p", K.JOIN, "Pass"), ways="in-p p-out")
    team = teams.create_team(actor=actor, name="Team", graph=made)
    version = teams.publish_team(actor=actor, team_id=team.id)
    assert teams.publish_team(actor=actor, team_id=team.id).id == version.id
    teams.update_team(actor=actor, team_id=team.id, changes=TeamChanges(graph=graph(ways="in-out")))
    run = teams.start_run(actor=actor, team_id=team.id, question="Hello", of_version=True)
    assert "p" in states(run)
    assert run.version == 1


def test_others_find_nothing(actor: Actor, other_actor: Actor, run_team: Callable[..., RunInfo]) -> None:
    run = run_team(graph(Node("p", K.APPROVAL, "Look"), ways="in-p p-out"))
    with tenant_scope(other_actor.organisation_id):
        with pytest.raises(TeamRunNotFound):
            team_run(other_actor, run.id)
        with pytest.raises(TeamRunNotFound):
            teams.decide_step(actor=other_actor, step_id=run.waiting[0].id, approve=True)
        with pytest.raises(TeamNotFound):
            teams.start_run(actor=other_actor, team_id=run.team_id, question="Hello")


def test_an_agent_that_may_not_be_used_any_more_fails_its_step(
    actor: Actor, reader: AgentInfo, run_team: Callable[..., RunInfo]
) -> None:
    from apps.agents import services

    services.publish_agent(actor=actor, agent_id=reader.id)
    made = graph(Node("p", K.APPROVAL, "Look"), Node("a", K.AGENT, "A", agent=reader.slug), ways="in-p p-a a-out")
    run = run_team(made)
    services.pause_agent(actor=actor, agent_id=reader.id)
    teams.decide_step(actor=actor, step_id=run.waiting[0].id, approve=True)
    outbox.drain()
    run = team_run(actor, run.id)
    assert (run.state, run.waiting) == ("failed", ())
    assert "no agent" in run.problem
    services.resume_agent(actor=actor, agent_id=reader.id)
    assert selectors.agent(actor, reader.id).state == "published"
    teams.retry_run(actor=actor, run_id=run.id)
    outbox.drain()
    assert team_run(actor, run.id).state == "succeeded"
