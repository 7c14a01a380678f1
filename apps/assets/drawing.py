"""Where the boxes and lines of a provenance graph go: layered, the asset itself first, either across or down."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from apps.assets.types import Lineage, LineageNode

MAX_DRAWN = 40
"""Above this many versions a drawing says less than the list beside it."""

_BOX_WIDTH, _BOX_HEIGHT = 200, 60
_GAP_ALONG, _GAP_ACROSS = 72, 20
_MARGIN = 4
_NAME_LENGTH = 20


@dataclass(frozen=True)
class Box:
    """A version in the drawing; the numbers are its top left corner."""

    node: LineageNode
    x: int
    y: int
    is_root: bool

    @property
    def short_name(self) -> str:
        """The name, cut to the box."""
        name = self.node.name
        return name if len(name) <= _NAME_LENGTH else name[: _NAME_LENGTH - 1] + "…"


@dataclass(frozen=True)
class Line:
    """A curve from a version to its parent, with the parent's percentage beside its middle."""

    path: str
    label: str
    x: int
    y: int


@dataclass(frozen=True)
class Drawing:
    """A graph ready for an SVG of `width` x `height` units."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    box_width: int = _BOX_WIDTH
    box_height: int = _BOX_HEIGHT


def draw(lineage: Lineage, *, downwards: bool) -> Drawing | None:
    """Lay a lineage out; None where it has more than MAX_DRAWN versions."""
    if len(lineage.nodes) > MAX_DRAWN:
        return None
    layers = _layers(lineage)
    length, breadth = (_BOX_HEIGHT, _BOX_WIDTH) if downwards else (_BOX_WIDTH, _BOX_HEIGHT)
    widest = max(len(layer) for layer in layers) * (breadth + _GAP_ACROSS) - _GAP_ACROSS
    places: dict[UUID, tuple[int, int]] = {}
    for depth, layer in enumerate(layers):
        along = _MARGIN + depth * (length + _GAP_ALONG)
        start = _MARGIN + (widest - len(layer) * (breadth + _GAP_ACROSS) + _GAP_ACROSS) // 2
        for index, version_id in enumerate(layer):
            across = start + index * (breadth + _GAP_ACROSS)
            places[version_id] = (across, along) if downwards else (along, across)
    total = 2 * _MARGIN + len(layers) * (length + _GAP_ALONG) - _GAP_ALONG
    size = (widest + 2 * _MARGIN, total) if downwards else (total, widest + 2 * _MARGIN)
    boxes = tuple(Box(node, *places[node.version_id], node.version_id == lineage.root_id) for node in lineage.nodes)
    lines = tuple(
        _line(places[edge.child_id], places[edge.parent_id], edge.weight_bps, downwards=downwards)
        for edge in lineage.edges
    )
    return Drawing(*size, boxes, lines)


def percent(weight_bps: int) -> str:
    """Basis points for people: 2500 -> "25 %", 1250 -> "12.5 %"."""
    return f"{weight_bps / 100:g} %"


def _layers(lineage: Lineage) -> list[list[UUID]]:
    """Versions by their longest distance from the root (nodes come in topological order)."""
    parents: dict[UUID, list[UUID]] = defaultdict(list)
    for edge in lineage.edges:
        parents[edge.child_id].append(edge.parent_id)
    depth = {lineage.root_id: 0}
    for node in lineage.nodes:
        for parent in parents[node.version_id]:
            depth[parent] = max(depth.get(parent, 0), depth[node.version_id] + 1)
    layers: list[list[UUID]] = [[] for _ in range(max(depth.values()) + 1)]
    for node in lineage.nodes:
        layers[depth[node.version_id]].append(node.version_id)
    return layers


def _line(child: tuple[int, int], parent: tuple[int, int], weight_bps: int, *, downwards: bool) -> Line:
    if downwards:
        x1, y1 = child[0] + _BOX_WIDTH // 2, child[1] + _BOX_HEIGHT
        x2, y2 = parent[0] + _BOX_WIDTH // 2, parent[1]
        middle = (y1 + y2) // 2
        path = f"M{x1} {y1}C{x1} {middle} {x2} {middle} {x2} {y2}"
    else:
        x1, y1 = child[0] + _BOX_WIDTH, child[1] + _BOX_HEIGHT // 2
        x2, y2 = parent[0], parent[1] + _BOX_HEIGHT // 2
        middle = (x1 + x2) // 2
        path = f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"
    return Line(path, percent(weight_bps), (x1 + x2) // 2, (y1 + y2) // 2)
