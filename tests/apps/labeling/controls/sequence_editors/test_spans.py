"""Spans in Chromium: by keys alone, by taps alone, to the character."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.apps.labeling.controls.sequence_editors.asking import (
    PHONE,
    Open,
    parts,
    press,
    said,
    value,
    word,
)
from tests.chromium import tap

pytestmark = pytest.mark.browser


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
    tap(word(page, "Anna"))
    tap(word(page, "Schmid"))
    tap(page.get_by_role("button", name="person").first)
    tap(page.get_by_role("button", name="place").first)
    tap(word(page, "Berlin"))
    tap(word(page, "Berlin"))
    assert parts(page) == [("Anna Schmid", "person"), ("Berlin", "place")]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
