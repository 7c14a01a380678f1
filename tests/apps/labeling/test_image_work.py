"""Work on images from order to export by several annotators who must agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.core import outbox
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.datasets import selectors as datasets
from apps.labeling import services, uploads
from apps.labeling.design import Design
from apps.labeling.models import Annotation, Order
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef
from examples.task_types.media import photo, stored_photo

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
            rows = [{"id": f"n{n}", "photo": stored_photo(requester.organisation_id, photo(n))} for n in range(items)]
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
