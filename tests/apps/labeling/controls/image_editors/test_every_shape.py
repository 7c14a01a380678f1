"""What holds for every image editor: shown only, the next task, images that fail, looks and weight."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.apps.labeling.controls.editor_page import HEIGHT, ROOT, WIDTH, weight_kb
from tests.apps.labeling.controls.image_editors.drawing import (
    BOX,
    KINDS,
    PHONE,
    VALUES,
    Open,
    click,
    drag,
    press,
    value,
)
from tests.browser.page_checks import SCREENSHOTS, TAKE_SCREENSHOTS, axe_violations

pytestmark = pytest.mark.browser


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
