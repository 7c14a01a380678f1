"""What holds for every editor of text, time and candidates: shown only, looks and weight."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from tests.apps.labeling.controls.editor_page import DIST, parts_of
from tests.apps.labeling.controls.sequence_editors.asking import (
    CONTROLS,
    MOST_BYTES,
    PHONE,
    Open,
    press,
    value,
)
from tests.browser.page_checks import SCREENSHOTS, TAKE_SCREENSHOTS, axe_violations

pytestmark = pytest.mark.browser


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
