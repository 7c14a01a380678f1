"""Upright boxes on an image: `[{"x", "y", "width", "height", "label"}]` in its pixels, from the top left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from apps.labeling.controls.base import AnswerProblem, control_type
from apps.labeling.controls.shape_control import ShapeControl, Size, number, within
from apps.labeling.controls.shapes import Drawn, Found, Number, weighted_median

if TYPE_CHECKING:
    from apps.labeling.controls.shapes import Closeness

LEAST_SIDE_PX = 1


@control_type
@dataclass(frozen=True, kw_only=True)
class Boxes(ShapeControl):
    """Boxes around objects. As a tuple a box is its top, left, bottom and right edge."""

    type: ClassVar[str] = "boxes"
    noun: ClassVar[str] = "box"
    nouns: ClassVar[str] = "boxes"
    keys: ClassVar[frozenset[str]] = frozenset({"x", "y", "width", "height", "label"})

    def cleaned(self, one: Mapping[str, Any], what: str, size: Size) -> dict[str, Any]:
        """The box within the image. Raises AnswerProblem."""
        x, y, width, height = (number(one[key], what, key) for key in ("x", "y", "width", "height"))
        left, right = within(x, size[0], what, "width"), within(x + width, size[0], what, "width")
        top, bottom = within(y, size[1], what, "height"), within(y + height, size[1], what, "height")
        if (
            width <= 0
            or height <= 0
            or round(right - left, 2) < LEAST_SIDE_PX
            or round(bottom - top, 2) < LEAST_SIDE_PX
        ):
            raise AnswerProblem(f"{what} is less than {LEAST_SIDE_PX} pixel wide or high; draw it anew or remove it.")
        return self.shape_json((top, left, bottom, right))

    def geometry(self, one: Mapping[str, Any]) -> tuple[Any, ...]:
        """Top, left, bottom, right."""
        return one["y"], one["x"], one["y"] + one["height"], one["x"] + one["width"]

    def shape_json(self, geometry: tuple[Any, ...]) -> dict[str, Any]:
        """The box with its corner and its sides."""
        top, left, bottom, right = geometry
        x, y = number(left, "", "x"), number(top, "", "y")
        return {
            "x": x,
            "y": y,
            "width": number(right - left, "", "width"),
            "height": number(bottom - top, "", "height"),
        }

    def closeness(self, one: Sequence[Drawn], other: Sequence[Drawn], scale: float) -> Closeness:
        """Intersection over union."""
        return box_iou([shape.geometry for shape in one], [shape.geometry for shape in other])

    def merged(self, found: Found) -> tuple[Any, ...]:
        """The weighted median of each edge."""
        weights = [member.weight for member in found.members]
        return tuple(weighted_median([member.geometry[edge] for member in found.members], weights) for edge in range(4))


def box_iou(one: Sequence[tuple[Number, ...]], other: Sequence[tuple[Number, ...]]) -> Closeness:
    """Intersection over union of each box of one list with each of the other; boxes as top, left, bottom, right."""
    import numpy as np  # only tasks on images need it

    first = np.asarray(one, dtype=np.float64).reshape(-1, 1, 4)
    second = np.asarray(other, dtype=np.float64).reshape(1, -1, 4)
    starts, ends = np.maximum(first[..., :2], second[..., :2]), np.minimum(first[..., 2:], second[..., 2:])
    shared = np.clip(ends - starts, 0, None).prod(axis=-1)
    areas = (first[..., 2:] - first[..., :2]).prod(axis=-1) + (second[..., 2:] - second[..., :2]).prod(axis=-1)
    result: Closeness = shared / np.maximum(areas - shared, 1e-12)
    return result
