"""Each listed page is accessible, within the CSP, fits a phone and is light."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.page_checks import CHECKED_LOOKS, Watch, assert_page_ok
from tests.browser.pages import PAGES, PageCase
from tests.browser.world import World


@pytest.mark.parametrize("case", PAGES, ids=lambda case: case.name)
def test_page_is_accessible_safe_and_light(case: PageCase, world: World, look: Callable[..., Page]) -> None:
    page = look(world.actors.get(case.who))
    (scheme, size), *_ = CHECKED_LOOKS
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size(size)
    watch = Watch.over(page)
    response = page.goto(case.address(world))
    assert response is not None
    assert response.status == case.status, f"{case.address(world)} answered {response.status}"
    assert_page_ok(page, watch, name=case.name, budget_kb=case.budget_kb)
    watch.end()
