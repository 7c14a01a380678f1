"""Chromium for tests: one way to start it, patience for slow machines, and tabs that are used again.

A new tab costs more than the page in it: a test that only looks at a page takes a kept tab, emptied of what was before.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
]
#: How long to wait for what must come. It says nothing of how fast anything is: a busy machine may be very slow.
PATIENCE_MS = 60_000

expect.set_options(timeout=PATIENCE_MS)

NEXT_FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@contextmanager
def launched(*flags: str) -> Iterator[Browser]:
    """A running browser. While it lives, this thread has a running event loop."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags], timeout=PATIENCE_MS)
        yield browser
        browser.close()


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """A context that knows nothing of others and waits with patience."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE_MS)
    return context


def tap(target: Locator, **options: Any) -> None:
    """A finger on an element, until the page has dealt with it: Chromium makes the click after the touch is over."""
    target.tap(**options)
    target.page.evaluate(NEXT_FRAME)


def tap_at(page: Page, x: float, y: float) -> None:
    """A finger on a point of the screen, until the page has dealt with it."""
    page.touchscreen.tap(x, y)
    page.evaluate(NEXT_FRAME)


class KeptTabs:
    """One tab for each set of options; who takes one finds it without cookies, stored values and handlers."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._tabs: dict[str, Page] = {}

    def take(self, **options: Any) -> Page:
        """The tab, on an empty page."""
        key = json.dumps(options, sort_keys=True)
        page = self._tabs.get(key)
        if page is None:
            page = self._tabs[key] = new_context(self._browser, **options).new_page()
            return page
        origin = page.evaluate("origin")
        page.mouse.move(0, 0)
        page.goto("about:blank")
        page.unroute_all(behavior="ignoreErrors")
        page.context.clear_cookies()
        if origin != "null":
            session = page.context.new_cdp_session(page)
            session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
            session.detach()
        if "viewport" in options:
            page.set_viewport_size(options["viewport"])
        return page
