"""The task player in Chromium with several questions about one text: by keys alone, by touch, with drafts."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.datasets import selectors as datasets
from apps.labeling import services, uploads
from apps.labeling.design import Design
from apps.labeling.models import Annotation, Order
from tests.apps.labeling.test_player import (
    chromium,
    deliver_events,
    live_server_url,
    open_player,
    wait_for,
)
from tests.chromium import tap

__all__ = ["chromium", "live_server_url", "open_player"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DESIGN = {
    "inputs": [{"name": "text", "type": "text", "title": "The message"}],
    "controls": [
        {"type": "choice", "name": "label", "input": "text", "title": "Kind", "classes": ["ham", "spam"]},
        {
            "type": "rating",
            "name": "anger",
            "input": "text",
            "title": "Anger",
            "most": 5,
            "low": "calm",
            "high": "angry",
        },
        {
            "type": "choices",
            "name": "tags",
            "input": "text",
            "title": "Tags",
            "classes": ["rude", "urgent"],
            "least": 0,
        },
        {"type": "number", "name": "amount", "input": "text", "title": "Amount", "unit": "EUR", "required": False},
        {"type": "text", "name": "note", "input": "text", "title": "Note", "required": False},
    ],
}
ANSWER = {"label": "spam", "anger": 4, "tags": ["urgent"], "amount": "12.5", "note": "shouts"}


@pytest.fixture
def order(make_actor: Any, fund: Any) -> Order:
    requester = make_actor()
    with tenant_scope(requester.organisation_id):
        fund(requester.organisation_id, 1_000)
        draft = services.create_order(
            actor=requester,
            title="Mixed",
            instruction="Answer all questions.",
            price=Money(4),
            redundancy=1,
            design=DESIGN,
            table=uploads.read_rows([{"text": "one"}, {"text": "two"}], design=Design.from_json(DESIGN)),
        )
        return services.launch_order(actor=requester, order_id=draft.id)


def stored(order: Order) -> list[dict[str, Any]]:
    with tenant_scope(order.tenant_id):
        return list(Annotation.objects.filter(order=order).order_by("id").values_list("answer", flat=True))


def answer_by_keys(page: Page) -> None:
    """A digit answers and goes on to the next open question; Tab goes back and forth; Ctrl+Enter sends."""
    page.keyboard.press("2")
    page.keyboard.press("4")
    page.keyboard.type("12.50")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("2")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("shouts")
    page.keyboard.press("Control+Enter")


def test_a_mix_is_answered_by_keys_alone_paid_and_exported(order, make_actor, open_player):
    page = open_player(order, make_actor(personal=True))
    answer_by_keys(page)
    wait_for(lambda: len(stored(order)) == 1, page)
    answer_by_keys(page)
    wait_for(lambda: len(stored(order)) == 2, page)
    assert stored(order) == [ANSWER, ANSWER]
    deliver_events()
    with tenant_scope(order.tenant_id):
        ended = Order.objects.get(id=order.id)
        paid = set(Annotation.objects.filter(order=order).values_list("state", "amount_minor"))
        assert (ended.state, paid) == ("finished", {("accepted", 4)})
        assert ended.dataset_version_id is not None
        rows = list(datasets.iter_rows(ended.dataset_version_id))
    assert [{name: row[name] for name in ANSWER} for row in rows] == [ANSWER, ANSWER]


def test_what_is_begun_survives_a_reload_and_an_unfinished_answer_is_not_sent(order, make_actor, open_player):
    page = open_player(order, make_actor(personal=True), viewport={"width": 390, "height": 844}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    tap(page.get_by_role("button", name="spam"))
    page.get_by_role("textbox", name="Note").fill("half a thou")
    tap(page.get_by_role("button", name="Submit"))
    expect(page.locator('[data-part="status"]')).to_contain_text("“Anger” is not answered yet")
    assert stored(order) == []
    page.reload()
    page.wait_for_selector("task-player[data-ready]")
    assert page.get_by_role("button", name="spam").get_attribute("aria-pressed") == "true"
    assert page.get_by_role("textbox", name="Note").input_value() == "half a thou"
    for target in page.locator("task-player button:visible").all():
        box = target.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44, target.inner_text()
    tap(page.get_by_role("button", name="3 of 5"))
    tap(page.get_by_role("button", name="Submit"))
    wait_for(lambda: stored(order) == [{"label": "spam", "anger": 3, "tags": [], "note": "half a thou"}], page)
    tap(page.get_by_role("button", name="Undo"))
    expect(page.get_by_role("textbox", name="Note")).to_have_value("half a thou")
    wait_for(lambda: stored(order) == [], page)
