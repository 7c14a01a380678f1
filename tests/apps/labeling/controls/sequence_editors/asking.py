"""What tests of the editors of text, time and candidates share: questions of each type, and how the page is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from apps.labeling.controls.base import control_from_json

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
