"""Rankings, preferences and dialogues in Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.apps.labeling.controls.sequence_editors.asking import (
    PHONE,
    Open,
    press,
    said,
    value,
)
from tests.chromium import tap

pytestmark = pytest.mark.browser


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
    tap(phone.get_by_role("button", name="Candidate 3: Place 1"))
    tap(phone.get_by_role("button", name="Candidate 1: Place 2"))
    assert value(phone) == ["c", "a", "b"]


def test_a_preference_is_one_key_or_tap(open_page: Open) -> None:
    page = open_page("preference", PHONE)
    press(page, "2")
    assert value(page) == "b"
    press(page, "0")
    assert (value(page), said(page)) == ("tie", "Equally good.")
    tap(page.get_by_role("button", name="1 is better"))
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
