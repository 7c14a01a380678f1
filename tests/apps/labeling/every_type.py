"""How a person answers each type of task: by keys alone, and by taps alone on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.chromium import tap, tap_at

Act = Callable[[Page, Any], None]
MARKED = {
    "spans": [{"start": 2, "end": 6, "label": "person"}, {"start": 17, "end": 21, "label": "firm"}],
    "relations": [{"from": 0, "to": 1, "label": "works for"}],
}
SPOKEN = {"label": "speech", "text": "one two"}


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def keys(*pressed: str) -> Act:
    """Keys one after the other."""
    return lambda page, _: press(page, *pressed)


def types(text: str) -> Act:
    return lambda page, _: page.keyboard.type(text)


def taps(*names: str) -> Act:
    """Buttons by their names, one after the other."""

    def act(page: Page, _: Any) -> None:
        for name in names:
            tap(page.locator("task-player").get_by_role("button", name=name).first)

    return act


def fills(text: str) -> Act:
    """A tap into the last field, and what the phone's keyboard gives."""

    def act(page: Page, _: Any) -> None:
        field = page.locator('[data-part="controls"]').get_by_role("textbox").last
        tap(field)
        page.keyboard.type(text)

    return act


def marks_regions(label: str, *typed: str) -> Act:
    """From 1.0 to 2.0 s: the playhead goes 10 ms a step, page keys a tenth of the recording."""

    def act(page: Page, _: Any) -> None:
        wait_for_media(page)
        page.get_by_label("Playhead").focus()
        press(
            page, "Home", *["PageUp"] * 3, *["ArrowRight"] * 10, "[", *["PageUp"] * 3, *["ArrowRight"] * 10, "]", label
        )
        for text in typed:
            page.keyboard.type(text)

    return act


def taps_regions(label: str, *typed: str) -> Act:
    def act(page: Page, _: Any) -> None:
        wait_for_media(page)
        line = page.locator(".marks-line")
        width = (line.bounding_box() or {"width": 0})["width"]
        for third, name in ((1, "Start here"), (2, "End here")):
            tap(line, position={"x": third * width / 3, "y": 20})
            tap(page.get_by_role("button", name=name))
        tap(page.get_by_role("button", name=label).first)
        for text in typed:
            page.keyboard.type(text)

    return act


def wait_for_media(page: Page) -> None:
    page.locator(".marks-player").evaluate(
        """async (media) => {
          if (media.readyState < 1) await new Promise((done) => media.addEventListener("loadedmetadata", done));
        }"""
    )


def taps_words(page: Page, _: Any) -> None:
    for word, label in (("Anna", "person"), ("Acme", "firm")):
        tap(page.get_by_role("option", name=word))
        tap(page.get_by_role("button", name=label).first)
    tap(page.get_by_role("option", name="Anna"))
    tap(page.get_by_role("button", name="Relate from here"))
    tap(page.get_by_role("option", name="Acme"))
    tap(page.get_by_role("button", name="works for"))


def taps_shapes(page: Page, given: Any) -> None:
    """The same shapes as the other annotator's."""
    page.wait_for_selector("[data-image=ready]")
    for shape in given:
        for x, y in corners(shape):
            tap_image(page, x, y)
        tap(page.locator(".shape-chips").get_by_role("button", name=shape["label"]))


def corners(shape: Any) -> list[Any]:
    """Where to tap for a shape."""
    if "points" in shape:
        return [*shape["points"], shape["points"][0]]
    if "width" in shape:
        return [[shape["x"], shape["y"]], [shape["x"] + shape["width"], shape["y"] + shape["height"]]]
    return [[shape["x"], shape["y"]]]


def tap_image(page: Page, x: float, y: float) -> None:
    """A tap on a pixel of the image, which is brought into the middle of the screen first."""
    page.locator(".shape-frame").evaluate("frame => frame.scrollIntoView({block: 'center'})")
    spot = page.evaluate(
        """([x, y]) => {
          const svg = document.querySelector(".shape-frame svg");
          const point = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM());
          return [point.x, point.y];
        }""",
        [x, y],
    )
    tap_at(page, *spot)


def by_keys_after_image(*pressed: str) -> Act:
    def act(page: Page, _: Any) -> None:
        page.wait_for_selector("[data-image=ready]")
        press(page, *pressed)

    return act


def keys_in_a_mix(page: Page, _: Any) -> None:
    """A digit answers and goes on to the next open question; Tab leaves the drawing for the next one."""
    page.wait_for_selector("[data-image=ready]")
    press(page, "1", "n", "Shift+ArrowLeft", "1")
    rating = page.locator("answer-rating")
    for _ in range(30):
        if rating.evaluate("editor => editor.contains(document.activeElement)"):
            break
        press(page, "Tab")
    press(page, "4")


def taps_in_a_mix(page: Page, given: Any) -> None:
    tap(page.get_by_role("button", name="yes"))
    taps_shapes(page, given["cells"])
    tap(page.get_by_role("button", name="4 of 5"))


POLYGON = ["n", "Space", *["Shift+ArrowRight"] * 4, "Space", *["Shift+ArrowDown"] * 4, "Space", "Enter", "1"]
#: Type -> by keys, by taps, what is agreed on (None: what the first one gave), another tool's format, a word in it.
TYPES: dict[str, tuple[Act, Act, Any, str, str]] = {
    "choice": (keys("2"), taps("spam"), "spam", "label_studio", "spam"),
    "choices": (keys("1", "2"), taps("router", "power"), ["router", "power"], "label_studio", "router"),
    "rating": (keys("4"), taps("4 of 5"), 4, "label_studio", "4"),
    "text": (types("no power"), fills("no power"), "no power", "label_studio", "no power"),
    "number": (types("2"), fills("2.0"), "2", "label_studio", "2"),
    "spans": (
        keys(
            *["ArrowRight", "Enter", "1", *["ArrowRight"] * 3, "Enter", "2", "Escape"],
            *[*["ArrowLeft"] * 3, "Enter", ">", *["ArrowRight"] * 3, "Enter", "1"],
        ),
        taps_words,
        MARKED,
        "conll",
        "B-person",
    ),
    "ranking": (
        keys("2", "1"),
        taps("Candidate 2: Place 1", "Candidate 1: Place 2"),
        ["b", "a", "c"],
        "label_studio",
        "ranker",
    ),
    "preference": (keys("2"), taps("2 is better"), "b", "label_studio", "pairwise"),
    "dialogue": (
        types("Check the plug."),
        fills("Check the plug."),
        [{"role": "assistant", "content": "Check the plug."}],
        "label_studio",
        "Check the plug.",
    ),
    "boxes": (
        by_keys_after_image(
            *["n", *["Shift+ArrowRight"] * 5, "Shift+ArrowDown", "2"],
            *[*["Alt+Shift+ArrowRight"] * 3, *["Alt+Shift+ArrowDown"] * 5],
        ),
        taps_shapes,
        None,
        "coco",
        '"bbox"',
    ),
    "polygons": (by_keys_after_image(*POLYGON), taps_shapes, None, "coco", '"segmentation"'),
    "keypoints": (by_keys_after_image("n", "Shift+ArrowLeft", "2"), taps_shapes, None, "coco", '"keypoints"'),
    "transcription": (types("one two"), fills("one two"), "one two", "label_studio", "one two"),
    "audio-regions": (marks_regions("1", "one two"), taps_regions("speech", "one two"), None, "label_studio", "speech"),
    "video-regions": (marks_regions("1"), taps_regions("enters"), None, "label_studio", "enters"),
    "mix": (keys_in_a_mix, taps_in_a_mix, None, "coco", '"bbox"'),
}


def send(page: Page, kind: str) -> None:
    """By keys; one choice is sent with its key."""
    if kind != "choice":
        press(page, "Control+Enter")


def submit(page: Page, kind: str) -> None:
    """By touch; the button is on the screen wherever the page is scrolled to."""
    if kind == "choice":
        return
    button = page.get_by_role("button", name="Submit")
    page.evaluate("scrollTo(0, 0)")
    expect(button).to_be_in_viewport(ratio=1)
    tap(button)
