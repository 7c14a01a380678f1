"""Boxes in Chromium: by mouse, by keys alone, by taps alone, at any zoom."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.apps.labeling.controls.editor_page import HEIGHT, WIDTH
from tests.apps.labeling.controls.image_editors.drawing import (
    BOX,
    PHONE,
    Open,
    click,
    drag,
    near,
    press,
    screen,
    tap,
    value,
)
from tests.chromium import tap as tap_on

pytestmark = pytest.mark.browser


def test_a_box_is_two_clicks_and_a_key(open_page: Open) -> None:
    page = open_page("boxes")
    click(page, 90, 70)
    page.mouse.move(*screen(page, 200, 150))
    click(page, 230, 210)
    press(page, "2")
    (box,) = value(page)
    assert near(box, x=90, y=70, width=140, height=140)
    assert box["label"] == "white cell"
    expect(page.locator("#said")).to_have_text("Box 1 is white cell now.")
    click(page, 340, 210)
    click(page, 520, 390)
    assert [one["label"] for one in value(page)] == ["white cell"] * 2  # the label stays for the next one


def test_a_box_is_drawn_moved_and_resized_by_dragging(open_page: Open) -> None:
    page = open_page("boxes")
    drag(page, (230, 210), (90, 70))
    assert near(value(page)[0], x=90, y=70, width=140, height=140)
    drag(page, (160, 140), (200, 190))
    assert near(value(page)[0], x=130, y=120, width=140, height=140)
    drag(page, (270, 260), (300, 300))
    assert near(value(page)[0], x=130, y=120, width=170, height=180)
    drag(page, (200, 200), (-100, -100))
    assert near(value(page)[0], x=0, y=0, width=170, height=180)
    assert page.evaluate("changes") == 4


def test_a_box_by_keys_alone(open_page: Open) -> None:
    page = open_page("boxes")
    page.evaluate("editor.focus()")
    press(page, "n")
    before = value(page)[0]
    press(page, *["ArrowRight"] * 3, "Shift+ArrowDown", "Alt+ArrowRight", "Alt+Shift+ArrowUp", "2")
    after = value(page)[0]
    scale = page.evaluate(f"document.querySelector('.shape-frame svg').clientWidth / {WIDTH}")
    step, fast = round(2 / scale), round(20 / scale)
    assert near(after, slack=0.01, x=before["x"] + 3 * step, y=before["y"] + fast)
    assert near(after, slack=0.01, width=before["width"] + step, height=before["height"] - fast)
    assert after["label"] == "white cell"
    press(page, "n", "1")
    assert len(value(page)) == 2
    press(page, ",")
    expect(page.locator("#said")).to_contain_text("Box 1, white cell")
    press(page, "Delete")
    assert [one["label"] for one in value(page)] == ["red cell"]


def test_steps_are_undone_and_done_again(open_page: Open) -> None:
    page = open_page("boxes", value=[BOX])
    click(page, 340, 210)
    click(page, 520, 390)
    press(page, "2", *["ArrowRight"] * 5)
    moved = value(page)
    press(page, "Control+z")
    assert value(page)[1]["x"] < moved[1]["x"]  # the five steps at once
    press(page, "Control+z", "Control+z")
    assert value(page) == [BOX]
    press(page, "Control+z")
    assert value(page) == [BOX]  # what came with the task is no step
    press(page, "Control+y", "Control+y", "Control+Shift+z")
    assert value(page) == moved
    page.get_by_role("button", name="Undo a step").click()
    assert value(page) != moved


def test_every_box_is_a_row_that_keys_reach(open_page: Open) -> None:
    second = {**BOX, "x": 300, "label": "white cell"}
    page = open_page("boxes", value=[BOX, second])
    page.get_by_role("button", name="Box 2 white cell").focus()
    press(page, "Enter")
    press(page, "ArrowLeft")
    assert value(page)[1]["x"] < 300
    page.get_by_label("Label of Box 1").select_option("white cell")
    assert [one["label"] for one in value(page)] == ["white cell"] * 2
    page.get_by_role("button", name="Delete Box 1").focus()
    press(page, "Enter")
    assert len(value(page)) == 1
    expect(page.get_by_role("button", name="Box 1 white cell")).to_be_focused()


def test_nothing_to_draw_is_said_and_never_guessed(open_page: Open) -> None:
    page = open_page("boxes")
    assert page.evaluate("editor.problem()") == "Draw the boxes, or say that there are none."
    page.get_by_label("There are no boxes to draw").check()
    assert value(page) == []
    assert page.evaluate("editor.problem()") == ""
    click(page, 90, 70)
    assert "not complete" in page.evaluate("editor.problem()")
    press(page, "Escape")
    click(page, 90, 70)
    click(page, 230, 210)
    assert len(value(page)) == 1
    press(page, "Delete")
    assert value(page) is None


def test_limits_of_the_question_hold(open_page: Open) -> None:
    page = open_page("keypoints", least=2, most=2)
    assert page.evaluate("editor.problem()") == "Draw 2 points; there are 0."
    expect(page.get_by_label("There are no points to draw")).to_be_hidden()
    for x in (100, 200, 300):
        click(page, x, 200)
    assert len(value(page)) == 2
    expect(page.locator("#said")).to_have_text("There are 2 points already, no more are wanted.")


def test_zoom_keeps_coordinates_and_the_size_of_handles(open_page: Open) -> None:
    page = open_page("boxes", value=[BOX])
    click(page, 160, 140)
    for _ in range(3):
        sizes = page.eval_on_selector_all("[data-handle]", "all => all.map((one) => one.getBoundingClientRect().width)")
        assert len(sizes) == 4
        assert all(24 <= size <= 30 for size in sizes)
        press(page, "+", "+")
    press(page, "Escape")
    page.mouse.move(*screen(page, 320, 240))
    page.keyboard.down("Space")
    drag(page, (320, 240), (340, 250))
    page.keyboard.up("Space")
    assert value(page) == [BOX]
    left = page.locator(".shape-frame svg").get_attribute("viewBox")
    press(page, "ArrowLeft")
    assert page.locator(".shape-frame svg").get_attribute("viewBox") != left
    click(page, 310, 235)
    click(page, 330.5, 245)
    assert near(value(page)[1], slack=0.3, x=310, y=235, width=20.5, height=10)
    press(page, "0")
    assert page.locator(".shape-frame svg").get_attribute("viewBox") == f"0 0 {WIDTH} {HEIGHT}"


def test_the_wheel_zooms_with_control_where_the_mouse_is(open_page: Open) -> None:
    page = open_page("boxes")
    spot = screen(page, 100, 100)
    page.mouse.move(*spot)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    expect(page.locator(".shape-frame svg")).not_to_have_attribute("viewBox", f"0 0 {WIDTH} {HEIGHT}")
    assert screen(page, 100, 100) == pytest.approx(spot, abs=3)  # the wheel knows whole pixels only


def test_boxes_on_a_phone_are_two_taps_and_corners_move_by_taps(open_page: Open) -> None:
    page = open_page("boxes", PHONE)
    tap(page, 90, 70)
    tap(page, 230, 210)
    tap_on(page.get_by_role("button", name="white cell").first)
    assert value(page)[0]["label"] == "white cell"
    assert near(value(page)[0], slack=3, x=90, y=70, width=140, height=140)
    sizes = page.eval_on_selector_all("[data-handle]", "all => all.map((one) => one.getBoundingClientRect().width)")
    assert all(size >= 43.9 for size in sizes)
    tap(page, 230, 210)
    expect(page.locator("#said")).to_have_text("Corner picked up. Tap where it should go.")
    tap(page, 300, 260)
    assert near(value(page)[0], slack=3, x=90, y=70, width=210, height=190)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    image, chips = page.locator(".shape-frame").bounding_box(), page.locator(".shape-chips").bounding_box()
    assert image is not None
    assert chips is not None
    assert chips["y"] >= image["y"] + image["height"]
    small = page.eval_on_selector_all(
        "button",
        "all => all.filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 43.9).length",
    )
    assert small == 0


def test_two_fingers_zoom_and_draw_nothing(open_page: Open) -> None:
    page = open_page("boxes", PHONE)
    session = page.context.new_cdp_session(page)
    middle = screen(page, 320, 240)

    def touch(kind: str, *apart: float) -> None:
        points = [{"x": middle[0] + one, "y": middle[1], "id": index} for index, one in enumerate(apart)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", -30)
    touch("touchStart", -30, 30)
    for far in (50, 70, 90):
        touch("touchMove", -far, far)
    touch("touchEnd")
    zoomed = page.locator(".shape-frame svg").get_attribute("viewBox") or ""
    assert float(zoomed.split()[2]) == pytest.approx(WIDTH / 3, rel=0.1)
    assert screen(page, 320, 240) == pytest.approx(middle, abs=3)
    assert value(page) is None
