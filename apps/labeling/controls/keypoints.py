"""Points on an image: `[{"x", "y", "label"}]` in its pixels, from the top left."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from apps.labeling.controls.base import AnswerProblem, control_type
from apps.labeling.controls.shape_control import ShapeControl, Size, image_size, number, within
from apps.labeling.controls.shapes import MATCH_FROM, Drawn, Found, weighted_median

if TYPE_CHECKING:
    from apps.labeling.controls.shapes import Closeness

#: Two clicks within this share of the image's diagonal can mean the same point.
REACH = 0.05
MAX_REACH_PX = 10_000
LEAST_REACH_PX = 2.0


@control_type
@dataclass(frozen=True, kw_only=True)
class Keypoints(ShapeControl):
    """Points, each with a label.

    Args:
        reach: how many pixels two clicks on the same point may lie apart; 0 takes 5 % of the image's diagonal.
    """

    type: ClassVar[str] = "keypoints"
    noun: ClassVar[str] = "point"
    nouns: ClassVar[str] = "points"
    keys: ClassVar[frozenset[str]] = frozenset({"x", "y", "label"})

    reach: float = 0.0

    @classmethod
    def more_from_json(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """The reach. Raises AnswerProblem."""
        reach = config.get("reach", 0)
        if isinstance(reach, bool) or not isinstance(reach, int | float) or not 0 <= reach <= MAX_REACH_PX:
            raise AnswerProblem(f"Give a number of pixels from 0 to {MAX_REACH_PX} as reach.", "reach")
        return {"reach": float(reach)}

    def as_json(self) -> dict[str, Any]:
        """The design's JSON of it."""
        return {**super().as_json(), "reach": self.reach}

    def cleaned(self, one: Mapping[str, Any], what: str, size: Size) -> dict[str, Any]:
        """The point within the image. Raises AnswerProblem."""
        x, y = number(one["x"], what, "x"), number(one["y"], what, "y")
        return {"x": within(x, size[0], what, "width"), "y": within(y, size[1], what, "height")}

    def geometry(self, one: Mapping[str, Any]) -> tuple[Any, ...]:
        """Down, right."""
        return one["y"], one["x"]

    def shape_json(self, geometry: tuple[Any, ...]) -> dict[str, Any]:
        """The point."""
        return {"x": number(geometry[1], "", "x"), "y": number(geometry[0], "", "y")}

    def scale(self, shapes: Sequence[Mapping[str, Any]], data: Mapping[str, Any]) -> float:
        """The reach in pixels.

        Where the image's size is not at hand the points themselves say how large it is at least.
        """
        if self.reach:
            return self.reach
        width, height = image_size(data, self.input)
        right = width or max((float(one["x"]) for one in shapes), default=0.0)
        bottom = height or max((float(one["y"]) for one in shapes), default=0.0)
        return max(LEAST_REACH_PX, REACH * math.hypot(right, bottom))

    def closeness(self, one: Sequence[Drawn], other: Sequence[Drawn], scale: float) -> Closeness:
        """1 on the same spot, less by distance, `MATCH_FROM` at the reach."""
        import numpy as np  # only tasks on images need it

        first = np.asarray([shape.geometry for shape in one], dtype=np.float64).reshape(-1, 1, 2)
        second = np.asarray([shape.geometry for shape in other], dtype=np.float64).reshape(1, -1, 2)
        apart = np.hypot(*np.moveaxis(first - second, -1, 0))
        result: Closeness = np.clip(1 - (1 - MATCH_FROM) * apart / scale, 0, 1)
        return result

    def merged(self, found: Found) -> tuple[Any, ...]:
        """The weighted median of each coordinate."""
        weights = [member.weight for member in found.members]
        return tuple(weighted_median([member.geometry[axis] for member in found.members], weights) for axis in range(2))
