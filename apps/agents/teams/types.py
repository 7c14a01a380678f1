"""Words and values of teams: nodes, edges, the graph, states of runs and steps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

AGAIN, DONE = "again", "done"
APPROVED, REJECTED = "approved", "rejected"

NO_TOOLS = ("none",)

MAX_NODES = 30
MAX_EDGES = 60
MAX_ROUNDS = 10
MAX_WORKERS = 8
MAX_STEPS = 200
"""A run of more steps than this is ended, whatever the graph says."""


class NodeKind(StrEnum):
    """What a node does."""

    INPUT = "input"
    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ROUTER = "router"
    JOIN = "join"
    LOOP = "loop"
    APPROVAL = "approval"
    SEND = "send"
    REMOTE = "remote"
    OUTPUT = "output"


class RouteBy(StrEnum):
    """By what a router chooses the way.

    WORDS: the first way one of whose words is in the text. LABEL: the label that the agent before decided on.
    CLASSIFIER: a trained classifier's label of the text. MEANING: the way whose description is closest to the text.
    """

    WORDS = "words"
    LABEL = "label"
    CLASSIFIER = "classifier"
    MEANING = "meaning"


class RunState(StrEnum):
    """How a run stands. It waits where nothing goes on before a person has decided."""

    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def is_open(self) -> bool:
        """Whether it goes on by itself or by a decision."""
        return self in (RunState.RUNNING, RunState.WAITING)


class StepState(StrEnum):
    """How a step stands.

    GATHERING: waits for other steps (a join for its branches, a supervisor for its workers). WAITING: for a person's
    decision. UNCERTAIN: something outside may have been changed by a worker that died; a person must look.
    """

    QUEUED = "queued"
    RUNNING = "running"
    GATHERING = "gathering"
    WAITING = "waiting"
    UNCERTAIN = "uncertain"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """Whether something will still come of it."""
        return self in OPEN_STEPS


_LISTS = ("workers", "knowledge", "tools")
OPEN_STEPS = (StepState.QUEUED, StepState.RUNNING, StepState.GATHERING, StepState.WAITING, StepState.UNCERTAIN)


class EffectState(StrEnum):
    """What is known of a call that changes something outside. UNDONE: it surely did not happen and may be tried."""

    STARTED = "started"
    DONE = "done"
    UNDONE = "undone"


@dataclass(frozen=True)
class Node:
    """One place of the graph. Which fields count depends on the kind.

    Attributes:
        key: names it in the graph, edges and prompts: lower-case letters, digits, hyphens.
        agent: slug of the agent that answers (agent, supervisor).
        prompt: what the agent is asked, with {question} and {input} and {key} of earlier nodes; empty is {input}.
        workers: slugs of the agents that a supervisor may call.
        most: how many of them it calls at most.
        by: how a router chooses.
        classifier: asset version of the router's classifier.
        rounds: how often a loop goes again at most.
        until: words that end a loop when they are in the text; empty ends it only by `rounds`.
        url: where a send node posts to.
        connection: id of the connection to the foreign agent that answers (remote).
        ask_first: whether a person approves what is sent (send, remote).
        tokens: at most so many for one step here; None is the run's.
        knowledge: ids of the knowledge bases that may be searched here; empty is all that the agent names.
        tools: names of the tools that may be called here; empty is all that the agent has, NO_TOOLS none.
    """

    key: str
    kind: NodeKind
    name: str
    agent: str = ""
    prompt: str = ""
    workers: tuple[str, ...] = ()
    most: int = 2
    by: RouteBy = RouteBy.WORDS
    classifier: str = ""
    rounds: int = 2
    until: str = ""
    url: str = ""
    connection: str = ""
    ask_first: bool = True
    tokens: int | None = None
    knowledge: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()

    @property
    def chooses(self) -> bool:
        """Whether only one of its ways out is taken."""
        return self.kind in (NodeKind.ROUTER, NodeKind.LOOP, NodeKind.APPROVAL)

    @property
    def goes_outside(self) -> bool:
        """Whether what it is given leaves the platform."""
        return self.kind in (NodeKind.SEND, NodeKind.REMOTE)

    @property
    def gathers(self) -> bool:
        """Whether it waits for everything that is still on its way here."""
        return self.kind in (NodeKind.JOIN, NodeKind.OUTPUT)

    @property
    def agents(self) -> tuple[str, ...]:
        """Slugs of all agents that it calls."""
        return tuple(dict.fromkeys(slug for slug in (self.agent, *self.workers) if slug))

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON column and the API."""
        return asdict(self) | {name: list(getattr(self, name)) for name in _LISTS}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Node:
        """The inverse of `as_json`; unknown names are left out."""
        known = {name: value[name] for name in cls.__dataclass_fields__ if name in value}
        known["kind"] = NodeKind(known["kind"])
        known["by"] = RouteBy(known.get("by", RouteBy.WORDS))
        for name in _LISTS:
            known[name] = tuple(known.get(name) or ())
        return cls(**known)


@dataclass(frozen=True)
class Edge:
    """A way from one node to another; `when` says which way it is where the source chooses, empty is "otherwise"."""

    source: str
    target: str
    when: str = ""

    @property
    def name(self) -> str:
        """For lists and error messages."""
        return f"{self.source} → {self.target}" + (f" ({self.when})" if self.when else "")


@dataclass(frozen=True)
class Graph:
    """Nodes in the order of the table, and edges in the order in which a router tries them."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()

    def node(self, key: str) -> Node | None:
        """The node of that key."""
        return next((node for node in self.nodes if node.key == key), None)

    def out(self, key: str) -> tuple[Edge, ...]:
        """The ways out of a node, in their order."""
        return tuple(edge for edge in self.edges if edge.source == key)

    def into(self, key: str) -> tuple[Edge, ...]:
        """The ways into a node."""
        return tuple(edge for edge in self.edges if edge.target == key)

    def is_again(self, edge: Edge) -> bool:
        """Whether this is a loop's way back."""
        source = self.node(edge.source)
        return source is not None and source.kind is NodeKind.LOOP and edge.when == AGAIN

    @property
    def agents(self) -> tuple[str, ...]:
        """Slugs of all agents in it."""
        return tuple(dict.fromkeys(slug for node in self.nodes for slug in node.agents))

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON column and the API."""
        return {"nodes": [node.as_json() for node in self.nodes], "edges": [asdict(edge) for edge in self.edges]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Graph:
        """The inverse of `as_json`."""
        edges = tuple(Edge(one["source"], one["target"], one.get("when", "")) for one in value.get("edges", []))
        return cls(tuple(Node.from_json(one) for one in value.get("nodes", [])), edges)

    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class GraphProblem:
    """Something that keeps the graph from running: at which node ("" is the whole), in which field, and what to do."""

    node: str
    field: str
    message: str
