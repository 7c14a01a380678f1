"""From the gallery of templates to a published agent with an own document, as a beginner does it on a desk.

Choose a template, give the agent a name, add one file, ask a ready question, publish, open the public page. Before each
click the person reads, at `WORDS_PER_MINUTE`, every word on the screen that was not read before, down to what is
clicked (of the gallery: all of it; of the form: down to the file; then the whole answer). A click takes `CLICK_S`
beside, typing `SECONDS_A_KEY` a key, choosing the file in the system's own window `FILE_S` and two clicks, which are
counted. The clock runs from the request of the gallery until the public page is shown and includes all loading, reading
of the document and the written answer. `make bench NAME=published_agent` really waits for all of it; the test adds the
times up instead of waiting.

Beside it, how soon an answer is on the screen, from the press of Enter: `sources_ms` the passages, `quote_ms` the
documents' own words, `first_token_s` the model's first ones; medians of `ASKED` questions after one to warm up.
"""

from __future__ import annotations

import os
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from playwright.sync_api import Page, sync_playwright

from benchmarks.first_paid_task import CLICK_S, Visitor, worker
from benchmarks.people import CHROMIUM, FLAGS, requester, session_of
from sahara_platform.embedded.live import served
from tests.gpu_runner.runner_fixtures import RunnerProcess

SECONDS_A_KEY = 0.28
FILE_S = 6.0
FILE_CLICKS = 2
MOST_CLICKS, MOST_CHARACTERS, MOST_SECONDS = 6, 60, 180
NAME = "Bike shop help"
FILE = "repairs.md"
DOCUMENT = """# Repairs

## Prices

A flat tyre costs 14 euros and is done while you wait. A full service costs 79 euros and takes two working days.

## Guarantee

Repairs have a guarantee of six months. Bring the receipt and the bike.
"""
ASKED = (
    "How much does a flat tyre cost?",
    "How long does a full service take?",
    "Which guarantee do repairs have?",
    "What do I have to bring?",
    "How much is a full service?",
)
WATCH = """
() => {
  const seen = (window.seen = []);
  document.addEventListener("agent-chat:event", ({ detail }) =>
    requestAnimationFrame(() => seen.push([detail.name, performance.now()])));
  document.addEventListener("keydown", ({ key }) => key === "Enter" && seen.push(["asked", performance.now()]), true);
}
"""


class Builder(Visitor):
    """A visitor with a mouse and a keyboard."""

    characters: int = 0

    def press(self, element: Any) -> None:
        """Decide, go there, click."""
        self._spend(CLICK_S)
        element.click()
        self.clicks += 1

    def write(self, element: Any, text: str) -> None:
        """Click into a field, which selects what is in it, and type."""
        self.press(element)
        element.press("ControlOrMeta+a")
        self._spend(len(text) * SECONDS_A_KEY)
        element.press_sequentially(text)
        self.characters += len(text)

    def give(self, element: Any, path: Path) -> None:
        """Choose a file: the button, the window, the file in it."""
        self._spend(FILE_S)
        self.clicks += FILE_CLICKS
        element.set_input_files(path)


def walk(page: Page, folder: Path, *, is_waiting: bool) -> dict[str, Any]:
    """The way from the gallery to the public page; clicks, characters, seconds, words read.

    Args:
        is_waiting: wait as long as a person takes; otherwise that time is added to the machine's.
    """
    path = folder / FILE
    path.write_text(DOCUMENT)
    person = Builder(page, is_waiting)
    started = time.monotonic()
    page.goto("/agents/")
    person.read()
    person.press(page.get_by_role("button", name=re.compile("Use this.*Support desk")))
    page.wait_for_selector("agent-form[data-ready]")
    file = page.locator("input[name=file][type=file]").first
    person.read(until=file)
    person.write(page.get_by_label("Name"), NAME)
    person.give(file, path)
    page.locator("live-region").get_by_text(FILE).wait_for()
    page.locator("live-region").get_by_text("Ready", exact=False).first.wait_for()
    person.press(page.locator("[data-starters] button").first)
    page.wait_for_selector("agent-chat article[data-turn]")
    person.read()
    person.press(page.get_by_role("button", name="Publish", exact=True).first)
    link = page.locator("main a[href*='/a/']").first
    link.wait_for()
    address = link.get_attribute("href") or ""
    passed = time.monotonic() - started
    return {
        "clicks": person.clicks,
        "characters": person.characters,
        "seconds": round(passed if is_waiting else passed + person.human_s, 1),
        "human_seconds": round(person.human_s, 1),
        "words_read": person.words,
        "address": address,
    }


def speed(page: Page, address: str) -> dict[str, Any]:
    """How soon the parts of an answer are on the screen of the public page."""
    page.goto(address)
    page.wait_for_selector("agent-chat[data-ready]")
    page.evaluate(WATCH)
    times = [_ask(page, question, number) for number, question in enumerate(ASKED, start=1)][1:]
    names = ("found", "started", "delta", "finished")
    median = {name: statistics.median(one[name] for one in times if name in one) for name in names}
    return {
        "sources_ms": round(median["found"]),
        "quote_ms": round(median["started"]),
        "first_token_s": round(median["delta"] / 1000, 2),
        "whole_answer_s": round(median["finished"] / 1000, 2),
    }


def _ask(page: Page, question: str, number: int) -> dict[str, float]:
    page.evaluate("() => { window.seen.length = 0; }")
    box = page.locator("#chat-question")
    box.fill(question)
    box.press("Enter")
    page.wait_for_selector(f"agent-chat article[data-turn] >> nth={number - 1}", timeout=120_000)
    seen = page.evaluate("() => window.seen")
    asked = next(at for name, at in seen if name == "asked")
    first: dict[str, float] = {}
    for name, at in seen:
        first.setdefault(name, at - asked)
    return first


def run() -> dict[str, Any]:
    """Walk at a person's speed, then ask; figures beside what they may be."""
    # Playwright's synchronous API keeps an event loop in this thread, in which Django would refuse its ORM.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with tempfile.TemporaryDirectory() as folder:
        runner = RunnerProcess(Path(folder) / "runner", environment={"OMP_NUM_THREADS": "2"}).start()
        settings.RUNNER = {"url": runner.url, "token": runner.token}
        try:
            return _measured(Path(folder))
        finally:
            runner.stop()


def _measured(folder: Path) -> dict[str, Any]:
    actor = requester()
    with served() as url, worker(), sync_playwright() as playwright:
        settings.PUBLIC_URL = url
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 900})
        context.add_cookies([{"name": "sessionid", "value": session_of(actor), "url": url}])
        page = context.new_page()
        found = walk(page, folder, is_waiting=True)
        found |= speed(page, found.pop("address"))
        browser.close()
    limits = {"most_clicks": MOST_CLICKS, "most_characters": MOST_CHARACTERS, "most_seconds": MOST_SECONDS}
    return {**found, **limits}
