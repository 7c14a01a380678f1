"""From the key press or tap to the next task on the screen, in Chromium as a middling phone: a quarter of this
machine's speed, 150 ms there and back, 1.6 Mbit/s, 390 px.

The page measures itself. The clock starts with the event's own time stamp, when the browser first saw the press, and
stops at the message after the first frame in which the next task is there, its picture included. `event_timing`
is the browser's own figure for the same presses, to the presented frame, in steps of 8 ms and from 16 ms on.

A person thinks about each task for `THINK_S`; in that time answers leave and further tasks come, three ahead.
Two kinds of text and two of pictures: one choice is one press; boxes are drawn, then sent with Ctrl+Enter.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from statistics import median
from typing import Any

from django.conf import settings
from playwright.sync_api import Browser, Page, sync_playwright

from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.labeling import services, uploads
from apps.labeling.design import Design
from apps.labeling.models import Order
from apps.tenancy.types import Actor
from benchmarks.people import CHROMIUM, FLAGS, PHONE, annotator, requester, session_of
from examples.task_types.media import photo, stored_photo
from sahara_platform.embedded.live import served

CPU_SLOWDOWN = 4
NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
THINK_S = 1.2
TASKS = 20
PHOTO_SIZE = (1024, 768)
GOAL_MS = 50

CHOICE = {"type": "choice", "name": "label", "input": "item", "title": "", "classes": ["one", "two"]}
BOXES = {"type": "boxes", "name": "cells", "input": "item", "title": "Cells", "classes": ["cell"]}

MEASURE = """
() => {
  const shown = () => [...document.querySelectorAll('[data-input] > *, .shape-frame image')]
    .filter((element) => element.checkVisibility())
    .map((element) => element.getAttribute("src") ?? element.getAttribute("href") ?? element.textContent)
    .join();
  const isWhole = () => [...document.querySelectorAll("[data-input] img")]
    .filter((image) => image.checkVisibility())
    .every((image) => image.complete && image.naturalWidth > 0);
  window.times = [];
  window.reported = [];
  const after = new MessageChannel();
  let start = 0;
  after.port1.onmessage = () => window.times.push(performance.now() - start);
  const time = (event) => {
    const before = shown();
    start = event.timeStamp;
    const look = () => shown() !== before && shown() !== "" && isWhole()
      ? after.port2.postMessage("")
      : requestAnimationFrame(look);
    requestAnimationFrame(look);
  };
  document.addEventListener("keydown", (event) => { if (event.key === "1" || event.ctrlKey) time(event); }, true);
  document.addEventListener("pointerup", time, true);
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.name === "keydown" || entry.name === "click") window.reported.push(entry.duration);
    }
  }).observe({ type: "event", durationThreshold: 16 });
}
"""


def run() -> dict[str, Any]:
    """Measure; medians, 95th percentiles and the longest, in milliseconds."""
    # Playwright's synchronous API keeps an event loop in this thread, in which Django would refuse its ORM.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    owner, worker = requester(), annotator()
    cases: dict[str, tuple[Order, Callable[[Page], None]]] = {
        "text_key": (_order(owner, "text", CHOICE), lambda page: page.keyboard.press("1")),
        "text_tap": (_order(owner, "text", CHOICE), _tap),
        "image_key": (_order(owner, "image", CHOICE), lambda page: page.keyboard.press("1")),
        "boxes_submit": (_order(owner, "image", BOXES), lambda page: page.keyboard.press("Control+Enter")),
    }
    found: dict[str, Any] = {"goal_median_ms": GOAL_MS, "cpu_slowdown": CPU_SLOWDOWN, "tasks": TASKS}
    with served() as url, sync_playwright() as playwright:
        settings.PUBLIC_URL = url  # signed addresses of files begin with it
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name, (order, press) in cases.items():
            found[name] = _measured(browser, url, session_of(worker), order, press)
        browser.close()
    return found


def _measured(
    browser: Browser, url: str, session: str, order: Order, press: Callable[[Page], None]
) -> dict[str, float]:
    context = browser.new_context(base_url=url, **PHONE)
    context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
    page = context.new_page()
    phone = context.new_cdp_session(page)
    phone.send("Network.emulateNetworkConditions", NETWORK)
    phone.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWDOWN})
    page.goto(f"/work/{order.id}/")
    page.get_by_role("button", name="Start the first task").tap()
    page.wait_for_selector("task-player[data-ready]")
    page.evaluate(MEASURE)
    for done in range(TASKS):
        page.wait_for_timeout(THINK_S * 1_000)
        if "cells" in str(order.design):
            page.keyboard.press("n")
            page.wait_for_timeout(THINK_S * 1_000)
        press(page)
        while page.evaluate("window.times.length") <= done:
            page.wait_for_timeout(50)
    times, reported = sorted(page.evaluate("window.times")), page.evaluate("window.reported")
    context.close()
    return {
        "median_ms": round(median(times), 1),
        "p95_ms": round(times[int(0.95 * (len(times) - 1))], 1),
        "longest_ms": round(times[-1], 1),
        "event_timing_median_ms": median(reported) if reported else 16,
    }


def _tap(page: Page) -> None:
    page.get_by_role("button", name="one").tap()


def _order(owner: Actor, shown: str, asked: dict[str, Any]) -> Order:
    """An order with enough tasks, each with a text or a picture of its own."""
    design = {"inputs": [{"name": "item", "type": shown, "title": ""}], "controls": [asked]}
    with tenant_scope(owner.organisation_id):
        rows = [{"id": f"n{n}", "item": _item(owner, shown, n)} for n in range(TASKS + 4)]
        order = services.create_order(
            actor=owner,
            title="How fast is the player?",
            instruction="Answer at your own speed.",
            price=Money(1),
            redundancy=1,
            gold_percent=0,
            design=design,
            table=uploads.read_rows(rows, design=Design.from_json(design)),
        )
        return services.launch_order(actor=owner, order_id=order.id)


def _item(owner: Actor, shown: str, number: int) -> Any:
    if shown == "text":
        return f"Message {number}: my router lost its power and the lamp stays dark. What can I do?"
    return stored_photo(owner.organisation_id, photo(number, PHOTO_SIZE, grain=4_000))
