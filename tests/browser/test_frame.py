"""The frame of every page: theme, navigation on a phone, questions before what cannot be undone, live regions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect

from apps.core import live
from tests.browser.page_checks import Watch, assert_page_ok, wait_until_ready
from tests.browser.pages import PAGE_BUDGET_KB
from tests.browser.world import World

Visit = Callable[..., BrowserContext]


def opened(context: BrowserContext, address: str) -> Page:
    page = context.new_page()
    page.goto(address)
    wait_until_ready(page)
    return page


def test_the_chosen_theme_survives_the_next_page_without_a_csp_violation(visit: Visit) -> None:
    page = visit().new_page()
    watch = Watch.over(page)
    page.goto("/")
    wait_until_ready(page)
    toggle = page.get_by_role("button", name="Theme: system. Change")
    toggle.click()
    page.get_by_role("button", name="Theme: light. Change").click()
    page.goto("/accounts/login/")
    expect(page.locator("html")).to_have_attribute("data-theme", "sahara-dark")
    expect(page.get_by_role("button", name="Theme: dark. Change")).to_be_visible()
    assert not watch.problems


def test_the_first_tab_stop_leads_to_the_content(visit: Visit) -> None:
    page = opened(visit(), "/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_the_menu_of_a_phone_opens_and_closes_with_the_keyboard(world: World, visit: Visit) -> None:
    page = opened(visit(world.actors["team"], width=390), "/dashboard/")
    menu = page.get_by_role("navigation", name="Main")
    expect(menu).to_be_hidden()
    page.get_by_role("button", name="Menu").press("Enter")
    expect(menu).to_be_visible()
    expect(menu.get_by_role("link", name="Datasets")).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()


def test_a_question_comes_before_a_key_is_revoked(world: World, visit: Visit) -> None:
    page = opened(visit(world.actors["person"]), "/organisation/keys/")
    page.get_by_label("Name").fill("Short-lived")
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_role("heading", name="Short-lived: copy the key now")).to_be_visible()
    page.get_by_role("button", name="Revoke Short-lived").click()
    page.get_by_role("dialog", name="Revoke Short-lived?").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("rowheader", name="Short-lived")).to_be_visible()
    page.get_by_role("button", name="Revoke Short-lived").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("The key no longer works.")).to_be_visible()
    expect(page.get_by_role("rowheader", name="Short-lived")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 390])
def test_another_organisation_is_two_presses_away(world: World, visit: Visit, width: int) -> None:
    page = opened(visit(world.actors["team"], width=width), "/dashboard/")
    if width < 1024:
        page.get_by_role("button", name="Menu").click()
    page.get_by_text("Switch organisation").locator("..").click()
    page.get_by_role("button", name="Ines Haddad").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ines Haddad")


def test_a_live_region_fetches_its_content_when_its_topic_speaks(world: World, visit: Visit) -> None:
    subject_id = uuid4()

    @live.topic("frame-test")
    def _may_follow(_actor: object, object_id: UUID) -> bool:
        return object_id == subject_id

    page = opened(visit(world.actors["person"]), "/dashboard/")
    fetched: list[str] = []
    heard: list[str | bytes] = []

    def count(request: Request) -> None:
        if request.url.endswith("/developers/"):
            fetched.append(request.url)

    page.on("request", count)
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard.append(frame)))
    # It looks once by itself as soon as it is connected: what happened since the page was made.
    with page.expect_event("requestfinished", lambda request: request.url.endswith("/developers/")):
        page.evaluate(
            "(topic) => { const region = document.createElement('live-region');"
            "region.setAttribute('topic', topic); region.setAttribute('src', '/developers/');"
            "region.setAttribute('poll', '600');"
            "document.querySelector('main').append(region); }",
            f"frame-test:{subject_id}",
        )
    while not any("subscribed" in str(frame) for frame in heard):
        page.wait_for_timeout(50)
    with page.expect_request(lambda request: request.url.endswith("/developers/")):
        # Another thread, as in the platform: Playwright keeps an event loop in this one.
        notifier = threading.Thread(target=live.notify, args=(f"frame-test:{subject_id}", {"step": 1}))
        notifier.start()
        notifier.join()
    assert len(fetched) == 2


def test_a_live_region_polls_while_the_socket_is_down(world: World, visit: Visit) -> None:
    page = visit(world.actors["person"]).new_page()
    page.route_web_socket("**/ws/live/", lambda socket: socket.close())
    page.goto("/dashboard/")
    wait_until_ready(page)
    with page.expect_request(lambda request: request.url.endswith("/developers/")):
        page.evaluate(
            "() => { const region = document.createElement('live-region');"
            "region.setAttribute('topic', 'any:1'); region.setAttribute('poll', '1');"
            "region.setAttribute('src', '/developers/'); document.querySelector('main').append(region); }"
        )


def test_a_form_without_its_token_gets_a_page_that_says_what_to_do(visit: Visit) -> None:
    context = visit()
    page = context.new_page()
    watch = Watch.over(page)
    page.goto("/accounts/login/")
    wait_until_ready(page)
    context.clear_cookies()
    page.get_by_label("E-mail").fill("someone@example.org")
    page.get_by_label("Password").fill("a-long-password")
    with page.expect_navigation() as navigation:
        page.get_by_role("button", name="Sign in").click()
    assert navigation.value.status == 403
    expect(page.get_by_text("Load the page again and repeat the step.")).to_be_visible()
    assert_page_ok(page, watch, name="csrf-failure", budget_kb=PAGE_BUDGET_KB)
