"""No work is lost: a reload, a second tab, an ended session, an answer that the server cannot use."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.apps.labeling.test_player import (
    answer,
    chromium,
    live_server_url,
    open_player,
    shown,
    stored,
    wait_for,
)
from tests.browser.conftest import sign_in

__all__ = ["chromium", "live_server_url", "open_player"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

UNDO_DEPTH = 10


def said(page: Page) -> str:
    return page.locator('[data-part="status"]').inner_text()


def open_again(page: Page) -> None:
    page.reload()
    page.wait_for_selector("task-player[data-ready]")


def test_the_last_ten_answers_are_taken_back_also_after_a_reload(make_actor, make_order, open_player):
    order = make_order(make_actor(), items=UNDO_DEPTH + 4)
    page = open_player(order, make_actor(personal=True))
    texts = []
    for _ in range(UNDO_DEPTH + 1):
        with page.expect_response("**/leases/"):  # the queue fills again
            texts.append(answer(page))
    wait_for(lambda: len(stored(order)) == UNDO_DEPTH + 1, page)
    open_again(page)
    for text in reversed(texts[1:]):
        page.keyboard.press("z")
        expect(page.locator('[data-input="text"]')).to_have_text(text)
    wait_for(lambda: set(stored(order)) == {texts[0]}, page)
    page.keyboard.press("z")
    assert said(page) == "There is no answer to take back."


def test_a_task_done_in_one_tab_leaves_the_other(make_actor, make_order, open_player):
    order = make_order(make_actor(), items=8)
    page = open_player(order, make_actor(personal=True))
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector("task-player[data-ready]")
    assert shown(other) == shown(page)
    text = answer(page)
    expect(other.locator('[data-part="status"]')).to_have_text("You dealt with that task in another tab.")
    assert shown(other) == shown(page) != text
    wait_for(lambda: set(stored(order)) == {text}, page)


def test_answers_of_two_tabs_that_were_closed_without_a_connection_are_sent_later(make_actor, make_order, open_player):
    order = make_order(make_actor(), items=8)
    page = open_player(order, make_actor(personal=True))
    other, home = page.context.new_page(), page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector("task-player[data-ready]")
    page.context.set_offline(True)
    answered = {answer(page)}
    expect(other.locator('[data-part="status"]')).to_have_text("You dealt with that task in another tab.")
    answered.add(answer(other))
    assert stored(order) == {}
    url = page.url
    for tab in (page, other):
        # While it closes, a tab is no longer held offline and may just send: the same answer, under the same key.
        tab.close()
    home.context.set_offline(False)
    home.goto(url)
    wait_for(lambda: set(stored(order)) == answered, home)
    assert len(answered) == 2


def test_answers_after_the_session_ended_are_kept_and_sent_after_the_sign_in(
    make_actor, make_order, open_player, live_server_url
):
    order, annotator = make_order(make_actor(), items=4), make_actor(personal=True)
    page = open_player(order, annotator)
    page.context.clear_cookies(name="sessionid")
    text = answer(page)
    page.wait_for_selector('[data-part="status"]:has-text("You are signed out. Your answers are kept here")')
    assert stored(order) == {}
    sign_in(page.context, annotator, live_server_url)
    open_again(page)
    wait_for(lambda: set(stored(order)) == {text}, page)


def test_an_answer_that_the_server_cannot_use_comes_back(make_actor, make_order, open_player):
    order = make_order(make_actor(), items=4)
    page = open_player(order, make_actor(personal=True))
    problem = {"code": "unusable_answer", "detail": "This is none of the choices."}

    def refuse(route: Route) -> None:
        route.fulfill(status=422, json=problem, content_type="application/problem+json")

    page.route("**/submit/", refuse)
    text = shown(page)
    page.keyboard.press("1")
    expect(page.locator('[data-part="status"]')).to_have_text(problem["detail"])
    assert shown(page) == text
    page.unroute("**/submit/")
    assert answer(page) == text
    wait_for(lambda: set(stored(order)) == {text}, page)
    assert page.locator('[data-part="answered"]').inner_text() == "1"
