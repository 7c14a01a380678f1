"""Questions about text, time and candidates: ordered, labelled, agreed on, paid and exported."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from apps.core import outbox
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.datasets import selectors as datasets
from apps.labeling import services
from apps.labeling.design import Design
from apps.labeling.models import Annotation, Order
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef
from tests.apps.labeling.test_task_types import PRICE, answer_all, draft

pytestmark = pytest.mark.django_db

CHECKS = 3
CANDIDATES = [{"key": key, "text": f"Answer {key}."} for key in "abcd"]
SOUND = {"media": str(uuid4()), "content_type": "audio/wav", "bytes": 48_044, "duration_ms": 3_000}
#: Type of input -> value of each item.
ITEMS: dict[str, Any] = {"text": "😀 Anna works for Acme.", "audio": SOUND, "candidates": CANDIDATES}


def mark(start: int, end: int, label: str) -> dict[str, Any]:
    return {"start": start, "end": end, "label": label}


def heard(start: int, end: int, text: str, label: str = "speech") -> dict[str, Any]:
    return {"start_ms": start, "end_ms": end, "label": label, "text": text}


ANNA, ACME = mark(2, 6, "person"), mark(17, 21, "firm")
WORKS = [{"from": 0, "to": 1, "label": "works for"}]
#: Type -> its input, its control, the known answer, another right one, a wrong one.
CASES: dict[str, tuple[str, dict[str, Any], Any, Any, Any]] = {
    "spans": (
        "text",
        {"classes": ["person", "firm"], "relation_classes": ["works for"]},
        {"spans": [ANNA, ACME], "relations": WORKS},
        {"spans": [ACME, mark(2, 7, "person")], "relations": [{"from": 1, "to": 0, "label": "works for"}]},
        {"spans": [mark(7, 12, "person")], "relations": []},
    ),
    "regions": (
        "audio",
        {"classes": ["speech", "noise"], "text": True},
        [heard(1_000, 2_000, "one two")],
        [heard(1_050, 2_020, "One two.")],
        [heard(0, 500, "what", "noise")],
    ),
    "transcription": ("audio", {}, "one two three", " One two  three. ", "for five"),
    "ranking": ("candidates", {}, list("abcd"), list("abdc"), list("dcba")),
    "preference": ("candidates", {"tie": True}, "a", "a", "tie"),
}


def order_of(requester: Any, kind: str, fund: Any) -> Order:
    shown, more, known, *_ = CASES[kind]
    design = {
        "inputs": [{"name": "item", "type": shown, "title": ""}],
        "controls": [{"type": kind, "name": "said", "input": "item", "title": "What is it?"} | more],
    }
    item = ITEMS[shown] if shown == "text" else json.dumps(ITEMS[shown])
    known = known if isinstance(known, str) else json.dumps(known)
    rows = [{"id": f"n{n}", "item": item, "said": known if n < CHECKS else "", "gold": n < CHECKS} for n in range(5)]
    with tenant_scope(requester.organisation_id):
        fund(requester.organisation_id, 10_000)
        order = draft(requester, design, rows)
        services.launch_order(actor=requester, order_id=order.id)
    return order


@pytest.mark.parametrize("kind", sorted(CASES))
def test_it_is_ordered_labelled_agreed_on_paid_and_exported(kind, make_actor, fund):
    *_, known, right, wrong = CASES[kind]
    requester, people = make_actor(), [make_actor(personal=True) for _ in range(3)]
    order = order_of(requester, kind, fund)
    for annotator, value in zip(people, (known, right, wrong), strict=True):
        answer_all(annotator, order, value)
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        order = Order.objects.get(id=order.id)
        answers = {row.annotator_id: row for row in Annotation.objects.filter(order=order, task__gold__isnull=True)}
    assert order.state == "finished"
    assert [answers[one.organisation_id].state for one in people] == ["accepted", "accepted", "rejected"]
    earned = [ledger.balance(AccountRef(one.organisation_id, AccountKind.EARNINGS, "USD")).available for one in people]
    assert earned == [Money(5 * PRICE), Money(5 * PRICE), Money(0)]
    assert order.dataset_version_id is not None
    exported = {str(row["id"]): row for row in datasets.iter_rows(order.dataset_version_id)}
    human = exported["n4"]
    assert (human["source"], human["answers"]) == ("human", 3)
    said = human["said"]
    said = json.loads(said) if isinstance(said, str) and said[:1] in "[{" else said
    control = Design.from_json(order.design).controls[0]
    assert control.similarity(said, control.clean(known, {"item": ITEMS[CASES[kind][0]]})) >= control.same_from
    assert (exported["n0"]["source"], exported["n0"]["confidence_bps"]) == ("requester", 10_000)


def test_dialogues_are_never_rejected_for_being_unlike_others(make_actor, fund):
    requester, people = make_actor(), [make_actor(personal=True) for _ in range(2)]
    design = {
        "inputs": [{"name": "topic", "type": "text", "title": ""}],
        "controls": [{"type": "dialogue", "name": "said", "input": "topic", "title": "Write it", "least": 2}],
    }
    with tenant_scope(requester.organisation_id):
        fund(requester.organisation_id, 1_000)
        order = draft(requester, design, [{"topic": "Bread"}], redundancy=2)
        services.launch_order(actor=requester, order_id=order.id)
    for annotator, word in zip(people, ("Rye?", "Wheat?"), strict=True):
        turns = [{"role": "user", "content": word}, {"role": "assistant", "content": "Yes."}]
        answer_all(annotator, order, turns)
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        order = Order.objects.get(id=order.id)
        assert set(Annotation.objects.filter(order=order).values_list("state", flat=True)) == {"accepted"}
    assert order.dataset_version_id is not None
    (row,) = datasets.iter_rows(order.dataset_version_id)
    assert "Rye?" in json.dumps(row["said"]) or "Wheat?" in json.dumps(row["said"])
