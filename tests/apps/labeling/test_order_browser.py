"""The requester's side in Chromium: fields that follow the choices, the sample by keys, the live page on a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.models import Order
from tests.browser.conftest import live_server_url, visit
from tests.browser.page_checks import Watch, assert_page_ok
from tests.chromium import launched

__all__ = ["live_server_url", "visit"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def chromium(live_server_url: str) -> Iterator[Browser]:  # the fixture
    with launched() as browser:
        yield browser


def test_the_form_asks_what_the_choice_needs_and_quotes_a_budget(
    make_actor: Any, visit: Callable[..., BrowserContext], tmp_path: Any
) -> None:
    file = tmp_path / "items.csv"
    file.write_text("text,label\n" + "".join(f"text {n},ham\n" for n in range(10)))
    page = visit(make_actor(), width=390).new_page()
    page.goto("/orders/new/")
    page.wait_for_selector("order-form[data-ready]")
    target = page.get_by_label("How sure each result must be")
    expect(target).to_be_hidden()
    page.get_by_text("Until sure: items on which").click()
    expect(target).to_be_visible()
    page.locator("#id_file").set_input_files(file)
    expect(page.get_by_text("3 answers at most")).to_be_visible()
    page.get_by_text("Budget and deadline").click()
    page.get_by_label("Budget, in dollars").fill("0.88")
    expect(page.get_by_text("Your budget pays for")).to_be_visible()
    expect(page.get_by_text("20 labels")).to_be_visible()


def test_the_sample_is_answered_by_keys_and_measured(
    make_actor: Any, make_order: Any, visit: Callable[..., BrowserContext]
) -> None:
    requester = make_actor()
    draft = make_order(requester, items=12, launch=False)
    page = visit(requester, width=390).new_page()
    watch = Watch.over(page)
    page.goto(f"/orders/{draft.id}/")
    page.get_by_role("link", name="Answer the sample").click()
    for place in range(1, 11):
        expect(page.get_by_text(f"{place} of 10")).to_be_visible()
        page.wait_for_selector("sample-form[data-ready]")
        if place == 1:
            assert_page_ok(page, watch, name="order-sample-by-keys", budget_kb=60)
        page.keyboard.press("1" if place % 2 else "2")
    expect(page.get_by_text("measured on yours")).to_be_visible()
    with tenant_scope(requester.organisation_id):
        answers = Order.objects.get(id=draft.id).sample
    assert [one["answer"]["label"] for one in answers] == ["ham", "spam"] * 5
    assert all(one["elapsed_ms"] > 0 for one in answers)
    page.get_by_role("button", name="Use my answers").click()
    expect(page.get_by_text("10 of them hidden check questions")).to_be_visible()


def test_the_page_of_a_running_order_pauses_extends_and_follows(
    make_actor: Any, make_order: Any, work: Any, visit: Callable[..., BrowserContext]
) -> None:
    requester, annotator = make_actor(), make_actor(personal=True)
    order = make_order(requester, items=6, redundancy=1, price=10)
    work(annotator, order, limit=2)
    page = visit(requester, width=390).new_page()
    watch = Watch.over(page)
    page.goto(f"/orders/{order.id}/")
    expect(page.get_by_text("Still held")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("No new tasks are lent.")).to_be_visible()
    with tenant_scope(requester.organisation_id):
        services.resume_order(actor=requester, order_id=order.id)
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.get_by_role("link", name="More answers, target or deadline").click()
    page.get_by_label("Answers for each item").fill("2")
    page.get_by_role("button", name="See what it costs").click()
    page.get_by_role("button", name="Add $0.66 and ask for them").click()
    expect(page.get_by_text("More answers are asked for.")).to_be_visible()
    assert_page_ok(page, watch, name="order-extended", budget_kb=60)
