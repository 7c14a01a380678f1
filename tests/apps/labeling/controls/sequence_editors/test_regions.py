"""Regions of time and transcriptions in Chromium: by keys alone and by taps alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.apps.labeling.controls.sequence_editors.asking import (
    PHONE,
    Open,
    media_time,
    press,
    said,
    value,
)
from tests.chromium import tap

pytestmark = pytest.mark.browser


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
    tap(line, position={"x": width / 3, "y": 20})
    tap(page.get_by_role("button", name="Start here"))
    tap(line, position={"x": 2 * width / 3, "y": 20})
    tap(page.get_by_role("button", name="speech"))
    (region,) = value(page)
    assert abs(region["start_ms"] - 1_000) < 20
    assert abs(region["end_ms"] - 2_000) < 20
    tap(page.get_by_role("button", name="Play region 1"))
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
