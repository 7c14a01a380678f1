"""What tests of the image editors share: shapes, and hands that draw by mouse, key and finger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from apps.labeling.controls.boxes import Boxes
from apps.labeling.controls.keypoints import Keypoints
from apps.labeling.controls.polygons import Polygons
from apps.labeling.controls.shape_control import ShapeControl
from tests.apps.labeling.controls.editor_page import HEIGHT, WIDTH
from tests.chromium import tap_at

TYPES: dict[str, type[ShapeControl]] = {"boxes": Boxes, "polygons": Polygons, "keypoints": Keypoints}
KINDS = list(TYPES)
DATA = {"photo": {"media": "m", "width": WIDTH, "height": HEIGHT}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
BOX = {"x": 90, "y": 70, "width": 140, "height": 140, "label": "red cell"}
TRIANGLE: dict[str, Any] = {"points": [[300, 80], [360, 120], [310, 170]], "label": "white cell"}
POINT = {"x": 430, "y": 300, "label": "white cell"}
VALUES = {"boxes": [BOX], "polygons": [TRIANGLE], "keypoints": [POINT]}
Open = Callable[..., Page]


def value(page: Page) -> Any:
    """The answer, as the server would take it."""
    found = page.evaluate("editor.value ?? null")
    control = TYPES[page.evaluate("editor.control.type")].from_json(page.evaluate("editor.control"))
    return None if found is None else control.clean(found, DATA)


def screen(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the image is on the screen."""
    found = page.evaluate(
        """([x, y]) => {
          const svg = document.querySelector(".shape-frame svg");
          const point = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM());
          return [point.x, point.y];
        }""",
        [x, y],
    )
    return found[0], found[1]


def click(page: Page, x: float, y: float) -> None:
    page.mouse.click(*screen(page, x, y))


def tap(page: Page, x: float, y: float) -> None:
    tap_at(page, *screen(page, x, y))


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    # All places first: the image may move along.
    middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    first, *others = [screen(page, *place) for place in (start, middle, end)]
    page.mouse.move(*first)
    page.mouse.down()
    for other in others:
        page.mouse.move(*other)
    page.mouse.up()


def near(found: dict[str, Any], slack: float = 1.5, **wanted: float) -> bool:
    return all(abs(found[key] - number) <= slack for key, number in wanted.items())


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
