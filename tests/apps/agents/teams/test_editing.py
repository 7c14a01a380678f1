"""What the builder's buttons do to a graph, and where its picture puts the nodes."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from apps.agents.teams.checking import problems
from apps.agents.teams.editing import (
    changed_node,
    free_key,
    moved_edge,
    moved_node,
    with_edge,
    with_node,
    without_edge,
    without_node,
)
from apps.agents.teams.layout import HEIGHT, WIDTH, picture
from apps.agents.teams.templates import TEMPLATES
from apps.agents.teams.types import Edge, Graph, Node, NodeKind

K = NodeKind
EMPTY = Graph((Node("in", K.INPUT, "In"), Node("out", K.OUTPUT, "Out")), (Edge("in", "out"),))


def agent(key: str) -> Node:
    return Node(key, K.AGENT, key, agent="someone")


def test_nodes_added_one_after_the_other_are_a_chain_that_can_run() -> None:
    graph, last = EMPTY, "in"
    for key in ("a", "b", "c"):
        graph, last = with_node(graph, agent(key), after=last), key
    assert [edge.name for edge in graph.edges] == ["in → a", "a → b", "b → c", "c → out"]
    assert problems(graph) == []


def test_a_node_taken_out_leaves_the_way_closed_behind_it() -> None:
    graph = with_node(with_node(EMPTY, agent("a"), after="in"), agent("b"), after="a")
    assert [edge.name for edge in without_node(graph, "a").edges] == ["in → b", "b → out"]
    assert without_node(without_node(graph, "a"), "b") == EMPTY


def test_a_node_behind_a_fork_is_one_more_branch() -> None:
    graph = with_edge(with_node(EMPTY, agent("a"), after="in"), Edge("in", "out"))
    graph = with_node(graph, agent("b"), after="in")
    assert {edge.name for edge in graph.out("in")} == {"in → a", "in → out", "in → b"}


def test_ways_follow_a_new_key_and_order_can_be_changed() -> None:
    graph = with_node(EMPTY, agent("a"), after="in")
    renamed = changed_node(graph, "a", agent("z"))
    assert [edge.name for edge in renamed.edges] == ["in → z", "z → out"]
    assert [node.key for node in moved_node(graph, "a", 1).nodes] == ["in", "out", "a"]
    assert [node.key for node in moved_node(graph, "in", -1).nodes] == ["in", "a", "out"]
    assert [edge.name for edge in moved_edge(graph, 1, -1).edges] == ["a → out", "in → a"]
    assert moved_edge(graph, 9, 1) == graph
    assert [edge.name for edge in without_edge(graph, 0).edges] == ["a → out"]
    assert without_edge(graph, 9) == graph


def test_keys_are_free_and_well_formed() -> None:
    graph = with_node(EMPTY, agent("writer"))
    assert free_key(graph, "Writer") == "writer-2"
    assert free_key(graph, "日本") == "node"


def test_templates_can_run_once_they_have_agents() -> None:
    for template in TEMPLATES:
        slugs = {key: f"{key}-1" for key in template.graph.agents}
        assert problems(template.graph_with(slugs)) == [], template.key


KEYS = ["in", "a", "b", "c", "d", "out"]
ways = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS)), max_size=14)


@given(ways)
def test_no_two_nodes_of_a_picture_overlap_whatever_is_connected(drawn: list[tuple[str, str]]) -> None:
    nodes = (EMPTY.nodes[0], *(agent(key) for key in KEYS[1:-1]), EMPTY.nodes[1])
    drawing = picture(Graph(nodes, tuple(Edge(*way) for way in drawn)))
    for one, two in combinations(drawing.boxes, 2):
        assert abs(one.x - two.x) >= WIDTH or abs(one.y - two.y) >= HEIGHT
    for box in drawing.boxes:
        assert 0 <= box.x <= drawing.width - WIDTH
        assert 0 <= box.y <= drawing.height - HEIGHT
