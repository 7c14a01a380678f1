"""The task player in Chromium: one key an answer, nothing lost without a connection or after the time ran out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from playwright.sync_api import Browser, Page

from apps.core import clock, outbox
from apps.core.tenant import all_tenants, tenant_scope
from apps.labeling import services
from apps.labeling.models import Annotation, Assignment, Task
from tests.apps.labeling.conftest import truth
from tests.browser.conftest import live_server_url, sign_in
from tests.chromium import PATIENCE_MS, launched, new_context, tap

__all__ = ["live_server_url"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

#: Press a key; whether the next text is in the page already, before the browser paints again.
IS_NEXT_AT_ONCE = """
(key) => {
  const text = document.querySelector('[data-input="text"]');
  const before = text.textContent;
  document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
  return text.textContent !== before;
}
"""


def _drain_and_close() -> None:
    outbox.drain()
    connection.close()


@pytest.fixture(scope="module")
def chromium(live_server_url: str) -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture
def open_player(chromium: Browser, live_server_url: str) -> Iterator[Callable[..., Page]]:
    opened = []

    def make(order: Any, annotator: Any | None = None, **options: Any) -> Page:
        context = new_context(chromium, base_url=live_server_url, **options)
        if annotator is not None:
            sign_in(context, annotator, live_server_url)
        opened.append(context)
        page = context.new_page()
        page.goto(f"/work/{order.id}/")
        page.get_by_role("button", name="Start the first task").click()
        page.wait_for_selector("task-player[data-ready]")
        return page

    yield make
    for context in opened:
        context.close()


def shown(page: Page) -> str:
    return page.locator('[data-input="text"]').inner_text()


def key_for(text: str) -> str:
    return {"ham": "1", "spam": "2"}[truth(text)]


def answer(page: Page) -> str:
    """Press the key of the right choice; returns the text that was answered, once another is shown."""
    text = shown(page)
    page.keyboard.press(key_for(text))
    page.wait_for_selector(f'[data-input="text"]:not(:text-is("{text}"))', state="attached")
    return text


def stored(order: Any) -> dict[str, str]:
    with tenant_scope(order.tenant_id):
        return dict(Annotation.objects.filter(order=order).values_list("task__data__text", "answer__label"))


def deliver_events() -> None:
    """As a worker does: in a thread without the event loop that Playwright keeps in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_drain_and_close).result()


def wait_for(condition: Callable[[], bool], page: Page) -> None:
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not condition():
        said = page.locator('[data-part="status"]').inner_text()
        assert time.monotonic() < deadline, f"it did not happen in time; the player says “{said}”"
        page.wait_for_timeout(100)


def test_one_key_answers_and_the_next_task_is_there_at_once(make_actor, make_order, open_player):
    order = make_order(make_actor(), items=16, redundancy=2)
    page = open_player(order, make_actor(personal=True))
    for _ in range(10):
        with page.expect_response("**/leases/"):  # a person needs longer than the queue to fill again
            assert page.evaluate(IS_NEXT_AT_ONCE, key_for(shown(page)))
    wait_for(lambda: len(stored(order)) == 10, page)
    assert all(label == truth(text) for text, label in stored(order).items())
    assert page.locator('[data-part="answered"]').inner_text() == "10"


def test_z_takes_back_s_skips_f_flags_and_h_helps(make_actor, make_order, open_player):
    order = make_order(make_actor(), items=8, redundancy=2)
    page = open_player(order, make_actor(personal=True))
    first = answer(page)
    page.keyboard.press("z")
    assert shown(page) == first
    wait_for(lambda: not stored(order), page)
    page.keyboard.press("2" if key_for(first) == "1" else "1")
    wait_for(lambda: stored(order) == {first: "ham" if truth(first) == "spam" else "spam"}, page)
    skipped = shown(page)
    page.keyboard.press("s")
    assert shown(page) != skipped
    flagged = shown(page)
    page.keyboard.press("f")
    page.get_by_label("What is wrong with it?").fill("unreadable")
    page.keyboard.press("Enter")
    assert shown(page) != flagged
    page.keyboard.press("h")
    assert page.locator('[data-part="help"]').get_attribute("open") is None  # it was open for the newcomer

    def states() -> dict[str, str]:
        with tenant_scope(order.tenant_id):
            return dict(Assignment.objects.filter(order=order).values_list("task__data__text", "state"))

    wait_for(lambda: states().get(flagged) == "flagged" and states().get(skipped) == "skipped", page)


def test_keys_can_be_switched_off(make_actor, make_order, open_player):
    order = make_order(make_actor(), items=3)
    page = open_player(order, make_actor(personal=True))
    page.get_by_label("Keys on").uncheck()
    text = shown(page)
    page.keyboard.press("1")
    assert shown(page) == text
    page.reload()
    page.wait_for_selector("task-player[data-ready]")
    assert not page.get_by_label("Keys on").is_checked()


def test_answers_without_a_connection_are_kept_and_sent_later(make_actor, make_order, open_player):
    order = make_order(make_actor(), items=8)
    page = open_player(order, make_actor(personal=True))
    page.context.set_offline(True)
    answered = {answer(page), answer(page)}
    page.wait_for_selector('[data-part="offline"]:not([hidden])')
    assert "2 answers are kept here" in page.locator('[data-part="offline"]').inner_text()
    assert stored(order) == {}
    page.context.set_offline(False)
    wait_for(lambda: set(stored(order)) == answered, page)
    page.wait_for_selector('[data-part="offline"]', state="hidden")


def test_an_answer_after_the_time_ran_out_is_not_lost(make_actor, make_order, open_player):
    order = make_order(make_actor(), items=6, redundancy=1)
    page = open_player(order, make_actor(personal=True))
    with tenant_scope(order.tenant_id):
        Assignment.objects.filter(order=order).update(expires_at=clock.now() - timedelta(seconds=1))
    with all_tenants(reason="test"):
        services.close_expired_leases()
    text = answer(page)
    wait_for(lambda: text in stored(order), page)


def test_a_task_that_went_to_somebody_else_is_said_and_the_work_goes_on(make_actor, make_order, open_player):
    order = make_order(make_actor(), items=4, redundancy=1)
    page = open_player(order, make_actor(personal=True))
    text = shown(page)
    with tenant_scope(order.tenant_id):
        Assignment.objects.filter(task__data__text=text, order=order).update(state="expired")
        Task.objects.filter(data__text=text, order=order).update(open_slots=0)
    answer(page)
    page.wait_for_selector('[data-part="status"]:has-text("somebody else has taken it")')
    other = answer(page)
    wait_for(lambda: set(stored(order)) == {other}, page)


def test_the_warning_comes_before_the_end_and_gives_more_time(make_actor, make_order, open_player):
    order = make_order(make_actor(), items=4)
    annotator = make_actor(personal=True)
    page = open_player(order, annotator)
    with tenant_scope(order.tenant_id):
        Assignment.objects.filter(order=order).update(expires_at=clock.now() + timedelta(seconds=29))
    page.route("**/extend/", lambda route: route.abort())
    # The player asks for more time by itself; that request must have failed before the way is free again.
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/extend/")):
        page.reload()
    page.wait_for_selector("task-player[data-ready]")
    page.wait_for_selector('[data-part="warning"]:not([hidden])')
    page.unroute("**/extend/")
    page.get_by_role("button", name="More time").click()
    page.wait_for_selector('[data-part="warning"]', state="hidden")


def test_a_guest_on_a_phone_earns_first_and_is_then_asked_to_sign_up(make_actor, make_order, open_player):
    order = make_order(make_actor(), items=3, redundancy=1, price=4)
    page = open_player(order, viewport={"width": 390, "height": 844}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for _ in range(3):
        text = shown(page)
        button = page.get_by_role("button", name=truth(text))
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        tap(button)
    wait_for(lambda: len(stored(order)) == 3, page)
    page.get_by_role("heading", name="That was everything for you here").wait_for()
    deliver_events()
    page.wait_for_selector('[data-part="keep"]:not([hidden])')
    assert page.locator('[data-part="keep-amount"]').inner_text() == "$0.12"
