"""A graph that cannot run is refused with the node and what to do; what passes can be run to its end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.agents.teams.checking import problems
from apps.agents.teams.flow import loop_way, must_wait, reachable, way_by_label, way_by_scores, way_by_words
from apps.agents.teams.types import Edge, Graph, Node, NodeKind

K = NodeKind


def node(key: str, kind: NodeKind = K.AGENT, **fields: Any) -> Node:
    return Node(key, kind, fields.pop("name", key), **({"agent": "a"} if kind is K.AGENT else {}) | fields)


def graph(nodes: list[Node], *edges: str) -> Graph:
    """`graph([...], "in-a", "r-b:spam")`: nodes, and edges as source-target:when."""
    made = []
    for text in edges:
        ends, _, when = text.partition(":")
        source, target = ends.split("-")
        made.append(Edge(source, target, when))
    return Graph((node("in", K.INPUT), *nodes, node("out", K.OUTPUT)), tuple(made))


def told(found: Graph) -> list[tuple[str, str]]:
    return [(problem.node, problem.field) for problem in problems(found)]


CHAIN = graph([node("a"), node("b")], "in-a", "a-b", "b-out")
PARALLEL = graph([node("a"), node("b"), node("j", K.JOIN)], "in-a", "in-b", "a-j", "b-j", "j-out")
LOOP = graph([node("a"), node("l", K.LOOP)], "in-a", "a-l", "l-a:again", "l-out:done")
ROUTER = graph([node("r", K.ROUTER), node("a"), node("b")], "in-r", "r-a:spam", "r-b", "a-out", "b-out")
APPROVAL = graph([node("p", K.APPROVAL), node("a")], "in-p", "p-a:approved", "p-out:rejected", "a-out")


@pytest.mark.parametrize("good", [CHAIN, PARALLEL, LOOP, ROUTER, APPROVAL])
def test_a_sound_graph_has_no_problems(good: Graph) -> None:
    assert problems(good) == []
    assert Graph.from_json(good.as_json()) == good


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (graph([], "in-x", "in-out"), [("", "edges")]),
        (graph([node("a"), node("a")], "in-a", "a-out"), [("a", "key"), ("a", "key")]),
        (graph([node("Ä!")], "in-out"), [("Ä!", "key")]),
        (graph([node("a")], "in-a", "a-a", "a-out"), [("a", "edges")]),
        (graph([node("a")], "in-a", "a-out", "a-out"), [("a", "edges")]),
        (graph([node("a")], "in-a", "out-a"), [("out", "edges")]),
        (graph([node("a")], "in-a", "a-in", "a-out"), [("in", "edges")]),
        (graph([node("i", K.INPUT)], "in-out", "i-out"), [("", "nodes")]),
        (Graph((node("in", K.INPUT),), ()), [("", "nodes")]),
        (graph([node("a", agent="")], "in-a", "a-out"), [("a", "agent")]),
        (graph([node("a", name=" ")], "in-a", "a-out"), [("a", "name")]),
        (graph([node("s", K.SUPERVISOR, agent="a")], "in-s", "s-out"), [("s", "workers")]),
        (graph([node("a")], "in-a", "a-out:sometimes"), [("a", "edges")]),
        (graph([node("r", K.ROUTER)], "in-r", "r-out"), [("r", "edges")]),
        (graph([node("r", K.ROUTER), node("a")], "in-r", "r-a:x", "r-out:y", "a-out"), [("r", "edges")]),
        (graph([node("r", K.ROUTER), node("a")], "in-r", "r-a:x", "r-out:X", "a-out"), [("r", "edges")] * 2),
        (graph([node("l", K.LOOP)], "in-l", "l-out"), [("l", "edges")]),
        (graph([node("a"), node("l", K.LOOP, rounds=99)], "in-a", "a-l", "l-a:again", "l-out:done"), [("l", "rounds")]),
        (graph([node("s", K.SEND, url="ftp://x")], "in-s", "s-out"), [("s", "url")]),
        (graph([node("p", K.APPROVAL)], "in-p", "p-out:maybe"), [("p", "edges")]),
        (graph([node("a"), node("b")], "in-a", "a-out"), [("b", "edges")]),
        (graph([node("a"), node("b")], "in-a", "a-out", "a-b"), [("b", "edges")]),
        (graph([node("a"), node("b")], "in-a", "a-b", "b-a", "b-out"), [("a", "edges"), ("b", "edges")]),
        (graph([node("a"), node("b"), node("c")], "in-a", "in-b", "a-c", "b-c", "c-out"), [("c", "edges")]),
        (
            graph([node("a"), node("b"), node("l", K.LOOP), node("s", K.JOIN)],
                  "in-s", "s-a", "s-b", "a-l", "l-s:again", "l-out:done", "b-out"),
            [("l", "edges")],
        ),
    ],
)  # fmt: skip
def test_what_cannot_run_is_named(bad: Graph, expected: list[tuple[str, str]]) -> None:
    assert told(bad) == expected


def test_a_join_waits_for_what_can_still_arrive_and_for_nothing_else() -> None:
    nested = graph(
        [node("a"), node("r", K.ROUTER), node("b"), node("j", K.JOIN), node("l", K.LOOP)],
        "in-a", "in-r", "r-b:x", "r-j", "a-j", "b-j", "j-l", "l-in:again", "l-out:done",
    )  # fmt: skip
    assert must_wait(nested, "j", ["a"])
    assert must_wait(nested, "j", ["b", "out"])
    assert not must_wait(nested, "j", ["l"])
    assert not must_wait(nested, "j", [])


def test_ways_are_chosen_by_whole_words_labels_and_scores() -> None:
    ways = (Edge("r", "a", "refund, money back"), Edge("r", "b", "ship"), Edge("r", "c"))
    assert way_by_words(ways, "I want my MONEY  back!") == ways[0]
    assert way_by_words(ways, "A friendship") == ways[2]
    assert way_by_label(ways, "Ship") == ways[1]
    assert way_by_label(ways, "other") == ways[2]
    assert way_by_scores(ways, {"refund, money back": 0.2, "ship": 0.4}, 0.3) == ways[1]
    assert way_by_scores(ways, {"ship": 0.2}, 0.3) == ways[2]
    loop = node("l", K.LOOP, rounds=2, until="approved")
    out = (Edge("l", "a", "again"), Edge("l", "b", "done"))
    assert loop_way(out, loop, "not yet", 1) == out[0]
    assert loop_way(out, loop, "It is approved.", 0) == out[1]
    assert loop_way(out, loop, "not yet", 2) == out[1]


KEYS = ["a", "b", "c", "d"]
conditions = st.sampled_from(["", "again", "done"])
edges = st.tuples(st.sampled_from(["in", *KEYS]), st.sampled_from([*KEYS, "out"]), conditions)
kinds = st.lists(st.sampled_from([K.AGENT, K.JOIN, K.LOOP, K.ROUTER, K.APPROVAL]), min_size=4, max_size=4)


@given(kinds, st.lists(edges, max_size=12, unique=True))
def test_every_graph_that_passes_ends(drawn: list[NodeKind], ways: list[tuple[str, str, str]]) -> None:
    """Without the ways back of loops, each of which is bounded, no node is reached from itself."""
    made = graph([node(key, kind) for key, kind in zip(KEYS, drawn, strict=True)])
    found = Graph(made.nodes, tuple(Edge(*way) for way in ways))
    if problems(found):
        return
    for one in found.nodes:
        ahead = [edge.target for edge in found.out(one.key) if not found.is_again(edge)]
        assert one.key not in reachable(found, ahead, without_again=True)
        assert "out" in reachable(found, [one.key])
