"""Work on images from order to export: by keys alone, by touch on a phone, and by several annotators who must agree."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from apps.core import outbox
from apps.core.money import Money
from apps.core.storage import get_storage
from apps.core.tenant import tenant_scope
from apps.datasets import selectors as datasets
from apps.labeling import services, uploads
from apps.labeling.design import Design
from apps.labeling.models import Annotation, Media, Order
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef
from tests.apps.labeling.controls.editor_page import HEIGHT, WIDTH
from tests.browser.conftest import CHROMIUM, FLAGS, live_server_url, session_of
from tests.browser.page_checks import SCREENSHOTS, TAKE_SCREENSHOTS, Watch, assert_page_ok

__all__ = ["live_server_url"]

PRICE = 5
CLASSES = ["red cell", "white cell"]
SQUARE = [[90, 70], [230, 70], [230, 210], [90, 210]]
#: Type -> a right answer, a wrong one.
CASES: dict[str, tuple[list[Any], list[Any]]] = {
    "boxes": (
        [{"x": 90, "y": 70, "width": 140, "height": 140, "label": "red cell"}],
        [{"x": 400, "y": 300, "width": 60, "height": 60, "label": "white cell"}],
    ),
    "polygons": (
        [{"points": SQUARE, "label": "red cell"}],
        [{"points": [[300, 80], [360, 120], [310, 170]], "label": "red cell"}],
    ),
    "keypoints": (
        [{"x": 160, "y": 140, "label": "red cell"}, {"x": 430, "y": 300, "label": "white cell"}],
        [{"x": 20, "y": 30, "label": "white cell"}],
    ),
}


def design(kind: str) -> dict[str, Any]:
    return {
        "inputs": [{"name": "photo", "type": "image", "title": "The photo"}],
        "controls": [{"type": kind, "name": "cells", "input": "photo", "title": "Cells", "classes": CLASSES}],
    }


@pytest.fixture
def image_order(fund: Any) -> Callable[..., Order]:
    def make(requester: Any, kind: str, *, items: int = 3, redundancy: int = 1) -> Order:
        with tenant_scope(requester.organisation_id):
            rows = [{"id": f"n{n}", "photo": photo(requester.organisation_id, n)} for n in range(items)]
            order = services.create_order(
                actor=requester,
                title="Find the cells",
                instruction="Mark every **cell**.",
                price=Money(PRICE),
                redundancy=redundancy,
                gold_percent=0,
                design=design(kind),
                table=uploads.read_rows(rows, design=Design.from_json(design(kind))),
            )
            fund(requester.organisation_id, 10_000)
            return services.launch_order(actor=requester, order_id=order.id)

    return make


def photo(tenant_id: Any, number: int) -> dict[str, Any]:
    """A stored picture, as an item refers to it."""
    content = picture(number)
    sha256 = hashlib.sha256(content).hexdigest()
    facts: dict[str, Any] = {"content_type": "image/png", "bytes": len(content), "width": WIDTH, "height": HEIGHT}
    key = f"{tenant_id}/media/{sha256[:2]}/{sha256}"
    get_storage().put(key, content, "image/png")
    media = Media.objects.create(
        tenant_id=tenant_id, sha256=sha256, original_sha256=sha256, kind="image", storage_key=key, **facts
    )
    return {"media": str(media.id), **facts}


def picture(number: int) -> bytes:
    """A PNG with a red square where the right answers are; each number gives another file."""
    paper, ink = bytes((239, 227, 211)), bytes((192, 96, 90 + number))
    plain = b"\0" + paper * WIDTH
    square = b"\0" + paper * 90 + ink * 140 + paper * (WIDTH - 230)
    lines = plain * 70 + square * 140 + plain * (HEIGHT - 210)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def shifted(shapes: list[Any], by: int) -> list[Any]:
    """The same shapes, drawn less exactly."""
    return [
        {**one, "points": [[x + by, y] for x, y in one["points"]]} if "points" in one else {**one, "x": one["x"] + by}
        for one in shapes
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("kind", sorted(CASES))
def test_images_are_ordered_labelled_agreed_on_paid_and_exported(kind, make_actor, image_order):
    right, wrong = CASES[kind]
    requester, people = make_actor(), [make_actor(personal=True) for _ in range(3)]
    order = image_order(requester, kind, redundancy=3)
    for annotator, shapes in zip(people, (right, shifted(right, 4), wrong), strict=True):
        with tenant_scope(annotator.organisation_id):
            for task in services.lease_tasks(actor=annotator, order_id=order.id, count=10).tasks:
                services.submit_annotation(
                    actor=annotator, assignment_id=task.assignment_id, answer={"cells": shapes}, elapsed_ms=2_000
                )
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        order = Order.objects.get(id=order.id)
        states = {row.annotator_id: row.state for row in Annotation.objects.filter(order=order)}
    assert [states[one.organisation_id] for one in people] == ["accepted", "accepted", "rejected"]
    earned = [ledger.balance(AccountRef(one.organisation_id, AccountKind.EARNINGS, "USD")).available for one in people]
    assert earned == [Money(3 * PRICE), Money(3 * PRICE), Money(0)]
    assert order.dataset_version_id is not None
    (control,) = Design.from_json(order.design).controls
    for row in datasets.iter_rows(order.dataset_version_id):
        found: Any = row["cells"]
        assert control.similarity(found, right) > 0.9
        assert [one["label"] for one in found] == [one["label"] for one in right]
        assert row["source"] == "human"


@pytest.fixture(scope="module")
def chromium(live_server_url: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_player(chromium: Browser, live_server_url: str, settings: Any) -> Iterator[Callable[..., Page]]:
    settings.PUBLIC_URL = live_server_url  # the pictures' addresses begin with it
    opened = []

    def make(order: Order, annotator: Any = None, **options: Any) -> Page:
        context = chromium.new_context(base_url=live_server_url, **options)
        if annotator is not None:
            context.add_cookies([{"name": "sessionid", "value": session_of(annotator), "url": live_server_url}])
        opened.append(context)
        page = context.new_page()
        page.goto(f"/work/{order.id}/")
        page.get_by_role("button", name="Start the first task").click()
        page.wait_for_selector("task-player[data-ready]")
        page.wait_for_selector("[data-image=ready]")
        return page

    yield make
    for context in opened:
        context.close()


def stored(order: Order) -> list[Any]:
    with tenant_scope(order.tenant_id):
        return list(Annotation.objects.filter(order=order).values_list("answer__cells", flat=True))


def wait_for_answers(order: Order, count: int, page: Page) -> list[Any]:
    for _ in range(200):
        if len(found := stored(order)) >= count:
            return found
        page.wait_for_timeout(100)
    said = page.locator('[data-part="status"]').inner_text()
    raise AssertionError(f"the answers did not come; the player says “{said}”")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


#: Type -> keys that draw something and name it.
BY_KEYS = {
    "boxes": ["n", "Shift+ArrowLeft", "Alt+Shift+ArrowRight", "2"],
    "polygons": ["n", "Space", "Shift+ArrowRight", "Space", "Shift+ArrowDown", "Space", "Enter", "2"],
    "keypoints": ["n", "Shift+ArrowLeft", "2"],
}


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", sorted(CASES))
def test_a_person_works_on_images_by_keys_alone(kind, make_actor, image_order, open_player):
    order = image_order(make_actor(), kind)
    page = open_player(order, make_actor(personal=True))
    for number in range(3):
        press(page, *BY_KEYS[kind], "Control+Enter")
        expect(page.locator('[data-part="answered"]')).to_have_text(str(number + 1))
    expect(page.get_by_role("heading", name="That was everything for you here")).to_be_visible()
    for shapes in wait_for_answers(order, 3, page):
        assert [one["label"] for one in shapes] == ["white cell"]


#: Type -> where to tap for its first right shape.
TAPS: dict[str, list[list[int]]] = {
    "boxes": [[90, 70], [230, 210]],
    "polygons": [*SQUARE, SQUARE[0]],
    "keypoints": [[160, 140]],
}


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", sorted(CASES))
def test_a_guest_works_on_images_by_touch_on_a_phone(kind, make_actor, image_order, open_player):
    order = image_order(make_actor(), kind, items=2)
    page = open_player(order, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    for number in range(2):
        page.wait_for_selector("[data-image=ready]")
        for x, y in TAPS[kind]:
            tap(page, x, y)
        page.locator(".shape-chips").get_by_role("button", name="red cell").tap()
        if TAKE_SCREENSHOTS:
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=SCREENSHOTS / f"player-{kind}-touch.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.get_by_role("button", name="Submit").tap()
        expect(page.locator('[data-part="answered"]')).to_have_text(str(number + 1))
    (control,) = Design.from_json(design(kind)).controls
    for shapes in wait_for_answers(order, 2, page):
        assert control.similarity(shapes, CASES[kind][0][:1]) > 0.85


def tap(page: Page, x: float, y: float) -> None:
    spot = page.evaluate(
        """([x, y]) => {
          const svg = document.querySelector(".shape-frame svg");
          const point = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM());
          return [point.x, point.y];
        }""",
        [x, y],
    )
    page.touchscreen.tap(*spot)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", sorted(CASES))
def test_the_player_with_an_image_is_light_and_accessible(kind, make_actor, image_order, open_player):
    order = image_order(make_actor(), kind)
    page = open_player(order, make_actor(personal=True))
    watch = Watch.over(page)
    page.reload()
    page.wait_for_selector("[data-image=ready]")
    press(page, *BY_KEYS[kind])
    assert_page_ok(page, watch, name=f"task-player-{kind}", budget_kb=45)
    page.reload()
    page.wait_for_selector("[data-image=ready]")
    expect(page.locator(".shape-row")).to_have_count(1)  # what was begun is kept
