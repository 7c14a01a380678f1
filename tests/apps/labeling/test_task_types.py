"""Every type of question that is a field of a form: ordered, labelled, agreed on, paid and exported."""

from __future__ import annotations

from typing import Any

import pytest

from apps.core import outbox
from apps.core.errors import InvalidInput
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.datasets import selectors as datasets
from apps.labeling import services, uploads
from apps.labeling.design import Design
from apps.labeling.errors import UnusableAnswer
from apps.labeling.models import Annotation, Order
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef

pytestmark = pytest.mark.django_db

TEXT = {"name": "text", "type": "text", "title": "The message"}
PRICE = 5


def control(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "name": "said", "input": "text", "title": "What is it?"} | more


#: Type -> its control, the known answer of check questions, two right answers, a wrong one, the result.
CASES: dict[str, tuple[dict[str, Any], str, Any, Any, Any, Any]] = {
    "choice": (control("choice", classes=["ham", "spam"]), "ham", "ham", "ham", "spam", "ham"),
    "choices": (
        control("choices", classes=["rude", "urgent", "billing"], least=0),
        '["urgent", "billing"]',
        ["billing", "urgent"],
        ["urgent", "billing"],
        ["rude"],
        ["urgent", "billing"],
    ),
    "rating": (control("rating", most=5, low="bad", high="good"), "4", 4, "4", 1, 4),
    "text": (
        control("text"),
        "The gateway lost its power",
        "the gateway lost its power.",
        "The gateway lost its power",
        "no idea",
        "The gateway lost its power",
    ),
    "number": (control("number", tolerance="0.5", unit="V"), "12", "12.0", "12.30", "24", "12"),
}


def draft(requester: Any, design: dict[str, Any], rows: list[dict[str, Any]], redundancy: int = 3) -> Order:
    return services.create_order(
        actor=requester,
        title="All types",
        instruction="Answer.",
        price=Money(PRICE),
        redundancy=redundancy,
        design=design,
        table=uploads.read_rows(rows, design=Design.from_json(design)),
    )


def answer_all(annotator: Any, order: Order, value: Any) -> None:
    with tenant_scope(annotator.organisation_id):
        for task in services.lease_tasks(actor=annotator, order_id=order.id, count=10).tasks:
            answer = {"said": value}
            services.submit_annotation(
                actor=annotator, assignment_id=task.assignment_id, answer=answer, elapsed_ms=2_000
            )


@pytest.mark.parametrize("kind", sorted(CASES))
def test_it_is_ordered_labelled_agreed_on_paid_and_exported(kind, make_actor, fund):
    asked, known, right, also_right, wrong, result = CASES[kind]
    requester = make_actor()
    people = [make_actor(personal=True) for _ in range(3)]
    rows = [{"id": f"n{n}", "text": f"message {n}", "said": known if n < 3 else "", "gold": n < 3} for n in range(5)]
    with tenant_scope(requester.organisation_id):
        fund(requester.organisation_id, 10_000)
        order = draft(requester, {"inputs": [TEXT], "controls": [asked]}, rows)
        assert (order.item_count, order.gold_count) == (5, 3)
        services.launch_order(actor=requester, order_id=order.id)
    for annotator, value in zip(people, (right, also_right, wrong), strict=True):
        answer_all(annotator, order, value)
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        order = Order.objects.get(id=order.id)
        answers = {row.annotator_id: row for row in Annotation.objects.filter(order=order, task__gold__isnull=True)}
    assert order.state == "finished"
    states = [answers[one.organisation_id].state for one in people]
    assert states == ["accepted", "accepted", "rejected"]
    earned = [ledger.balance(AccountRef(one.organisation_id, AccountKind.EARNINGS, "USD")).available for one in people]
    assert earned == [Money(5 * PRICE), Money(5 * PRICE), Money(0)]
    assert order.dataset_version_id is not None
    version = datasets.dataset_version(order.dataset_version_id)
    exported = {str(row["id"]): row for row in datasets.iter_rows(version.id)}
    human = exported["n4"]
    cleaned = Design.from_json(order.design).clean_answer({"said": result}, {})
    assert Design.from_json(order.design).same({"said": human["said"]}, cleaned)
    assert (human["source"], human["answers"]) == ("human", 3)
    assert 6_000 < human["confidence_bps"] < 10_000
    assert (exported["n0"]["source"], exported["n0"]["confidence_bps"]) == ("requester", 10_000)
    assert version.schema["said"].startswith("What is it?")


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("choice", "eggs", "none of the choices"),
        ("choice", None, "is not answered"),
        ("choices", ["eggs"], "none of the choices"),
        ("rating", 6, "from 1 to 5"),
        ("rating", "many", "from 1 to 5"),
        ("text", "x" * 3_000, "at most 2,000"),
        ("text", " ", "is not answered"),
        ("number", "twelve", "is not a number"),
        ("number", "NaN", "digits"),
        ("number", "1e999999", "digits"),
        ("number", 1.5, "given as text"),
    ],
)
def test_a_value_outside_the_question_is_refused_and_says_why(kind, value, message):
    from apps.labeling.controls import AnswerProblem

    design = Design.from_json({"inputs": [TEXT], "controls": [CASES[kind][0]]})
    with pytest.raises(AnswerProblem, match=message) as caught:
        design.clean_answer({"said": value}, {"text": "message"})
    assert caught.value.field == "said"


MIXED = {
    "inputs": [TEXT],
    "controls": [
        {"type": "choice", "name": "label", "input": "text", "title": "Kind", "classes": ["ham", "spam"]},
        {"type": "rating", "name": "anger", "input": "text", "title": "Anger", "most": 5},
        {"type": "text", "name": "note", "input": "text", "title": "Note", "required": False},
    ],
}


def test_questions_can_be_mixed_and_left_open_where_they_may(make_actor, fund):
    requester, annotator = make_actor(), make_actor(personal=True)
    with tenant_scope(requester.organisation_id):
        fund(requester.organisation_id, 1_000)
        order = draft(requester, MIXED, [{"text": "one"}, {"text": "two"}], redundancy=1)
        services.launch_order(actor=requester, order_id=order.id)
    with tenant_scope(annotator.organisation_id):
        first, second = services.lease_tasks(actor=annotator, order_id=order.id, count=2).tasks
        given = {"actor": annotator, "assignment_id": first.assignment_id, "elapsed_ms": 1}
        with pytest.raises(UnusableAnswer) as caught:
            services.submit_annotation(**given, answer={"label": "ham"})
        assert caught.value.errors[0]["field"] == "answer.anger"
        with pytest.raises(UnusableAnswer, match="none of the questions"):
            services.submit_annotation(**given, answer={"label": "ham", "anger": 2, "smell": "bad"})
        done = services.submit_annotation(**given, answer={"label": "ham", "anger": "2", "note": ""})
        assert done.annotation.answer == {"label": "ham", "anger": 2}
        assert done.annotation.answer_text == "Kind: ham; Anger: 2"
        services.submit_annotation(
            actor=annotator,
            assignment_id=second.assignment_id,
            answer={"label": "spam", "anger": 5, "note": "shouts"},
            elapsed_ms=1,
        )
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        order = Order.objects.get(id=order.id)
    assert order.dataset_version_id is not None
    rows = [datasets.iter_rows(order.dataset_version_id)]
    found = {str(row["text"]): (row["label"], row["anger"], row["note"]) for row in rows[0]}
    assert set(found.values()) == {("ham", 2, None), ("spam", 5, "shouts")}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"inputs": []}, "design.inputs"),
        ({"inputs": [{"name": "text", "type": "smell"}]}, "design.inputs.0.type"),
        ({"inputs": [TEXT, TEXT]}, "design.inputs"),
        ({"inputs": [TEXT | {"name": "gold"}]}, "design.inputs"),
        ({"controls": []}, "design.controls"),
        ({"controls": [control("sniff")]}, "design.controls.0.type"),
        ({"controls": [control("choice", classes=["one"])]}, "design.controls.0.classes"),
        ({"controls": [control("rating", most=99)]}, "design.controls.0.most"),
        ({"controls": [control("number", tolerance="-1")]}, "design.controls.0.tolerance"),
        ({"controls": [control("rating", input="image")]}, "design.controls.0.input"),
        ({"controls": [control("rating", name="text")]}, "design.controls"),
        ({"controls": [control("rating"), control("text")]}, "design.controls"),
    ],
)
def test_a_wrong_design_names_its_part_and_nothing_is_saved(make_actor, changes, field):
    requester = make_actor()
    with tenant_scope(requester.organisation_id):
        with pytest.raises(InvalidInput) as caught:
            services.create_order(
                actor=requester,
                title="Wrong",
                instruction="Answer.",
                price=Money(PRICE),
                redundancy=1,
                design=MIXED | changes,
                table=uploads.read_rows([{"text": "one"}]),
            )
        assert field in {problem.get("field") for problem in caught.value.errors}
        assert not Order.objects.exists()
