"""One order with a machine through a real runner: its embeddings, a head that learns, an audit, machine labels."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any

import pytest

from apps.core import outbox
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.labeling import services, uploads
from apps.labeling.errors import OrderNotOpen
from apps.labeling.machine.sources import LanguageModel
from apps.labeling.models import Annotation, Order
from apps.labeling.selectors.machine import machine_figures

pytestmark = pytest.mark.django_db
FOOD = (
    *("a pizza", "the noodle soup", "a green salad", "some bread", "an apple pie", "the fried rice", "a burger"),
    *("the pancakes", "a cheese sandwich", "the tomato sauce", "a chocolate cake", "the roast chicken"),
    *("a bowl of pasta", "the ice cream"),
)
TRIPS = (
    *("a flight", "the night train", "a hotel room", "the ferry", "a rental car", "a tour bus", "the airport taxi"),
    *("a boat trip", "the city tour", "a beach holiday", "the bus ticket", "a plane seat", "the train to Rome"),
    *("a suitcase",),
)
PHRASES = (
    "I would like to have {} now",
    "can you get me {} please",
    "where do I find {}",
    "how much is {}",
    "is there {} left for today",
    "my friend wants {} too",
    "tell me more about {}",
    "{} was really good last time",
    "we were not happy with {}",
    "do you know a place for {}",
    "{} for two people please",
    "I forgot to ask about {}",
    "how long does {} take",
    "what is the best time for {}",
    "{} again, as always",
)


def rows() -> list[dict[str, str]]:
    made = [(name, "food") for name in FOOD] + [(name, "travel") for name in TRIPS]
    return [{"text": phrase.format(name), "label": ""} for (name, _), phrase in itertools.product(made, PHRASES)]


def truth(text: str) -> str:
    return "food" if any(name in text for name in FOOD) else "travel"


def test_a_machine_learns_an_order_from_the_runners_embeddings(make_actor, fund, work, runner: Any) -> None:
    requester, annotator = make_actor(), make_actor(personal=True)
    with tenant_scope(requester.organisation_id):
        order = services.draft_with(
            actor=requester,
            settings=services.DraftSettings({"mode": "assist", "precision": 0.9}),
            draft=lambda: services.create_order(
                actor=requester,
                title="Food or travel",
                instruction="What is it about?",
                classes=["food", "travel"],
                price=Money(4),
                redundancy=1,
                table=uploads.read_rows(rows()),
            ),
        )
        fund(requester.organisation_id, 10_000)
        services.launch_order(actor=requester, order_id=order.id)
    for _ in range(40):
        services.advance_machines()
        with contextlib.suppress(OrderNotOpen):
            work(annotator, order, truth, limit=30)
        outbox.drain()
        with tenant_scope(requester.organisation_id):
            order, figures = Order.objects.get(id=order.id), machine_figures(order)
        assert figures is not None
        if order.state != "running" or figures.accepted:
            break
    assert figures is not None
    assert figures.problem == ""
    assert figures.accepted >= 30
    assert figures.measured is not None
    assert figures.measured >= 0.9 - 0.015
    with tenant_scope(requester.organisation_id):
        assert Annotation.objects.filter(order=order).count() + figures.accepted <= len(rows())


def test_a_language_models_output_is_one_of_the_classes(runner: Any) -> None:
    rows = LanguageModel("Is the message about food or travel?", ("food", "travel")).rows(["a hot pizza with cheese"])
    assert rows.shape == (1, 2)
    assert abs(float(rows.sum()) - 1) < 1e-6
