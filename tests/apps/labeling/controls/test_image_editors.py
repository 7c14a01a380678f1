"""Boxes, polygons and points in Chromium: by mouse, by keys alone, by taps alone, at any zoom."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from apps.labeling.controls.boxes import Boxes
from apps.labeling.controls.keypoints import Keypoints
from apps.labeling.controls.polygons import Polygons
from apps.labeling.controls.shape_control import ShapeControl
from tests.apps.labeling.controls.editor_page import HEIGHT, ROOT, WIDTH, open_editor, weight_kb
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.page_checks import SCREENSHOTS, TAKE_SCREENSHOTS, axe_violations

pytestmark = pytest.mark.browser

TYPES: dict[str, type[ShapeControl]] = {"boxes": Boxes, "polygons": Polygons, "keypoints": Keypoints}
KINDS = list(TYPES)
DATA = {"photo": {"media": "m", "width": WIDTH, "height": HEIGHT}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
BOX = {"x": 90, "y": 70, "width": 140, "height": 140, "label": "red cell"}
TRIANGLE: dict[str, Any] = {"points": [[300, 80], [360, 120], [310, 170]], "label": "white cell"}
POINT = {"x": 430, "y": 300, "label": "white cell"}
VALUES = {"boxes": [BOX], "polygons": [TRIANGLE], "keypoints": [POINT]}
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Open]:
    with ExitStack() as stack:

        def make(kind: str, options: dict[str, Any] | None = None, **given: Any) -> Page:
            return stack.enter_context(open_editor(chromium, kind, options or {}, **given))

        yield make


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
    page.touchscreen.tap(*screen(page, x, y))


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


def test_boxes_on_a_phone_are_two_taps_and_corners_move_by_taps(open_page: Open) -> None:
    page = open_page("boxes", PHONE)
    tap(page, 90, 70)
    tap(page, 230, 210)
    page.get_by_role("button", name="white cell").first.tap()
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


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_that_is_only_shown_cannot_be_changed(kind: str, open_page: Open) -> None:
    page = open_page(kind, value=VALUES[kind])
    page.evaluate("editor.setAttribute('readonly', '')")
    page.evaluate("editor.focus()")
    press(page, "n", "2", ".", "ArrowLeft", "Delete", "Control+z")
    click(page, 50, 50)
    drag(page, (430, 300), (300, 200))
    assert page.evaluate("editor.value") == VALUES[kind]
    assert page.evaluate("changes") == 0


def test_the_next_task_starts_afresh(open_page: Open) -> None:
    page = open_page("boxes", value=[BOX])
    press(page, "+", ".", "ArrowLeft")
    page.evaluate("editor.data = editor.data; editor.value = undefined")
    expect(page.locator(".shape-row")).to_have_count(0)
    expect(page.get_by_role("button", name="Undo a step")).to_be_disabled()
    assert value(page) is None


@pytest.mark.parametrize("url", ["/missing.png", None])
def test_an_image_that_does_not_load_says_so(url: str | None, open_page: Open) -> None:
    page = open_page("boxes", photo={"url": url})
    expect(page.get_by_role("alert")).to_contain_text("The image did not load.")
    expect(page.get_by_role("button", name="Load it again")).to_be_visible()


def test_the_size_of_the_image_is_found_where_it_is_not_given(open_page: Open) -> None:
    page = open_page("boxes", photo={"width": None, "height": None})
    assert page.locator(".shape-frame svg").get_attribute("viewBox") == f"0 0 {WIDTH} {HEIGHT}"


@pytest.mark.parametrize("theme", ["sahara", "sahara-dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_inaccessible(kind: str, theme: str, open_page: Open) -> None:
    page = open_page(kind, PHONE if theme == "sahara-dark" else None, value=VALUES[kind], theme=theme)
    page.evaluate("editor.focus()")
    press(page, ".")
    if TAKE_SCREENSHOTS:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"answer-{kind}-{theme}.png", full_page=True)
    assert axe_violations(page) == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_editor_is_light(kind: str) -> None:
    assert weight_kb(f"src/labeling/editors/{kind}.ts") <= 12


def test_each_colour_stands_out_on_light_and_dark_pages() -> None:
    source = (ROOT / "static/src/labeling/editors/canvas/colours.ts").read_text()
    theme = (ROOT / "static/src/core/site.css").read_text()
    pages = re.findall(r"--color-base-100: (#\w{6})", theme)
    colours = re.findall(r'"(#\w{6})"', source)
    assert len(pages) == 2
    assert len(set(colours)) == len(colours) >= 10
    for colour in colours:
        for page in pages:
            assert contrast(colour, page) >= 3, (colour, page)


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
