"""Polygons on an image: `[{"points": [[x, y], …], "label"}]` in its pixels, from the top left."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from apps.labeling.controls.base import AnswerProblem, control_type
from apps.labeling.controls.boxes import box_iou
from apps.labeling.controls.shape_control import ShapeControl, Size, number, within
from apps.labeling.controls.shapes import Drawn, Found, Number

if TYPE_CHECKING:
    from shapely import Polygon

    from apps.labeling.controls.shapes import Closeness

MAX_POINTS = 500
LEAST_AREA_PX = 1
#: A voted outline is smoothed by this share of the square root of its area: less than a steady hand's error.
SMOOTHING = 0.005
SMOOTHING_STEPS = 6

Point = tuple[Number, Number]
Ring = tuple[Point, ...]


@control_type
@dataclass(frozen=True, kw_only=True)
class Polygons(ShapeControl):
    """Outlines of objects. As a tuple a polygon is its points, clockwise on the screen, from the topmost on."""

    type: ClassVar[str] = "polygons"
    noun: ClassVar[str] = "polygon"
    nouns: ClassVar[str] = "polygons"
    keys: ClassVar[frozenset[str]] = frozenset({"points", "label"})

    def cleaned(self, one: Mapping[str, Any], what: str, size: Size) -> dict[str, Any]:
        """The polygon with no point twice, clockwise, from its topmost point. Raises AnswerProblem."""
        points = one["points"]
        if not isinstance(points, list | tuple) or not 3 <= len(points) <= MAX_POINTS:
            raise AnswerProblem(f"{what} needs 3 to {MAX_POINTS} points, as a list.", "points")
        ring: list[Point] = []
        for index, point in enumerate(points):
            if not isinstance(point, list | tuple) or len(point) != 2:
                raise AnswerProblem(f"{what} has a point {index + 1} that is not [x, y].", "points")
            x, y = (number(value, what, key) for value, key in zip(point, "xy", strict=True))
            here = (within(x, size[0], what, "width"), within(y, size[1], what, "height"))
            if not ring or ring[-1] != here:
                ring.append(here)
        if len(ring) > 1 and ring[0] == ring[-1]:
            ring.pop()
        if len(ring) < 3 or abs(signed_area(ring)) < LEAST_AREA_PX:
            raise AnswerProblem(
                f"{what} encloses less than {LEAST_AREA_PX} pixel; draw it anew or remove it.", "points"
            )
        _refuse_crossing(ring, what)
        return self.shape_json(canonical_ring(ring))

    def geometry(self, one: Mapping[str, Any]) -> tuple[Any, ...]:
        """The points."""
        return tuple((point[0], point[1]) for point in one["points"])

    def shape_json(self, geometry: tuple[Any, ...]) -> dict[str, Any]:
        """The polygon with its points."""
        return {"points": [[number(x, "", "x"), number(y, "", "y")] for x, y in geometry]}

    def closeness(self, one: Sequence[Drawn], other: Sequence[Drawn], scale: float) -> Closeness:
        """Exact intersection over union."""
        return polygon_iou([shape.geometry for shape in one], [shape.geometry for shape in other])

    def merged(self, found: Found) -> tuple[Any, ...]:
        """The outline of what at least half of the weight encloses."""
        rings = [member.geometry for member in found.members]
        return voted_ring(rings, [member.weight for member in found.members])


def signed_area(ring: Sequence[Point]) -> float:
    """Its area, positive when clockwise on the screen (y grows downwards)."""
    following = [*ring[1:], ring[0]]
    return math.fsum(x * next_y - next_x * y for (x, y), (next_x, next_y) in zip(ring, following, strict=True)) / 2


def canonical_ring(ring: Sequence[Point]) -> Ring:
    """The same outline clockwise on the screen, from its topmost (then leftmost) point on."""
    clockwise = list(ring) if signed_area(ring) > 0 else list(reversed(ring))
    start = min(range(len(clockwise)), key=lambda index: (clockwise[index][1], clockwise[index][0], index))
    return tuple(clockwise[start:] + clockwise[:start])


def polygon_iou(one: Sequence[Ring], other: Sequence[Ring]) -> Closeness:
    """Intersection over union of each polygon of one list with each of the other."""
    import numpy as np  # only tasks on images need it
    import shapely

    result: Closeness = np.zeros((len(one), len(other)))
    bounds = box_iou([_bounds(ring) for ring in one], [_bounds(ring) for ring in other])
    rows, columns = np.nonzero(bounds > 0)
    if rows.size == 0:
        return result
    first = np.array([_polygon(ring) for ring in one], dtype=object)
    second = np.array([_polygon(ring) for ring in other], dtype=object)
    shared = shapely.area(shapely.intersection(first[rows], second[columns]))
    together = shapely.area(first)[rows] + shapely.area(second)[columns] - shared
    result[rows, columns] = np.clip(shared / np.maximum(together, 1e-12), 0, 1)
    return result


def voted_ring(rings: Sequence[Ring], weights: Sequence[float]) -> Ring:
    """The outline of the area that at least half of the weight encloses; the one most like all others if that fails.

    The outlines cut the plane into faces; each face is inside or outside of each polygon as a whole, so that this is
    exact. It is then smoothed, since crossing outlines leave many corners.
    """
    import numpy as np  # only tasks on images need it
    import shapely

    if all(ring == rings[0] for ring in rings):
        return rings[0]
    polygons = np.array([_polygon(ring) for ring in rings], dtype=object)
    shapely.prepare(polygons)
    half = math.fsum(weights) / 2
    try:
        lines = shapely.union_all(shapely.get_exterior_ring(polygons))
        faces = shapely.get_parts(shapely.polygonize([lines]))
        inside = shapely.contains(polygons[:, None], shapely.point_on_surface(faces)[None, :])
        # A hair less than half: sums of the same weights in another order differ in the last digit.
        chosen = faces[np.asarray(weights) @ inside >= half * (1 - 1e-9)]
        parts = shapely.get_parts(shapely.union_all(chosen))
        voted = max((part for part in parts if part.geom_type == "Polygon"), key=lambda part: part.area)
        return _smoothed(voted)
    except (shapely.errors.GEOSException, ValueError):
        return medoid(rings, weights)


def medoid(rings: Sequence[Ring], weights: Sequence[float]) -> Ring:
    """The ring with the greatest weighted overlap with all of them."""
    close = polygon_iou(rings, rings)
    sums = [
        round(math.fsum(float(close[row, column]) * weight for column, weight in enumerate(weights)), 9)
        for row in range(len(rings))
    ]
    return min(zip(sums, rings, strict=True), key=lambda one: (-one[0], one[1]))[1]


def _smoothed(polygon: Polygon) -> Ring:
    """Its outer ring, rounded, with fewer corners; still no line crosses another. Raises ValueError."""
    step = SMOOTHING * math.sqrt(polygon.area)
    for attempt in range(SMOOTHING_STEPS):
        fewer = polygon.simplify(step * 2**attempt)
        ring = [(round(x, 2), round(y, 2)) for x, y in list(fewer.exterior.coords)[:-1]]
        if 3 <= len(ring) <= MAX_POINTS and _polygon(ring).is_valid:
            return canonical_ring([(_plain(x), _plain(y)) for x, y in ring])
    raise ValueError("no outline with few enough corners")


def _plain(value: float) -> Number:
    return int(value) if value.is_integer() else value


def _polygon(ring: Sequence[Point]) -> Polygon:
    from shapely import Polygon

    return Polygon(ring)


def _bounds(ring: Ring) -> tuple[Number, ...]:
    across, down = [x for x, _ in ring], [y for _, y in ring]
    return min(down), min(across), max(down), max(across)


def _refuse_crossing(ring: Sequence[Point], what: str) -> None:
    """Raise AnswerProblem, naming the lines, if the outline crosses or touches itself."""
    if _polygon(ring).is_valid:
        return
    from shapely import LineString

    count = len(ring)
    sides = [LineString([ring[index], ring[(index + 1) % count]]) for index in range(count)]
    for one in range(count):
        for other in range(one + 2, count):
            if (other + 1) % count != one and sides[one].intersects(sides[other]):
                raise AnswerProblem(
                    f"{what} crosses itself: the line from point {one + 1} meets the one from point {other + 1}.",
                    "points",
                )
    raise AnswerProblem(f"{what} runs back on its own line; remove the point that turns it around.", "points")
