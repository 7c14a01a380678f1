"""An A/B test on a phone's width by the keyboard alone: started, its shares changed, one version chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from playwright.sync_api import BrowserContext, Page, expect

from apps.agents import services
from apps.agents.services import AgentChanges
from tests.browser.page_checks import Watch, wait_until_ready
from tests.browser.world import World

MOST_TABS = 80


def agent_of(world: World) -> UUID:
    """A published agent whose draft has changed."""
    with world.acting("team") as team:
        made = services.create_agent_from_template(
            actor=team, template_key="tutor", name="Tutor by hand", knowledge_base_ids=[]
        )
        services.publish_agent(actor=team, agent_id=made.id)
        services.update_agent(actor=team, agent_id=made.id, changes=AgentChanges(tone="formal"))
        return made.id


def tab_to(page: Page, what: Any) -> None:
    """Press Tab until it has the focus."""
    for _ in range(MOST_TABS):
        if what.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{what} is not reached by Tab")


def typed(page: Page, label: str, text: str) -> None:
    tab_to(page, page.get_by_label(label))
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(text)


def test_a_test_is_started_changed_and_ended_by_keyboard_on_a_phone(
    world: World, visit: Callable[..., BrowserContext]
) -> None:
    page = visit(world.actors["team"], width=390).new_page()
    watch = Watch.over(page)
    page.goto(f"/agents/{agent_of(world)}/ab-tests/")
    wait_until_ready(page)
    typed(page, "The draft", "30")
    typed(page, "Version 1, live", "60")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("together 100; these are 90")
    typed(page, "Version 1, live", "70")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Not enough answers yet to tell which version people like better.")).to_be_visible()
    expect(page.get_by_role("row", name="Version 2")).to_contain_text("30 %")
    wait_until_ready(page)
    typed(page, "Version 1, per cent", "20")
    typed(page, "Version 2, per cent", "80")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="Version 2")).to_contain_text("80 %")
    wait_until_ready(page)
    tab_to(page, page.get_by_role("button", name="Choose version 2"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    tab_to(page, page.get_by_role("button", name="Choose it"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Version 2 went live.")).to_be_visible()
    expect(page.get_by_role("row", name="Version 2")).to_contain_text("live")
    assert not watch.problems
