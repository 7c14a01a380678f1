"""Where a picture shows the nodes: in columns by the longest way from the input, one below the other in a column."""

from __future__ import annotations

from dataclasses import dataclass

from apps.agents.teams.types import Graph, Node

WIDTH, HEIGHT = 150, 56
GAP_X, GAP_Y = 64, 30
MARGIN = 24
LETTERS = 15


@dataclass(frozen=True)
class Box:
    """A node's place; `ahead` are the keys of what follows it."""

    node: Node
    x: int
    y: int
    state: str = ""
    ahead: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """As much of the name as fits."""
        name = self.node.name
        return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"

    @property
    def middle(self) -> int:
        """The height at which ways meet it."""
        return self.y + HEIGHT // 2


@dataclass(frozen=True)
class Line:
    """A way: an SVG path, with its condition written at a point."""

    path: str
    when: str
    x: int
    y: int
    is_back: bool


@dataclass(frozen=True)
class Picture:
    """A whole graph, drawn."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    summary: str


def picture(graph: Graph, states: dict[str, str] | None = None) -> Picture:
    """The graph as boxes and lines. A graph that is not sound is drawn as far as it goes."""
    columns = _columns(graph)
    rows: dict[int, int] = {}
    boxes: dict[str, Box] = {}
    for node in graph.nodes:
        column = columns.get(node.key, 0)
        row = rows.get(column, 0)
        rows[column] = row + 1
        x = MARGIN + column * (WIDTH + GAP_X)
        y = MARGIN + row * (HEIGHT + GAP_Y)
        ahead = tuple(edge.target for edge in graph.out(node.key))
        boxes[node.key] = Box(node, x, y, (states or {}).get(node.key, ""), ahead)
    bottom = max((box.y + HEIGHT for box in boxes.values()), default=MARGIN)
    known = [edge for edge in graph.edges if edge.source in boxes and edge.target in boxes]
    together: dict[tuple[str, str], list[str]] = {}
    for edge in known:
        together.setdefault((edge.source, edge.target), []).append(edge.when)
    lines = [
        _line(boxes[source], boxes[target], _words(whens), bottom + GAP_Y * (1 + number % 3))
        for number, ((source, target), whens) in enumerate(together.items())
    ]
    has_back = any(line.is_back for line in lines)
    return Picture(
        width=max((box.x + WIDTH for box in boxes.values()), default=0) + MARGIN,
        height=bottom + MARGIN + (GAP_Y * 3 if has_back else 0),
        boxes=tuple(boxes.values()),
        lines=tuple(lines),
        summary=", ".join(edge.name for edge in known) or "nothing is connected yet",
    )


def _columns(graph: Graph) -> dict[str, int]:
    """The longest way to each node, ways back left out; a cycle is cut off after as many steps as there are nodes."""
    columns = {node.key: 0 for node in graph.nodes}
    for _ in graph.nodes:
        changed = False
        for edge in graph.edges:
            if graph.is_again(edge) or edge.source not in columns or edge.target not in columns:
                continue
            wanted = min(columns[edge.source] + 1, len(graph.nodes) - 1)
            if columns[edge.target] < wanted:
                columns[edge.target], changed = wanted, True
        if not changed:
            break
    return columns


def _words(whens: list[str]) -> str:
    """The conditions of all ways between the same two nodes, which are drawn as one."""
    return whens[0] if len(whens) == 1 else " / ".join(when or "otherwise" for when in whens)


def _line(source: Box, target: Box, when: str, below: int) -> Line:
    start_x, start_y, end_x, end_y = source.x + WIDTH, source.middle, target.x, target.middle
    if end_x > start_x:
        bend = (end_x - start_x) // 2
        path = f"M{start_x} {start_y} C{start_x + bend} {start_y} {end_x - bend} {end_y} {end_x} {end_y}"
        return Line(path, when, start_x + 6, start_y - 6 if end_y <= start_y else start_y + 16, is_back=False)
    middle_from, middle_to = source.x + WIDTH // 2, target.x + WIDTH // 2
    start = source.y + HEIGHT
    path = (
        f"M{middle_from} {start} C{middle_from} {below} {middle_from} {below} {(middle_from + middle_to) // 2} {below} "
        f"S{middle_to} {below} {middle_to} {target.y + HEIGHT}"
    )
    return Line(path, when, (middle_from + middle_to) // 2, below - 6, is_back=True)
