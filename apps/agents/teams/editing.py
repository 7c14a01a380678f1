"""A graph with one thing different: what the form does with each press of a button."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TypeVar

from apps.agents.teams.types import Edge, Graph, Node

T = TypeVar("T")


def free_key(graph: Graph, name: str) -> str:
    """A key for a new node, from its name."""
    base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:32] or "node"
    taken = {node.key for node in graph.nodes}
    key, number = base, 1
    while key in taken:
        number += 1
        key = f"{base}-{number}"
    return key


def with_node(graph: Graph, node: Node, *, after: str = "") -> Graph:
    """A further node. Behind `after` it is put into the way that leads on from there, if there is just one."""
    before = graph.node(after)
    nodes = list(graph.nodes)
    place = nodes.index(before) + 1 if before is not None else len(nodes)
    nodes.insert(place, node)
    if before is None:
        return Graph(tuple(nodes), graph.edges)
    ways = graph.out(after)
    if len(ways) == 1:
        edges = [
            part
            for edge in graph.edges
            for part in ([replace(edge, target=node.key), Edge(node.key, edge.target)] if edge == ways[0] else [edge])
        ]
        return Graph(tuple(nodes), tuple(edges))
    return Graph(tuple(nodes), (*graph.edges, Edge(after, node.key)))


def changed_node(graph: Graph, key: str, node: Node) -> Graph:
    """Another node in the place of one; ways follow where its key changes."""
    nodes = tuple(node if one.key == key else one for one in graph.nodes)
    edges = tuple(
        replace(
            edge,
            source=node.key if edge.source == key else edge.source,
            target=node.key if edge.target == key else edge.target,
        )
        for edge in graph.edges
    )
    return Graph(nodes, edges)


def without_node(graph: Graph, key: str) -> Graph:
    """Without a node; where one way led in and one out, they become one."""
    into, out = graph.into(key), graph.out(key)
    edges = [edge for edge in graph.edges if key not in (edge.source, edge.target)]
    if len(into) == 1 and len(out) == 1 and into[0].source != out[0].target:
        bridge = Edge(into[0].source, out[0].target, into[0].when)
        if bridge not in edges:
            edges.insert(graph.edges.index(into[0]), bridge)
    return Graph(tuple(node for node in graph.nodes if node.key != key), tuple(edges))


def moved_node(graph: Graph, key: str, by: int) -> Graph:
    """A node further up (-1) or down (1) in the table."""
    keys = [node.key for node in graph.nodes]
    return Graph(_moved(graph.nodes, keys.index(key), by), graph.edges) if key in keys else graph


def with_edge(graph: Graph, edge: Edge) -> Graph:
    """A further way; one that is there already changes nothing."""
    return graph if edge in graph.edges else Graph(graph.nodes, (*graph.edges, edge))


def without_edge(graph: Graph, index: int) -> Graph:
    """Without the way of that place (0-based)."""
    return Graph(graph.nodes, graph.edges[:index] + graph.edges[index + 1 :])


def moved_edge(graph: Graph, index: int, by: int) -> Graph:
    """A way further up (-1) or down (1): a router tries them in this order."""
    return Graph(graph.nodes, _moved(graph.edges, index, by)) if 0 <= index < len(graph.edges) else graph


def _moved(items: tuple[T, ...], index: int, by: int) -> tuple[T, ...]:
    rest = list(items)
    item = rest.pop(index)
    rest.insert(min(max(0, index + by), len(rest)), item)
    return tuple(rest)
