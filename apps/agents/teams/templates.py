"""Teams to start from. Their agents are the organisation's own, made from agent templates where it has none yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from apps.agents.teams.types import AGAIN, APPROVED, DONE, Edge, Graph, Node, NodeKind, RouteBy

K = NodeKind


@dataclass(frozen=True)
class TeamTemplate:
    """A team to start from; `agent` and `workers` of its nodes name agent templates."""

    key: str
    title: str
    pitch: str
    icon: str
    starter: str
    graph: Graph

    def graph_with(self, slugs: Mapping[str, str]) -> Graph:
        """The graph with agents (by template) in the places of their templates."""
        nodes = tuple(
            replace(node, agent=slugs.get(node.agent, ""), workers=tuple(slugs[key] for key in node.workers))
            for node in self.graph.nodes
        )
        return Graph(nodes, self.graph.edges)


def _graph(*nodes: Node, ways: tuple[tuple[str, str] | tuple[str, str, str], ...]) -> Graph:
    ends = Node("question", K.INPUT, "Question"), Node("answer", K.OUTPUT, "Answer")
    return Graph((ends[0], *nodes, ends[1]), tuple(Edge(*way) for way in ways))


TEMPLATES: tuple[TeamTemplate, ...] = (
    TeamTemplate(
        key="research-write-check",
        title="Research, write, check",
        pitch="One agent finds the passages, one writes, one compares the text with the sources.",
        icon="search",
        starter="What is the notice period, and what happens to data at its end?",
        graph=_graph(
            Node("research", K.AGENT, "Research", agent="contract-reader"),
            Node("write", K.AGENT, "Write", agent="research-assistant", prompt="{question}\n\nNotes:\n{research}"),
            Node("check", K.AGENT, "Check", agent="contract-reader", prompt="{question} {write}"),
            ways=(("question", "research"), ("research", "write"), ("write", "check"), ("check", "answer")),
        ),
    ),
    TeamTemplate(
        key="triage-specialist",
        title="Triage to a specialist",
        pitch="The question goes to the agent whose field is closest in meaning.",
        icon="branch",
        starter="How long do I have to return an item?",
        graph=_graph(
            Node("triage", K.ROUTER, "Which field?", by=RouteBy.MEANING),
            Node("support", K.AGENT, "Support", agent="support-desk"),
            Node("contracts", K.AGENT, "Contracts", agent="contract-reader"),
            ways=(
                ("question", "triage"),
                ("triage", "support", "orders, shipping, returns and refunds of a shop"),
                ("triage", "contracts", "clauses, terms and duties of a contract"),
                ("support", "answer"),
                ("contracts", "answer"),
            ),
        ),
    ),
    TeamTemplate(
        key="two-opinions",
        title="Two opinions side by side",
        pitch="Two agents answer at the same time; you see both.",
        icon="users",
        starter="When do invoices have to be paid?",
        graph=_graph(
            Node("first", K.AGENT, "Word for word", agent="contract-reader"),
            Node("second", K.AGENT, "In plain words", agent="research-assistant"),
            Node("both", K.JOIN, "Both"),
            ways=(
                ("question", "first"),
                ("question", "second"),
                ("first", "both"),
                ("second", "both"),
                ("both", "answer"),
            ),
        ),
    ),
    TeamTemplate(
        key="supervisor",
        title="Supervisor with workers",
        pitch="A supervisor calls the agents that fit the question and answers from what they found.",
        icon="organisation",
        starter="What is the notice period?",
        graph=_graph(
            Node(
                "lead",
                K.SUPERVISOR,
                "Lead",
                agent="research-assistant",
                workers=("contract-reader", "support-desk"),
                most=1,
            ),
            ways=(("question", "lead"), ("lead", "answer")),
        ),
    ),
    TeamTemplate(
        key="draft-until-right",
        title="Draft until it is right",
        pitch="An agent drafts again until the text names what it must, three times at most; then you approve it.",
        icon="check",
        starter="What is the notice period?",
        graph=_graph(
            Node("draft", K.AGENT, "Draft", agent="contract-reader", prompt="{question}"),
            Node("good", K.LOOP, "Names a period?", rounds=3, until="months, days, weeks"),
            Node("approve", K.APPROVAL, "You approve"),
            ways=(
                ("question", "draft"),
                ("draft", "good"),
                ("good", "draft", AGAIN),
                ("good", "approve", DONE),
                ("approve", "answer", APPROVED),
            ),
        ),
    ),
)

BY_KEY = {template.key: template for template in TEMPLATES}
