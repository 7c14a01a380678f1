"""A team with a run that is over and one that waits for a person, for the pages."""

from __future__ import annotations

from apps.agents import selectors as agent_facts
from apps.agents.services import teams
from apps.agents.teams.types import APPROVED, REJECTED, Edge, Graph, Node, NodeKind
from apps.core import outbox
from tests.browser.world import World


def a_team(world: World) -> None:
    """An agent answers, a person approves; and a draft that cannot run yet."""
    with world.acting("team") as team:
        slug = agent_facts.agent(team, world.ids["agent_draft"]).slug
        graph = Graph(
            (
                Node("question", NodeKind.INPUT, "Question"),
                Node("tutor", NodeKind.AGENT, "Tutor with a rather long name", agent=slug, tokens=2000),
                Node("check", NodeKind.LOOP, "Says light?", rounds=1, until="light"),
                Node("approve", NodeKind.APPROVAL, "You approve"),
                Node("answer", NodeKind.OUTPUT, "Answer"),
            ),
            (
                Edge("question", "tutor"),
                Edge("tutor", "check"),
                Edge("check", "tutor", "again"),
                Edge("check", "approve", "done"),
                Edge("approve", "answer", APPROVED),
                Edge("approve", "answer", REJECTED),
            ),
        )
        made = teams.create_team(actor=team, name="Explain and check", job="Explains, then asks you.", graph=graph)
        done = teams.start_run(actor=team, team_id=made.id, question="What is photosynthesis?")
        waiting = teams.start_run(actor=team, team_id=made.id, question="Why are leaves green?")
        outbox.drain()
        teams.cancel_run(actor=team, run_id=done.id)
        lone = Graph((*graph.nodes, Node("lone", NodeKind.AGENT, "Lone")), graph.edges)
        broken = teams.create_team(
            actor=team,
            name="Not finished",
            graph=lone,
        )
    world.ids |= {"team": made.id, "team_run": done.id, "team_waiting": waiting.id, "team_broken": broken.id}
