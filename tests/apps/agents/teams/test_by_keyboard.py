"""A team of three agents is built and run by keyboard alone; its pages pass axe, also on a phone and in the dark."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from apps.agents.models import Team, TeamRun
from apps.agents.types import AgentInfo
from apps.core import outbox
from apps.tenancy.types import Actor
from tests.browser.page_checks import DESK, Watch, assert_page_ok
from tests.browser.pages import PAGE_BUDGET_KB
from tests.chromium import launched, new_context

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NAMES = ("Anna", "Bert", "Cora")
MOST_TABS = 400


def test_three_agents_by_keyboard_alone(
    actor: Actor, make_agent: Callable[..., AgentInfo], client_for: Callable[..., Any], asgi_url: str
) -> None:
    for name in NAMES:
        make_agent(actor, "contract-reader", name=name)
    session = client_for(actor).cookies["sessionid"].value
    seen: dict[str, Any] = {}
    thread = threading.Thread(target=_drive, args=(asgi_url, session, seen))
    thread.start()
    while thread.is_alive():
        outbox.drain()  # the worker
        time.sleep(0.1)
    assert "error" not in seen, seen
    assert "three months" in seen["answer"]
    assert seen["focused"] == "anna"
    team = Team.objects.get(tenant_id=actor.organisation_id)
    assert [node["name"] for node in team.graph["nodes"]] == ["Question", *NAMES, "Answer"]
    run = TeamRun.objects.get(team=team)
    assert run.state == "succeeded"
    assert sum(step.kind == "agent" for step in run.steps.all()) == 3


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is there."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached by Tab")


def press(page: Page, selector: str) -> None:
    """Go to a button or link and press Enter; wait for the page that follows."""
    tab_to(page, selector)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def _drive(url: str, session: str, seen: dict[str, Any]) -> None:
    try:
        with launched() as browser:
            context = new_context(browser, base_url=url, viewport=DESK)
            context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
            page = context.new_page()
            page.goto("/teams/")
            press(page, "form[action='/teams/new/'] .btn-primary")
            for name in NAMES:
                tab_to(page, "#id_agent")
                page.keyboard.type(name)
                press(page, "form[action$='/nodes/'] button")
            tab_to(page, "[data-node=input]")
            page.keyboard.press("ArrowRight")
            seen["focused"] = page.evaluate("document.activeElement.dataset.node")
            page.reload()
            tab_to(page, "#question")
            page.keyboard.type("What is the notice period?")
            press(page, "form[action$='/run/'] button")
            page.wait_for_selector("#team-answer")
            seen["answer"] = page.locator("#team-answer").inner_text()
            run = page.url
            for name, path in (
                ("team-run", run),
                ("teams", "/teams/"),
                ("team", page.get_attribute(".breadcrumbs li:nth-child(2) a", "href") or ""),
            ):
                _check(page, name, path)
            _check(page, "team-node", f"{page.url}nodes/anna/")
    except Exception as error:  # handed to the test's own thread
        seen["error"] = repr(error)


def _check(page: Page, name: str, path: str) -> None:
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.set_viewport_size(DESK)
    watch = Watch.over(page)
    page.goto(path)
    assert_page_ok(page, watch, name=name, budget_kb=PAGE_BUDGET_KB)
    watch.end()
