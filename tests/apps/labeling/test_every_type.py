"""Every type of task from order to export: one annotator works by keys alone, another by touch on a phone; they agree,
both are paid, and the answer is in the export. The page is accessible in both themes, and light.

`make screenshots` leaves pictures of each in docs/screenshots.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from apps.core.tenant import tenant_scope
from apps.datasets import selectors as datasets
from apps.labeling.design import Design
from apps.labeling.models import Annotation, Order
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef
from examples.task_types import orders
from tests.apps.labeling.every_type import TYPES, send, submit
from tests.apps.labeling.test_player import chromium, deliver_events, live_server_url, wait_for
from tests.browser.conftest import sign_in
from tests.browser.page_checks import PHONE_WIDTHS, Watch, axe_violations, wait_until_ready
from tests.browser.pictures import picture
from tests.chromium import KeptTabs

__all__ = ["chromium", "live_server_url"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MOST_KB = 45
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "color_scheme": "dark",
    "reduced_motion": "reduce",
}


@pytest.fixture(scope="module")
def kept_tabs(chromium: Browser) -> KeptTabs:
    return KeptTabs(chromium)


@pytest.fixture
def player_of(kept_tabs: KeptTabs, live_server_url: str, settings: Any) -> Iterator[Callable[..., tuple[Page, Watch]]]:
    """`player_of(order, annotator, look)`: the player with the first task; nothing may break the page's own rules."""
    settings.PUBLIC_URL = live_server_url  # signed addresses of files begin with it
    watches: list[Watch] = []

    def make(order: Order, annotator: Any, look: dict[str, Any]) -> tuple[Page, Watch]:
        page = kept_tabs.take(base_url=live_server_url, **look)
        sign_in(page.context, annotator, live_server_url)
        watches.append(Watch.over(page))
        page.goto(f"/work/{order.id}/")
        page.get_by_role("button", name="Start the first task").press("Enter")
        page.wait_for_selector("task-player[data-ready]")
        wait_until_ready(page)
        return page, watches[-1]

    yield make
    for watch in watches:
        watch.end()
    assert not [problem for watch in watches for problem in watch.problems]


def answers(order: Order) -> list[Any]:
    with tenant_scope(order.tenant_id):
        return list(Annotation.objects.filter(order=order).order_by("id").values_list("answer", flat=True))


@pytest.mark.parametrize("kind", orders.DESIGNS)
def test_a_task_is_done_by_keys_and_by_touch_agreed_on_paid_and_exported(kind, make_actor, fund, api_for, player_of):
    by_keys, by_touch, agreed, other_format, holds = TYPES[kind]
    requester, people = make_actor(), [make_actor(personal=True) for _ in range(2)]
    order = orders.launch(requester, kind, fund)

    page, watch = player_of(order, people[0], DESK)
    assert watch.weight_kb() <= MOST_KB
    assert axe_violations(page) == []
    by_keys(page, None)
    picture(page, f"{kind}-desk")
    send(page, kind)
    wait_for(lambda: len(answers(order)) == 1, page)
    (first,) = answers(order)

    page, _ = player_of(order, people[1], PHONE)
    assert axe_violations(page) == []
    if kind == "choice":  # a tap sends it
        assert_narrow(page)
        picture(page, f"{kind}-phone")
    by_touch(page, first if kind == "mix" else first["said"])
    if kind != "choice":
        assert_narrow(page)
        picture(page, f"{kind}-phone")
    submit(page, kind)
    wait_for(lambda: len(answers(order)) == 2, page)
    expect(page.get_by_role("heading", name="That was everything for you here")).to_be_visible()

    deliver_events()
    with tenant_scope(order.tenant_id):
        order.refresh_from_db()
        paid = [(row.state, row.amount_minor) for row in Annotation.objects.filter(order=order)]
    assert (order.state, paid) == ("finished", [("accepted", orders.PRICE.minor)] * 2)
    earned = [ledger.balance(AccountRef(one.organisation_id, AccountKind.EARNINGS, "USD")).available for one in people]
    assert earned == [orders.PRICE] * 2

    design = Design.from_json(order.design)
    wanted = first if agreed is None else {"said": agreed}
    assert order.dataset_version_id is not None
    (row,) = datasets.iter_rows(order.dataset_version_id)
    assert design.same({control.name: row[control.name] for control in design.controls}, wanted)
    assert row["source"] == "human"
    own, foreign = (export(api_for(requester), order, name) for name in ("jsonl", other_format))
    assert design.same(json.loads(own.splitlines()[0])["result"], wanted)
    assert holds in foreign


def assert_narrow(page: Page) -> None:
    """Nothing scrolls sideways, on the narrowest screens neither."""
    for width in reversed(PHONE_WIDTHS):
        page.set_viewport_size({"width": width, "height": PHONE["viewport"]["height"]})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def export(client: Any, order: Order, name: str) -> str:
    response = client.get(f"/api/v1/orders/{order.id}/export/", {"format": name})
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content).decode()
