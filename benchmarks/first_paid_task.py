"""From the landing page to the first paid answer in the earnings, as somebody does who has never been here.

On a phone of 390 px without an account: Start earning, Start, the answer, Earnings. Before each click the visitor
reads, at `WORDS_PER_MINUTE`, every word on the screen that was not read before, from the top down to what is clicked;
before an answer all of the screen, with task and instruction. A click takes `CLICK_S` beside: deciding and moving
there. The clock runs from the request of the landing page until the earnings show the pay, and includes all loading
and the consensus of two annotators (the other one has answered before). `make bench NAME=first_paid_task` really waits
for all of it; the test adds the times up instead of waiting.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from playwright.sync_api import Locator, Page, sync_playwright

from apps.core import outbox
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.labeling import services, uploads
from apps.labeling.models import Order
from apps.tenancy.types import Actor
from benchmarks.people import CHROMIUM, FLAGS, PHONE, annotator, requester
from sahara_platform.embedded.live import served

WORDS_PER_MINUTE = 250
CLICK_S = 1.2
MOST_CLICKS = 4
MOST_SECONDS = 60
PRICE = Money(4)
TEXTS = ["You have won a car! Send your PIN to claim it.", "The meeting is moved to Tuesday at ten."]
ANSWERS = {TEXTS[0]: "spam", TEXTS[1]: "ham"}

WORDS_ON_SCREEN = """
(target) => {
  const found = [];
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const range = document.createRange();
    range.selectNodeContents(node);
    const { top, bottom, width } = range.getBoundingClientRect();
    const isSeen = node.textContent.trim() && width > 1 && bottom > 0 && top < innerHeight
      && node.parentElement.checkVisibility({ visibilityProperty: true });
    if (isSeen) found.push(node.textContent.trim());
    if (target?.contains(node)) break;
  }
  return found;
}
"""


@dataclass
class Visitor:
    """Somebody at a page: reads, clicks, and how long that takes a person."""

    page: Page
    is_waiting: bool
    clicks: int = 0
    human_s: float = 0.0
    words: int = 0
    _read: set[str] = field(default_factory=set)

    def read(self, until: Locator | None = None) -> None:
        """Read what is new on the screen, down to an element or all of it."""
        target = until.element_handle() if until is not None else None
        new = [text for text in self.page.evaluate(WORDS_ON_SCREEN, target) if text not in self._read]
        self._read.update(new)
        words = sum(len(text.split()) for text in new)
        self.words += words
        self._spend(words * 60 / WORDS_PER_MINUTE)

    def click(self, element: Locator) -> None:
        """Decide, go there, tap."""
        self._spend(CLICK_S)
        element.tap()
        self.clicks += 1

    def _spend(self, seconds: float) -> None:
        self.human_s += seconds
        if self.is_waiting:
            self.page.wait_for_timeout(seconds * 1_000)


def walk(page: Page, *, is_waiting: bool) -> dict[str, Any]:
    """The way from the landing page to the earnings; clicks, seconds, words read.

    Args:
        is_waiting: wait as long as a person takes; otherwise that time is added to the machine's.
    """
    visitor = Visitor(page, is_waiting)
    started = time.monotonic()
    page.goto("/")
    start_earning = page.get_by_role("link", name="Start earning")
    visitor.read(until=start_earning)
    visitor.click(start_earning)
    start = page.get_by_role("button", name="Start").first
    visitor.read(until=start)
    visitor.click(start)
    page.wait_for_selector("task-player[data-ready]")
    visitor.read()
    text = page.locator('[data-input="text"]').inner_text()
    visitor.click(page.get_by_role("button", name=ANSWERS[text]))
    page.wait_for_selector('[data-part="keep"]:not([hidden])')
    visitor.click(page.get_by_role("navigation", name="Quick").get_by_role("link", name="Earnings"))
    page.locator("main").get_by_text(str(PRICE)).first.wait_for()
    passed = time.monotonic() - started
    return {
        "clicks": visitor.clicks,
        "seconds": round(passed if is_waiting else passed + visitor.human_s, 1),
        "human_seconds": round(visitor.human_s, 1),
        "words_read": visitor.words,
    }


def half_answered_order(owner: Actor, other: Actor) -> Order:
    """An order in which each task has one of its two answers."""
    with tenant_scope(owner.organisation_id):
        order = services.create_order(
            actor=owner,
            title="Spam or not?",
            instruction="Is the message **spam**, something that nobody asked for? If not, it is **ham**.",
            classes=["ham", "spam"],
            price=PRICE,
            redundancy=2,
            table=uploads.read_rows([{"text": text} for text in TEXTS]),
        )
        services.launch_order(actor=owner, order_id=order.id)
    with tenant_scope(other.organisation_id):
        for task in services.lease_tasks(actor=other, order_id=order.id, count=len(TEXTS)).tasks:
            answer = {"label": ANSWERS[task.data["text"]]}
            services.submit_annotation(actor=other, assignment_id=task.assignment_id, answer=answer, elapsed_ms=3_000)
    return order


@contextmanager
def worker() -> Iterator[None]:
    """Delivers events, as a worker does."""
    stop = threading.Event()

    def work() -> None:
        from django.db import connections  # this thread's own

        while not stop.is_set():
            outbox.drain()
            stop.wait(0.1)
        connections.close_all()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    stop.set()
    thread.join(timeout=30)


def run() -> dict[str, Any]:
    """Walk at a person's speed; clicks and seconds beside what they may be."""
    # Playwright's synchronous API keeps an event loop in this thread, in which Django would refuse its ORM.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    half_answered_order(requester(), annotator())
    with served() as url, worker(), sync_playwright() as playwright:
        settings.PUBLIC_URL = url
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        found = walk(browser.new_context(base_url=url, **PHONE).new_page(), is_waiting=True)
        browser.close()
    return {**found, "most_clicks": MOST_CLICKS, "most_seconds": MOST_SECONDS}
