"""The SDK's orders: what is sent, and that every figure of the platform's answers is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

from sahara.resources.labeling import OrdersResource
from sahara.transport import Transport

CENTS = {"amount_minor": "330", "currency": "USD"}
QUOTE = {
    "items": 10,
    "labels": 30,
    "cost": CENTS,
    "fee": CENTS,
    "total": CENTS,
    "held": CENTS | {"amount_minor": "110"},
    "affordable_labels": 10,
}
ESTIMATE = {"share": 0.9, "low": 0.6, "high": 0.98, "cases": 10}
PROGRESS = {
    **dict.fromkeys(("items", "items_settled", "labels_wanted", "labels_given", "percent", "accepted", "rejected"), 1),
    **dict.fromkeys(("pending", "annotators", "gold_seen", "gold_right"), 1),
    "spent": CENTS,
    "money": {"held": CENTS, "spent": CENTS, "still_held": CENTS, "returned": CENTS},
    "quality": {"checked_items": ESTIMATE, "decided_items": None},
    "forecast": {"labels_left": 5, "labels_per_hour": 2.5, "ends_at": None, "cost": CENTS},
}
ORDER = {
    "id": str(uuid4()),
    "title": "Spam",
    "state": "paused",
    "items": 10,
    "gold_items": 0,
    "redundancy": 3,
    "target": 0.95,
    "budget": CENTS,
    "deadline": "2030-01-01T00:00:00Z",
    "design": {"inputs": [], "controls": []},
    "requirements": {"skills": [], "languages": ["sw"], "level": 1},
    "review": {"adjudication": True, "skill_id": None, "price_minor": 0},
    "quote": QUOTE,
    "progress": PROGRESS,
    "dataset_id": None,
    "dataset_version_id": None,
}
SAMPLE = {
    "tasks": [{"id": str(uuid4()), "data": {"text": "one"}}],
    "forecast": {
        "items": 10,
        "answered": 9,
        "seconds_per_label": 4,
        "is_measured": True,
        "hourly_rate": CENTS,
        "costs_at_most": CENTS,
        "done_soonest": None,
        "done_latest": None,
    },
}
EXTENSION = {"redundancy": 4, "labels_added": 10, "held_now": CENTS, "held_after": CENTS, "added": CENTS}


def orders(sent: list[tuple[str, str, Any]]) -> OrdersResource:
    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1/")
        sent.append((request.method, path, json.loads(request.content) if request.content else None))
        shown: dict[str, Any] = ORDER
        if path.endswith("sample/"):
            shown = SAMPLE
        elif request.method == "GET" and path.endswith("extension/"):
            shown = EXTENSION
        return httpx.Response(200, json=shown)

    http = httpx.Client(base_url="http://platform/api/v1/", transport=httpx.MockTransport(answer))
    return OrdersResource(Transport("http://platform", retries=0, http=http))


def test_an_order_is_drafted_with_its_terms() -> None:
    sent: list[tuple[str, str, Any]] = []
    deadline = datetime(2030, 1, 1, tzinfo=UTC)
    order = orders(sent).create(
        title="Spam",
        instruction="Spam?",
        rows=[{"text": "one"}],
        price_minor=10,
        classes=["ham", "spam"],
        target=0.95,
        budget_minor=110,
        deadline=deadline,
    )
    [(_, _, body)] = sent
    assert (body["target"], body["budget_minor"], body["deadline"]) == (0.95, 110, deadline.isoformat())
    assert (order.target, order.deadline, order.quote.affordable_labels) == (0.95, deadline, 10)
    assert order.progress is not None
    assert order.progress.quality.checked_items is not None
    assert order.progress.quality.checked_items.low == 0.6


def test_an_order_takes_an_import_instead_of_rows() -> None:
    sent: list[tuple[str, str, Any]] = []
    orders(sent).create(title="Spam", instruction="Spam?", import_id="one", price_minor=10, classes=["ham", "spam"])
    [(_, _, body)] = sent
    assert body["import_id"] == "one"
    assert "rows" not in body


def test_an_order_is_drafted_with_who_works_and_who_reviews() -> None:
    sent: list[tuple[str, str, Any]] = []
    skill = uuid4()
    order = orders(sent).create(
        title="Spam",
        instruction="Spam?",
        rows=[{"text": "one"}],
        price_minor=10,
        requirements={"skills": [skill], "languages": ["sw"], "level": 1},
        review={"adjudication": True, "skill_id": skill, "price_minor": 5, "reviews": 10},
    )
    orders(sent).set_review("x", adjudication=True, skill_id=skill, price_minor=5, reviews=10)
    (_, _, body), (method, path, settings) = sent
    assert body["requirements"] == {"skills": [str(skill)], "languages": ["sw"], "level": 1}
    assert body["review"] == settings
    assert settings == {"adjudication": True, "skill_id": str(skill), "price_minor": 5, "reviews": 10}
    assert (method, path.partition("orders/x/")[2]) == ("PUT", "review-settings/")
    assert (order.requirements["languages"], order.review.adjudication) == (["sw"], True)


def test_every_change_has_its_method() -> None:
    sent: list[tuple[str, str, Any]] = []
    client = orders(sent)
    changes: list[Callable[[], Any]] = [
        lambda: client.pause("x"),
        lambda: client.resume("x"),
        lambda: client.extension("x", redundancy=4),
        lambda: client.extend("x", redundancy=4),
        lambda: client.set_deadline("x", None),
        lambda: client.set_target("x", 0.9),
        lambda: client.answer_sample("x", client.sample("x").tasks[0], {"label": "ham"}, elapsed_ms=900),
        lambda: client.use_sample_as_checks("x"),
    ]
    for change in changes:
        assert change() is not None
    assert [(method, path.partition("orders/x/")[2]) for method, path, _ in sent] == [
        ("POST", "pause/"),
        ("POST", "resume/"),
        ("GET", "extension/"),
        ("POST", "extension/"),
        ("POST", "deadline/"),
        ("POST", "target/"),
        ("GET", "sample/"),
        ("POST", "sample/"),
        ("POST", "sample/checks/"),
    ]
    assert sent[3][2] == {"redundancy": 4}
    assert sent[4][2] == {"deadline": None}
    assert sent[5][2] == {"target": 0.9}
