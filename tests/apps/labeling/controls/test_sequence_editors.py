"""Editors of text, time and candidates in Chromium: by keys alone, by taps alone, to the character."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from apps.labeling.controls.base import control_from_json
from examples.task_types.media import sound
from tests.apps.labeling.controls.editor_page import CSP, DIST, ORIGIN, PAGE, SCRIPT, manifest, parts_of
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.page_checks import SCREENSHOTS, TAKE_SCREENSHOTS, axe_violations

pytestmark = pytest.mark.browser

TEXT = "😀 Anna Schmid works in Berlin for Acme Inc.\nShe said: “It is 👩‍👩‍👧 time.”"
LABELS = [{"name": "person", "key": "1"}, {"name": "place", "key": "2"}, {"name": "firm", "key": "3"}]
RELATIONS = [{"name": "works for", "key": "1"}, {"name": "lives in", "key": "2"}]
SOUNDS = [{"name": "speech", "key": "1"}, {"name": "noise", "key": "2"}]
CANDIDATES = [{"key": "a", "text": "Short."}, {"key": "b", "text": "It is long. " * 20}, {"key": "c", "text": "Third."}]
SOUND = {"media": "m", "url": "/sound.wav", "content_type": "audio/wav", "bytes": 48_044, "duration_ms": 3_000}
CONTROLS: dict[str, dict[str, Any]] = {
    "spans": {"classes": LABELS, "relation_classes": RELATIONS, "overlap": False},
    "regions": {"classes": SOUNDS, "text": True, "overlap": False},
    "transcription": {},
    "ranking": {},
    "preference": {"tie": True},
    "dialogue": {"roles": ["user", "assistant"], "least": 2, "most": 3},
}
DATA: dict[str, Any] = {
    "spans": TEXT,
    "regions": SOUND,
    "transcription": SOUND,
    "ranking": CANDIDATES,
    "preference": CANDIDATES[:2],
    "dialogue": [{"role": "user", "content": "Bread?"}],
}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
#: Gzip, beside what the player has loaded anyway.
MOST_BYTES = 8_000
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, "--autoplay-policy=no-user-gesture-required"]
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Open]:
    """`open_page(kind, options of the context, value=…, theme=…, **parts of the control)`."""
    contexts, problems = [], []

    def make(kind: str, options: dict[str, Any] | None = None, *, value: Any = None, **given: Any) -> Page:
        context = chromium.new_context(**{"viewport": {"width": 1000, "height": 900}, **(options or {})})
        contexts.append(context)
        context.route("**/*", _served(kind, value, given.pop("theme", "sahara"), given))
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if "Content Security" in said.text else None)
        page.goto(f"{ORIGIN}/")
        page.wait_for_selector(f"answer-{kind}[data-ready]")
        return page

    yield make
    for context in contexts:
        context.close()
    assert not problems, problems


def _served(kind: str, value: Any, theme: str, given: dict[str, Any]) -> Callable[[Route], None]:
    source = f"src/labeling/editors/{kind}.ts"
    styles = [manifest()["src/core/site.ts"]["css"][0], *(path for path in parts_of(source) if path.endswith(".css"))]
    config = {"type": kind, "name": "what", "input": "input", "title": "", "required": True, **CONTROLS[kind], **given}
    script = SCRIPT.format(
        module=f"/static/dist/{manifest()[source]['file']}",
        tag=f"answer-{kind}",
        control=json.dumps(config),
        data=json.dumps({"input": DATA[kind]}),
        value="undefined" if value is None else json.dumps(value),
    )
    page = PAGE.format(theme=theme, styles="".join(f'<link rel="stylesheet" href="/static/dist/{p}">' for p in styles))

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(ORIGIN)
        if path == "/":
            route.fulfill(body=page, content_type="text/html", headers={"Content-Security-Policy": CSP})
        elif path == "/page.js":
            route.fulfill(body=script, content_type="text/javascript")
        elif path == "/sound.wav":
            route.fulfill(body=sound(), content_type="audio/wav", headers={"Accept-Ranges": "bytes"})
        elif path.startswith("/static/dist/"):
            route.fulfill(path=DIST / path.removeprefix("/static/dist/"))
        else:
            route.fulfill(status=404)

    return answer


def value(page: Page) -> Any:
    """The answer as the server stores it: what the editor gives must be in that form already."""
    found = page.evaluate("editor.value ?? null")
    if found is not None:
        control = control_from_json(page.evaluate("editor.control"))
        assert control.clean(found, page.evaluate("editor.data")) == found
    return found


def said(page: Page) -> str:
    return page.locator("#said").inner_text()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def parts(page: Page) -> list[tuple[str, str]]:
    return [(TEXT[one["start"] : one["end"]], one["label"]) for one in value(page)["spans"]]


def word(page: Page, text: str) -> Any:
    return page.get_by_role("option", name=text, exact=True)


def media_time(page: Page) -> float:
    return float(page.evaluate("document.querySelector('audio').currentTime"))


# -- spans


def test_spans_by_keys_alone_count_code_points(open_page: Open) -> None:
    page = open_page("spans")
    page.evaluate("editor.focus()")
    press(page, "ArrowRight", "Shift+ArrowRight", "1")
    assert value(page)["spans"] == [{"start": 2, "end": 13, "label": "person"}]
    press(page, *["ArrowRight"] * 3, "Enter", "2", "ArrowRight", "ArrowRight", "Shift+ArrowRight", "3")
    press(page, "End", "ArrowLeft", "ArrowLeft", "ArrowLeft", "Enter", "1")
    assert parts(page) == [("Anna Schmid", "person"), ("Berlin", "place"), ("Acme Inc", "firm"), ("👩‍👩‍👧", "person")]
    press(page, "Home", "ArrowRight", "Enter", "3", "Escape")
    assert parts(page)[0] == ("Anna Schmid", "firm")
    press(page, "Enter", "Delete")
    assert len(parts(page)) == 3


def test_a_relation_is_two_spans_and_a_key(open_page: Open) -> None:
    spans = [{"start": 2, "end": 13, "label": "person"}, {"start": 34, "end": 38, "label": "firm"}]
    page = open_page("spans", value={"spans": spans, "relations": []})
    page.evaluate("editor.focus()")
    press(page, "ArrowRight", "Enter", ">")
    assert said(page) == "Relation from “Anna Schmid”: choose the other part."
    press(page, *["ArrowRight"] * 6, "Enter", "1")
    assert value(page)["relations"] == [{"from": 0, "to": 1, "label": "works for"}]
    expect(page.get_by_text("“Anna Schmid” → works for → “Acme”")).to_be_visible()
    page.get_by_role("button", name="Remove “Anna Schmid”, person").click()
    assert value(page) == {"spans": [spans[1]], "relations": []}
    assert page.evaluate("document.activeElement.getAttribute('role')") == "option"


def test_the_mouse_marks_to_the_character_and_buttons_move_the_bounds(open_page: Open) -> None:
    page = open_page("spans")
    box = word(page, "Berlin").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 1, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, middle, steps=4)
    page.mouse.up()
    press(page, "2")
    ((part, label),) = parts(page)
    assert ("Berlin".startswith(part), 0 < len(part) < 6, label) == (True, True, "place")
    word(page, "Berlin, place").click()
    for _ in range(6 - len(part)):
        page.get_by_role("button", name="End +").click()
    page.get_by_role("button", name="Start +").click()
    assert parts(page) == [("erlin", "place")]


def test_spans_that_may_not_overlap_are_refused_with_words(open_page: Open) -> None:
    page = open_page("spans", value={"spans": [{"start": 2, "end": 13, "label": "person"}], "relations": []})
    word(page, "works").click()
    word(page, "Anna, person").click()
    press(page, "2")
    assert said(page) == "“Anna Schmid works” overlaps “Anna Schmid”; remove that first."
    assert len(parts(page)) == 1
    nested = open_page("spans", overlap=True, value={"spans": [{"start": 2, "end": 13, "label": "person"}]})
    word(nested, "works").click()
    word(nested, "Anna, person").click()
    press(nested, "3")
    assert [label for _, label in parts(nested)] == ["person", "firm"]


def test_spans_on_a_phone_are_two_taps_and_a_label(open_page: Open) -> None:
    page = open_page("spans", PHONE)
    word(page, "Anna").tap()
    word(page, "Schmid").tap()
    page.get_by_role("button", name="person").first.tap()
    page.get_by_role("button", name="place").first.tap()
    word(page, "Berlin").tap()
    word(page, "Berlin").tap()
    assert parts(page) == [("Anna Schmid", "person"), ("Berlin", "place")]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


# -- regions and transcription


def test_regions_by_keys_alone(open_page: Open) -> None:
    page = open_page("regions")
    page.wait_for_selector(".marks-line path[d]", state="attached")
    page.get_by_label("Playhead").focus()
    press(page, *["ArrowRight"] * 20, "[", *["ArrowRight"] * 50, "]", "1")
    page.keyboard.type("one two")
    assert value(page) == [{"start_ms": 200, "end_ms": 700, "label": "speech", "text": "one two"}]
    press(page, "Escape")
    page.get_by_label("End of region 1").fill("0.9")
    press(page, "Tab")
    assert value(page)[0]["end_ms"] == 900
    page.get_by_label("End of region 1").fill("0.1")
    press(page, "Tab")
    assert said(page) == "The end comes after the start: set one of them again."
    assert (value(page)[0]["end_ms"], page.get_by_label("End of region 1").input_value()) == (900, "0.90")
    page.get_by_label("Playhead").focus()
    press(page, "2")
    assert value(page)[0]["label"] == "noise"
    press(page, "Delete")
    assert value(page) is None


def test_regions_that_may_not_overlap_or_outlast_the_recording_are_refused(open_page: Open) -> None:
    page = open_page("regions", value=[{"start_ms": 200, "end_ms": 700, "label": "speech"}], text=False)
    page.get_by_label("Playhead").focus()
    press(page, *["ArrowRight"] * 50, "i", *["ArrowRight"] * 50, "o", "2")
    assert "overlaps speech" in said(page)
    page.get_by_label("End of region 1").fill("3.5")
    press(page, "Tab")
    assert said(page) == "The recording ends at 3.00 s."
    assert len(value(page)) == 1


def test_regions_on_a_phone_are_taps_on_line_and_buttons(open_page: Open) -> None:
    page = open_page("regions", PHONE, text=False)
    line = page.locator(".marks-line")
    page.wait_for_selector(".marks-line path[d]", state="attached")
    width = (line.bounding_box() or {"width": 0})["width"]
    line.tap(position={"x": width / 3, "y": 20})
    page.get_by_role("button", name="Start here").tap()
    line.tap(position={"x": 2 * width / 3, "y": 20})
    page.get_by_role("button", name="speech").tap()
    (region,) = value(page)
    assert abs(region["start_ms"] - 1_000) < 20
    assert abs(region["end_ms"] - 2_000) < 20
    page.get_by_role("button", name="Play region 1").tap()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_recording_is_driven_while_typing(open_page: Open) -> None:
    page = open_page("transcription")
    page.evaluate("editor.focus()")
    press(page, "Control+.")
    assert media_time(page) == 3
    press(page, "Control+,", "Control+Shift+.")
    assert media_time(page) == 0
    assert page.evaluate("document.querySelector('audio').playbackRate") == 1.25
    press(page, "Control+ ")
    page.keyboard.type("one two")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    press(page, "Control+ ")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    assert value(page) == "one two"
    page.get_by_label("What is said").fill(" ")
    assert value(page) is None


# -- candidates and dialogues


def test_a_ranking_is_a_number_for_each_place(open_page: Open) -> None:
    page = open_page("ranking")
    press(page, "2")
    assert value(page) is None
    assert page.evaluate("editor.problem()") != ""
    press(page, "1")
    assert value(page) == ["b", "a", "c"]
    page.get_by_role("button", name="Candidate 3 one place up").click()
    assert value(page) == ["b", "c", "a"]
    press(page, "Backspace")
    assert value(page) is None
    assert said(page) == "So far 2, 3."
    phone = open_page("ranking", PHONE)
    phone.get_by_role("button", name="Candidate 3: Place 1").tap()
    phone.get_by_role("button", name="Candidate 1: Place 2").tap()
    assert value(phone) == ["c", "a", "b"]


def test_a_preference_is_one_key_or_tap(open_page: Open) -> None:
    page = open_page("preference", PHONE)
    press(page, "2")
    assert value(page) == "b"
    press(page, "0")
    assert (value(page), said(page)) == ("tie", "Equally good.")
    page.get_by_role("button", name="1 is better").tap()
    assert value(page) == "a"
    strict = open_page("preference", tie=False)
    press(strict, "0", "3")
    assert value(strict) is None


def test_a_dialogue_goes_on_from_the_one_shown(open_page: Open) -> None:
    page = open_page("dialogue")
    assert page.get_by_label("Turn 1: who speaks").input_value() == "assistant"
    page.get_by_label("Turn 1: text").fill("Yes.")
    assert page.evaluate("editor.problem()") == "Turn 2 is empty; write something, or remove it."
    page.get_by_label("Turn 2: text").fill("Which?")
    assert page.evaluate("editor.problem()") == ""
    assert value(page) == [{"role": "assistant", "content": "Yes."}, {"role": "user", "content": "Which?"}]
    page.get_by_role("button", name="Add assistant turn").click()
    page.keyboard.type("Rye.")
    assert value(page)[2] == {"role": "assistant", "content": "Rye."}
    expect(page.get_by_role("button", name="Add assistant turn")).to_be_hidden()
    page.get_by_role("button", name="Remove turn 1").click()
    assert [turn["content"] for turn in value(page)] == ["Which?", "Rye."]
    page.get_by_role("button", name="Remove turn 1").click()
    assert page.evaluate("editor.problem()") == "Write 2 turns; there are 1."


# -- all


VALUES: dict[str, Any] = {
    "spans": {
        "spans": [{"start": 2, "end": 13, "label": "person"}, {"start": 34, "end": 38, "label": "firm"}],
        "relations": [{"from": 0, "to": 1, "label": "works for"}],
    },
    "regions": [{"start_ms": 1_000, "end_ms": 2_000, "label": "speech", "text": "one"}],
    "transcription": "one two",
    "ranking": ["b", "a", "c"],
    "preference": "a",
    "dialogue": [{"role": "assistant", "content": "Yes."}, {"role": "user", "content": "Which?"}],
}


@pytest.mark.parametrize("kind", ["spans", "regions"])
def test_nothing_to_mark_is_said_and_never_guessed(kind: str, open_page: Open) -> None:
    page = open_page(kind)
    assert value(page) is None
    assert "nothing to mark" in page.evaluate("editor.problem()")
    press(page, "0")
    assert value(page) == ([] if kind == "regions" else {"spans": [], "relations": []})
    assert page.evaluate("editor.problem()") == ""
    page.get_by_label("There is nothing to mark").click()
    assert value(page) is None


@pytest.mark.parametrize("kind", list(CONTROLS))
def test_a_task_that_is_only_shown_cannot_be_changed_and_the_next_starts_afresh(kind: str, open_page: Open) -> None:
    page = open_page(kind, value=VALUES[kind])
    assert value(page) == VALUES[kind]
    page.evaluate("editor.setAttribute('readonly', '')")
    press(page, "1", "2", "0", "[", "]", "Delete", "Backspace")
    assert page.evaluate("editor.value") == VALUES[kind]
    assert page.evaluate("changes") == 0
    page.evaluate("editor.removeAttribute('readonly'); editor.data = editor.data; editor.value = undefined")
    assert value(page) is None
    assert page.evaluate("editor.problem()") != ""


@pytest.mark.parametrize("theme", ["sahara", "sahara-dark"])
@pytest.mark.parametrize("kind", list(CONTROLS))
def test_nothing_is_inaccessible_or_too_small_for_a_finger(kind: str, theme: str, open_page: Open) -> None:
    options = PHONE if theme == "sahara-dark" else None
    page = open_page(kind, options, value=VALUES[kind], theme=theme)
    if kind == "spans":
        page.get_by_role("button", name="Anna Schmid person").click()
    if TAKE_SCREENSHOTS:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.wait_for_timeout(500)
        page.screenshot(path=SCREENSHOTS / f"answer-{kind}-{theme}.png", full_page=True)
    assert axe_violations(page) == []
    if options:
        small = page.eval_on_selector_all(
            "main button, main select, main input:not([type=checkbox], [type=range])",
            "all => all.filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 43.9)"
            ".map((one) => one.outerHTML)",
        )
        assert small == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("kind", list(CONTROLS))
def test_each_editor_is_light(kind: str) -> None:
    own = set(parts_of(f"src/labeling/editors/{kind}.ts")) - set(parts_of("src/labeling/player.ts"))
    assert sum(len(gzip.compress((DIST / part).read_bytes(), 9)) for part in own) <= MOST_BYTES
