"""The provenance drawing: no boxes on top of each other, children before parents, nothing outside the frame."""

from __future__ import annotations

from itertools import combinations
from uuid import UUID

import pytest

from apps.assets.drawing import MAX_DRAWN, draw, percent
from apps.assets.types import AssetKind, ChainProof, ChainState, Lineage, LineageEdge, LineageNode


def uid(number: int) -> UUID:
    return UUID(int=number + 1)


def node(number: int) -> LineageNode:
    proof = ChainProof(ChainState.PENDING, 1)
    name = f"A rather long name of version {number}"
    return LineageNode(uid(number), uid(number), AssetKind.MODEL, name, 1, uid(99), "Owner", "0x", "0x", 0, proof)


def lineage(size: int, edges: list[tuple[int, int]]) -> Lineage:
    nodes = tuple(node(number) for number in range(size))
    return Lineage(uid(0), nodes, tuple(LineageEdge(uid(child), uid(parent), 1_250) for child, parent in edges))


DIAMOND = lineage(5, [(0, 1), (0, 2), (1, 3), (2, 3), (0, 3), (3, 4)])


@pytest.mark.parametrize("downwards", [True, False])
def test_boxes_lie_inside_the_frame_and_apart(downwards: bool) -> None:
    drawing = draw(DIAMOND, downwards=downwards)
    assert drawing is not None
    for box in drawing.boxes:
        assert 0 <= box.x <= drawing.width - drawing.box_width
        assert 0 <= box.y <= drawing.height - drawing.box_height
        assert len(box.short_name) <= 20
    for one, other in combinations(drawing.boxes, 2):
        assert abs(one.x - other.x) >= drawing.box_width or abs(one.y - other.y) >= drawing.box_height


@pytest.mark.parametrize("downwards", [True, False])
def test_every_parent_lies_beyond_its_children(downwards: bool) -> None:
    drawing = draw(DIAMOND, downwards=downwards)
    assert drawing is not None
    along = {box.node.version_id: box.y if downwards else box.x for box in drawing.boxes}
    assert all(along[edge.child_id] < along[edge.parent_id] for edge in DIAMOND.edges)
    assert [line.label for line in drawing.lines] == ["12.5 %"] * len(DIAMOND.edges)


def test_a_graph_too_large_to_read_is_not_drawn() -> None:
    size = MAX_DRAWN + 1
    assert draw(lineage(size, [(i, i + 1) for i in range(size - 1)]), downwards=True) is None


@pytest.mark.parametrize(("weight_bps", "text"), [(10_000, "100 %"), (2_500, "25 %"), (1, "0.01 %")])
def test_percentages_are_short(weight_bps: int, text: str) -> None:
    assert percent(weight_bps) == text
