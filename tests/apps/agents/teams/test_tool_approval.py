"""A tool with side effects in a team's step: the run waits for a person, and the call is made once."""

from __future__ import annotations

import pytest

from apps.agents import selectors
from apps.agents.selectors.teams import team_run
from apps.agents.services import teams
from apps.agents.services.teams.runs import approval_digest, what_is_decided
from apps.agents.teams.facts import RunInfo
from apps.agents.teams.types import Edge, Graph, Node, NodeKind
from apps.agents.types import AgentInfo
from apps.core import outbox
from apps.core.errors import Conflict
from apps.tenancy.types import Actor
from tests.apps.agents.foreign_servers import Stranger
from tests.apps.agents.test_tool_runs import (  # noqa: F401  # fixtures
    _loopback_is_reached,
    buyer,
    make_tooled,
    the_shop,
)

pytestmark = pytest.mark.django_db


def begun(actor: Actor, agent: AgentInfo) -> RunInfo:
    slug = selectors.agent(actor, agent.id).slug
    nodes = (
        Node("in", NodeKind.INPUT, "In"),
        Node("buy", NodeKind.AGENT, "Buy", agent=slug),
        Node("out", NodeKind.OUTPUT, "Out"),
    )
    graph = Graph(nodes, (Edge("in", "buy"), Edge("buy", "out")))
    team = teams.create_team(actor=actor, name="Team", graph=graph)
    run = teams.start_run(actor=actor, team_id=team.id, question="Order two lamps.")
    outbox.drain()
    return team_run(actor, run.id)


def test_the_run_waits_and_the_call_is_made_once(
    actor: Actor,
    buyer: AgentInfo,  # noqa: F811
    the_shop: Stranger,  # noqa: F811
) -> None:
    run = begun(actor, buyer)
    (step,) = run.waiting
    assert (run.state, step.state, the_shop.seen) == ("waiting", "waiting", [])
    shown = what_is_decided(step.input, step.approval)
    assert "{" in shown
    with pytest.raises(Conflict):
        teams.decide_step(actor=actor, step_id=step.id, approve=True, seen=approval_digest("something else"))
    teams.decide_step(actor=actor, step_id=step.id, approve=True, seen=approval_digest(shown))
    outbox.drain()
    run = team_run(actor, run.id)
    assert run.state == "succeeded", run.problem
    assert len(the_shop.seen) == 1


def test_a_refused_call_is_not_made(
    actor: Actor,
    buyer: AgentInfo,  # noqa: F811
    the_shop: Stranger,  # noqa: F811
) -> None:
    run = begun(actor, buyer)
    teams.decide_step(actor=actor, step_id=run.waiting[0].id, approve=False)
    outbox.drain()
    assert team_run(actor, run.id).waiting == ()
    assert the_shop.seen == []
