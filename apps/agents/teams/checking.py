"""What keeps a graph from running, each problem with its node and what to do about it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations
from urllib.parse import urlsplit

from apps.agents.teams.flow import reachable
from apps.agents.teams.types import (
    AGAIN,
    APPROVED,
    DONE,
    MAX_EDGES,
    MAX_NODES,
    MAX_ROUNDS,
    MAX_WORKERS,
    REJECTED,
    Edge,
    Graph,
    GraphProblem,
    Node,
    NodeKind,
    RouteBy,
)

KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def problems(graph: Graph) -> list[GraphProblem]:
    """All problems, those of single nodes first; empty where the graph can run."""
    shape = list(_shape(graph))
    if shape:
        return shape  # the rest would stumble over it
    found = [problem for node in graph.nodes for problem in _of_node(graph, node)]
    return [*found, *_reach(graph), *_cycles(graph), *_meetings(graph)]


def _shape(graph: Graph) -> Iterator[GraphProblem]:
    """Keys, edges and the two ends."""
    if len(graph.nodes) > MAX_NODES or len(graph.edges) > MAX_EDGES:
        yield GraphProblem("", "nodes", f"A team has at most {MAX_NODES} nodes and {MAX_EDGES} connections.")
    counted = Counter(node.key for node in graph.nodes)
    for node in graph.nodes:
        if not KEY.fullmatch(node.key):
            yield GraphProblem(node.key, "key", "A key is 1 to 40 lower-case letters, digits and hyphens.")
        elif counted[node.key] > 1:
            yield GraphProblem(node.key, "key", f"There are {counted[node.key]} nodes with the key {node.key}.")
    yield from _edges(graph)
    yield from _ends(graph)


def _edges(graph: Graph) -> Iterator[GraphProblem]:
    for edge in graph.edges:
        for end in (edge.source, edge.target):
            if graph.node(end) is None:
                yield GraphProblem("", "edges", f"The connection {edge.name} names {end}, which is not there.")
        if edge.source == edge.target:
            yield GraphProblem(edge.source, "edges", "A node cannot lead to itself. Put a loop between.")
    for edge, times in Counter(graph.edges).items():
        if times > 1:
            yield GraphProblem(edge.source, "edges", f"The connection {edge.name} is there {times} times.")


def _ends(graph: Graph) -> Iterator[GraphProblem]:
    inputs = [node for node in graph.nodes if node.kind is NodeKind.INPUT]
    if len(inputs) != 1:
        yield GraphProblem("", "nodes", f"A team has exactly one input; here are {len(inputs)}.")
    if not any(node.kind is NodeKind.OUTPUT for node in graph.nodes):
        yield GraphProblem("", "nodes", "Add an output: what arrives there is the team's answer.")
    for node in graph.nodes:
        if node.kind is NodeKind.INPUT and graph.into(node.key):
            yield GraphProblem(node.key, "edges", "Nothing can lead into the input.")
        if node.kind is NodeKind.OUTPUT and graph.out(node.key):
            yield GraphProblem(node.key, "edges", "Nothing can follow an output.")


def _of_node(graph: Graph, node: Node) -> Iterator[GraphProblem]:
    ways = graph.out(node.key)
    if not node.name.strip():
        yield GraphProblem(node.key, "name", "Give it a name.")
    check = _CHECKS.get(node.kind)
    if check is not None:
        yield from check(node, ways)
    if not node.chooses and any(edge.when for edge in ways):
        yield GraphProblem(node.key, "edges", "Only a router, a loop or an approval has conditions on its ways out.")


def _agent(node: Node, _: tuple[Edge, ...]) -> Iterator[GraphProblem]:
    if not node.agent:
        yield GraphProblem(node.key, "agent", f"Choose the agent of {node.name or node.key}.")
    if node.tokens is not None and node.tokens < 1:
        yield GraphProblem(node.key, "tokens", "A token limit is at least 1.")


def _supervisor(node: Node, ways: tuple[Edge, ...]) -> Iterator[GraphProblem]:
    yield from _agent(node, ways)
    if not 1 <= len(node.workers) <= MAX_WORKERS:
        yield GraphProblem(node.key, "workers", f"Choose 1 to {MAX_WORKERS} agents that {node.name} may call.")
    if not 1 <= node.most <= MAX_WORKERS:
        yield GraphProblem(node.key, "most", f"It calls at least 1 and at most {MAX_WORKERS} of them.")


def _router(node: Node, ways: tuple[Edge, ...]) -> Iterator[GraphProblem]:
    conditions = [edge.when.strip().lower() for edge in ways]
    if len(ways) < 2:
        yield GraphProblem(node.key, "edges", "A router needs at least two ways out.")
    if len(set(conditions)) < len(conditions):
        yield GraphProblem(node.key, "edges", "Two ways out have the same condition.")
    if "" not in conditions and node.by is not RouteBy.MEANING:
        yield GraphProblem(node.key, "edges", "Add one way out without a condition, for everything else.")
    if node.by is RouteBy.CLASSIFIER and not node.classifier:
        yield GraphProblem(node.key, "classifier", "Choose a trained classifier.")


def _loop(node: Node, ways: tuple[Edge, ...]) -> Iterator[GraphProblem]:
    if sorted(edge.when for edge in ways) != [AGAIN, DONE]:
        yield GraphProblem(node.key, "edges", f"A loop has two ways out, with the conditions {AGAIN} and {DONE}.")
    if not 1 <= node.rounds <= MAX_ROUNDS:
        yield GraphProblem(node.key, "rounds", f"Choose 1 to {MAX_ROUNDS} rounds.")


def _approval(node: Node, ways: tuple[Edge, ...]) -> Iterator[GraphProblem]:
    conditions = sorted(edge.when for edge in ways)
    if conditions not in ([""], [APPROVED], ["", REJECTED], [APPROVED, REJECTED]):
        message = f"An approval has one way out ({APPROVED}), and one more ({REJECTED}) where a refusal goes on."
        yield GraphProblem(node.key, "edges", message)


def _send(node: Node, _: tuple[Edge, ...]) -> Iterator[GraphProblem]:
    parts = urlsplit(node.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        yield GraphProblem(node.key, "url", "Give an address that begins with https:// or http://.")


def _remote(node: Node, _: tuple[Edge, ...]) -> Iterator[GraphProblem]:
    if not node.connection:
        yield GraphProblem(node.key, "connection", f"Choose the foreign agent of {node.name or node.key}.")


_CHECKS: dict[NodeKind, Callable[[Node, tuple[Edge, ...]], Iterator[GraphProblem]]] = {
    NodeKind.AGENT: _agent,
    NodeKind.SUPERVISOR: _supervisor,
    NodeKind.ROUTER: _router,
    NodeKind.LOOP: _loop,
    NodeKind.APPROVAL: _approval,
    NodeKind.SEND: _send,
    NodeKind.REMOTE: _remote,
}


def _reach(graph: Graph) -> Iterator[GraphProblem]:
    """Every node is reached, and leads to an output."""
    start = next(node.key for node in graph.nodes if node.kind is NodeKind.INPUT)
    found = reachable(graph, [start])
    outputs = {node.key for node in graph.nodes if node.kind is NodeKind.OUTPUT}
    for node in graph.nodes:
        if node.key not in found:
            yield GraphProblem(node.key, "edges", f"Nothing leads to {node.name}. Connect it, or remove it.")
        elif node.key not in outputs and not outputs & reachable(graph, [node.key]):
            yield GraphProblem(node.key, "edges", f"No output can be reached from {node.name}.")


def _cycles(graph: Graph) -> Iterator[GraphProblem]:
    """Only a loop, which counts its rounds, leads back."""
    for node in graph.nodes:
        ahead = [edge.target for edge in graph.out(node.key) if not graph.is_again(edge)]
        if node.key in reachable(graph, ahead, without_again=True):
            message = f"{node.name} leads back to itself without a bound. Let the way back start at a loop ({AGAIN})."
            yield GraphProblem(node.key, "edges", message)
        for edge in graph.out(node.key):
            if graph.is_again(edge) and node.key not in reachable(graph, [edge.target], without_again=True):
                message = f"The way {AGAIN} of {node.name} does not come back to it."
                yield GraphProblem(node.key, "edges", message)


def _meetings(graph: Graph) -> Iterator[GraphProblem]:
    """Branches that run at the same time meet, or go back, only behind somebody who waits for all of them."""
    for node in graph.nodes:
        ways = graph.out(node.key)
        if node.chooses or len(ways) < 2:
            continue
        branches = [_until_gathered(graph, edge.target) for edge in ways]
        meeting = {key for first, second in combinations(branches, 2) for key in first & second}
        for key in sorted(meeting):
            if not _gathers(graph, key):
                message = f"Branches of {node.name} that run at the same time meet here. Put a join before it."
                yield GraphProblem(key, "edges", message)
        for edge in graph.edges:
            inside = any(edge.source in branch and not _gathers(graph, edge.source) for branch in branches)
            if inside and graph.is_again(edge) and node.key in reachable(graph, [edge.target], without_again=True):
                message = f"This leads back before the branches of {node.name}, which may still run. Join them first."
                yield GraphProblem(edge.source, "edges", message)


def _gathers(graph: Graph, key: str) -> bool:
    node = graph.node(key)
    return node is not None and node.gathers


def _until_gathered(graph: Graph, key: str) -> set[str]:
    """What is reached from a node without passing through one that waits for all."""
    return reachable(graph, [key], without_again=True, stop=lambda node: node.gathers)
