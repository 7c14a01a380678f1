"""Text, time and candidates in the real player: answered by keys alone or by touch, agreed on, paid and exported."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from apps.core.money import Money
from apps.core.storage import get_storage
from apps.core.tenant import tenant_scope
from apps.datasets import selectors as datasets
from apps.labeling import services
from apps.labeling.import_models import Media
from apps.labeling.models import Annotation, Order
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef
from tests.apps.labeling.controls.test_sequence_editors import a_sound
from tests.apps.labeling.test_player import chromium, deliver_events, live_server_url, open_player, wait_for
from tests.apps.labeling.test_task_types import PRICE, draft
from tests.browser.page_checks import Watch, assert_page_ok

__all__ = ["chromium", "live_server_url", "open_player"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TEXTS = ["😀 Anna works for Acme.", "Nobody is named here."]
CANDIDATES = [{"key": key, "text": f"Answer {key}."} for key in "abc"]
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
BUDGET_KB = 45
CONTROLS: dict[str, dict[str, Any]] = {
    "spans": {"classes": ["person", "firm"], "relation_classes": ["works for"]},
    "regions": {"classes": ["speech", "noise"], "text": True},
}
INPUTS = {"spans": "text", "regions": "audio", "transcription": "audio", "ranking": "candidates"}
INPUTS |= {"preference": "candidates", "dialogue": "text"}


@pytest.fixture(autouse=True)
def _own_address(settings: Any, live_server_url: str) -> None:
    """Signed addresses of files begin with the public one; the page takes files from its own origin only."""
    settings.PUBLIC_URL = live_server_url


def a_recording(requester: Any) -> dict[str, Any]:
    """A stored sound, as an import leaves it behind."""
    content = a_sound()
    digest = hashlib.sha256(content).hexdigest()
    key = f"{requester.organisation_id}/media/{digest[:2]}/{digest}"
    get_storage().put(key, content, "audio/wav")
    facts = {"content_type": "audio/wav", "bytes": len(content), "duration_ms": 3_000}
    row = Media.objects.create(
        sha256=digest, original_sha256=digest, kind="audio", storage_key=key, width=None, height=None, **facts
    )
    return {"media": str(row.id), **facts}


@pytest.fixture
def order_for(make_actor: Any, fund: Any) -> Callable[[str], Order]:
    """`order_for(kind)`: a running order of one or two items, one answer each, that asks a question of the type."""

    def make(kind: str) -> Order:
        requester, shown = make_actor(), INPUTS[kind]
        asked = {"type": kind, "name": "said", "input": "item", "title": "What is it?"} | CONTROLS.get(kind, {})
        design = {"inputs": [{"name": "item", "type": shown, "title": ""}], "controls": [asked]}
        with tenant_scope(requester.organisation_id):
            fund(requester.organisation_id, 1_000)
            ready: dict[str, list[Any]] = {"text": list(TEXTS), "candidates": [CANDIDATES]}
            values = ready.get(shown) or [a_recording(requester)]
            rows = [{"item": value if isinstance(value, str) else json.dumps(value)} for value in values]
            order = draft(requester, design, rows, redundancy=1)
            return services.launch_order(actor=requester, order_id=order.id)

    return make


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def send(page: Page) -> None:
    page.keyboard.press("Control+Enter")


def answers(order: Order) -> list[Any]:
    with tenant_scope(order.tenant_id):
        return list(Annotation.objects.filter(order=order).order_by("id").values_list("answer__said", flat=True))


def outcome(order: Order, page: Page, annotator: Any) -> list[Any]:
    """Waits until all is sent; asserts that it was paid; the answers as the dataset has them."""
    count = order.item_count
    wait_for(lambda: len(answers(order)) == count, page)
    deliver_events()
    with tenant_scope(order.tenant_id):
        order.refresh_from_db()
    assert order.state == "finished"
    earned = ledger.balance(AccountRef(annotator.organisation_id, AccountKind.EARNINGS, "USD")).available
    assert earned == Money(count * PRICE)
    assert order.dataset_version_id is not None
    return [row["said"] for row in datasets.iter_rows(order.dataset_version_id)]


def focused_role(page: Page) -> str:
    return str(page.evaluate("document.activeElement?.getAttribute('role')"))


def mark_text(page: Page) -> None:
    wait_for(lambda: focused_role(page) == "option", page)
    if page.get_by_role("option").first.inner_text() != "😀":  # the other text has nothing to mark
        press(page, "0")
        return
    press(page, "ArrowRight", "Enter", "1", *["ArrowRight"] * 3, "Enter", "2")
    press(page, "Enter", ">", *["ArrowLeft"] * 3, "Enter", "1")


def test_spans_by_keys_alone_are_paid_and_exported(make_actor, order_for, open_player):
    order, annotator = order_for("spans"), make_actor(personal=True)
    page = open_player(order, annotator)
    for _ in TEXTS:
        mark_text(page)
        send(page)
    exported = outcome(order, page, annotator)
    marked = {
        "spans": [{"start": 2, "end": 6, "label": "person"}, {"start": 17, "end": 21, "label": "firm"}],
        "relations": [{"from": 1, "to": 0, "label": "works for"}],
    }
    given = answers(order)
    assert marked in given
    assert {"spans": [], "relations": []} in given
    assert sum("works for" in json.dumps(said) for said in exported) == 1


def test_spans_by_touch_on_a_phone(make_actor, order_for, open_player):
    order, annotator = order_for("spans"), make_actor(personal=True)
    page = open_player(order, annotator, **PHONE)
    watch = Watch.over(page)
    for _ in TEXTS:
        if page.get_by_role("option").first.inner_text() == "😀":
            page.get_by_role("option", name="Anna").tap()
            page.get_by_role("button", name="person").first.tap()
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
        else:
            page.get_by_text("There is nothing to mark").tap()
        page.get_by_role("button", name="Submit").tap()
    outcome(order, page, annotator)
    assert {"spans": [{"start": 2, "end": 6, "label": "person"}], "relations": []} in answers(order)
    assert not watch.problems


def test_regions_by_keys_alone_are_paid_and_exported(make_actor, order_for, open_player):
    order, annotator = order_for("regions"), make_actor(personal=True)
    page = open_player(order, annotator)
    page.wait_for_selector(".marks-line path[d]", state="attached")
    page.get_by_label("Playhead").focus()
    press(page, *["ArrowRight"] * 20, "[", *["ArrowRight"] * 50, "]", "1")
    page.keyboard.type("one two")
    send(page)
    (said,) = outcome(order, page, annotator)
    assert answers(order) == [[{"start_ms": 200, "end_ms": 700, "label": "speech", "text": "one two"}]]
    assert "one two" in json.dumps(said)


def test_regions_by_touch_on_a_phone(make_actor, order_for, open_player):
    order, annotator = order_for("regions"), make_actor(personal=True)
    page = open_player(order, annotator, **PHONE)
    watch = Watch.over(page)
    page.wait_for_selector(".marks-line path[d]", state="attached")
    line = page.locator(".marks-line")
    width = (line.bounding_box() or {"width": 0})["width"]
    for third, name in ((1, "Start here"), (2, "End here")):
        line.tap(position={"x": third * width / 3, "y": 20})
        page.get_by_role("button", name=name).tap()
    page.get_by_role("button", name="speech").tap()
    page.get_by_role("button", name="Submit").tap()
    outcome(order, page, annotator)
    ((region,),) = answers(order)
    assert (abs(region["start_ms"] - 1_000) < 30, abs(region["end_ms"] - 2_000) < 30) == (True, True)
    assert not watch.problems


def type_a_transcription(page: Page) -> None:
    page.get_by_role("textbox").last.fill("one two")


def write_a_dialogue(page: Page) -> None:
    page.get_by_label("Turn 1: text").fill("Why?")


@pytest.mark.parametrize(
    ("kind", "work", "said"),
    [
        ("ranking", lambda page: press(page, "2", "1"), ["b", "a", "c"]),
        ("preference", lambda page: press(page, "3"), "c"),
        ("transcription", type_a_transcription, "one two"),
        ("dialogue", write_a_dialogue, [{"role": "user", "content": "Why?"}]),
    ],
)
def test_the_others_by_keys_alone_are_paid_and_exported(kind, work, said, make_actor, order_for, open_player):
    order, annotator = order_for(kind), make_actor(personal=True)
    page = open_player(order, annotator)
    for _ in range(order.item_count):
        page.locator(f"answer-{kind}").evaluate("editor => editor.focus()")
        work(page)
        send(page)
    exported = outcome(order, page, annotator)
    assert answers(order) == [said] * order.item_count
    assert len(exported) == order.item_count


@pytest.mark.parametrize("kind", ["spans", "regions", "ranking"])
def test_the_page_is_light_and_accessible(kind, make_actor, order_for, open_player):
    page = open_player(order_for(kind), make_actor(personal=True))
    watch = Watch.over(page)
    page.reload()
    page.wait_for_selector("task-player[data-ready]")
    assert_page_ok(page, watch, name=f"task-player-{kind}", budget_kb=BUDGET_KB)
