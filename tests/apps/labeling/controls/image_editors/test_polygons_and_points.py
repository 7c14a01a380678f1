"""Polygons and points in Chromium: by mouse, by keys alone, by taps alone."""

from __future__ import annotations

import pytest

from tests.apps.labeling.controls.image_editors.drawing import (
    PHONE,
    TRIANGLE,
    Open,
    click,
    drag,
    near,
    press,
    screen,
    tap,
    value,
)

pytestmark = pytest.mark.browser


def test_a_polygon_is_a_click_for_each_corner(open_page: Open) -> None:
    page = open_page("polygons")
    for x, y in TRIANGLE["points"]:
        click(page, x, y)
    press(page, "Enter", "2")
    click(page, 90, 70)
    click(page, 230, 70)
    click(page, 160, 300)
    click(page, 91, 71)
    click(page, 350, 400)
    click(page, 450, 400)
    page.mouse.dblclick(*screen(page, 400, 460))
    drawn = value(page)
    assert sorted(len(one["points"]) for one in drawn) == [3, 3, 3]
    assert [one["label"] for one in drawn].count("white cell") == 3
    assert near(dict(zip("xy", drawn[1]["points"][0], strict=True)), x=300, y=80)


def test_a_polygon_by_keys_alone(open_page: Open) -> None:
    page = open_page("polygons")
    page.evaluate("editor.focus()")
    press(page, "n", "Space", "Shift+ArrowRight", "Shift+ArrowRight", "Space", "Shift+ArrowDown", "Space")
    press(page, "Backspace", "Shift+ArrowDown", "Space", "Enter")
    (polygon,) = value(page)
    assert len(polygon["points"]) == 3
    press(page, "]", "]", "Shift+ArrowUp")
    (moved,) = value(page)
    assert sum(one != other for one, other in zip(moved["points"], polygon["points"], strict=True)) >= 1
    assert moved["points"] != polygon["points"]
    press(page, "Escape", "ArrowLeft")
    assert len(value(page)[0]["points"]) == 3
    press(page, "Delete")
    assert value(page) is None


def test_a_corner_is_removed_and_a_polygon_keeps_three(open_page: Open) -> None:
    page = open_page("polygons", value=[{**TRIANGLE, "points": [[300, 80], [360, 120], [340, 180], [310, 170]]}])
    click(page, 330, 130)
    press(page, "]", "Delete", "]", "Delete")
    assert len(value(page)[0]["points"]) == 3


def test_points_are_set_moved_and_named(open_page: Open) -> None:
    page = open_page("keypoints")
    click(page, 160, 140)
    press(page, "2")
    click(page, 430, 300)
    press(page, "1")
    drag(page, (160, 140), (170, 150))
    press(page, "n", *["ArrowUp"] * 2)
    found = value(page)
    assert len(found) == 3
    assert near(found[0], x=170, y=150)
    assert found[0]["label"] == "white cell"
    assert near(found[2], x=430, y=300)


def test_polygons_and_points_by_taps_alone(open_page: Open) -> None:
    page = open_page("polygons", PHONE)
    for x, y in ((300, 80), (500, 150), (320, 300), (300, 80)):
        tap(page, x, y)
    assert len(value(page)[0]["points"]) == 3
    other = open_page("keypoints", PHONE)
    tap(other, 160, 140)
    tap(other, 160, 140)
    tap(other, 430, 300)
    assert near(value(other)[0], slack=3, x=430, y=300)
