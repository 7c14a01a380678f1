"""Reviewers accept and reject with a reason; adjudicators decide what annotators differ on; both are told and paid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.core import outbox
from apps.core.errors import NotPermitted
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.datasets import selectors as datasets
from apps.labeling import services, uploads
from apps.labeling.errors import OrderNotFound, UnusableAnswer
from apps.labeling.models import Annotation, AnnotatorStats, Order, Task
from apps.labeling.review_errors import NotReviewable, OwnItem, ReviewsUsedUp, UnusableReason
from apps.labeling.selectors import reviewing as selectors
from apps.labeling.services import settling
from apps.labeling.skill_errors import NotEligible
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef
from apps.tenancy.types import Role
from tests.apps.labeling.conftest import truth, wrong

pytestmark = pytest.mark.django_db

WHY = "It plainly sells something."


@pytest.fixture
def disputed(make_actor, make_order, work) -> Callable[..., Any]:
    """`disputed(adjudication=True)`: (requester, order, right, mistaken): two annotators who differ on every item."""

    def make(*, adjudication: bool = True, items: int = 2) -> tuple[Any, Any, Any, Any]:
        requester = make_actor()
        order = make_order(requester, items=items, redundancy=2)
        with tenant_scope(requester.organisation_id):
            services.set_reviews(actor=requester, order_id=order.id, adjudication=adjudication)
        right, mistaken = make_actor(personal=True), make_actor(personal=True)
        # Without adjudication an order whose items are all answered has ended.
        for person, say in ((right, truth), (mistaken, wrong)):
            work(person, order, say, limit=None if adjudication else items - 1)
        outbox.drain()
        return requester, order, right, mistaken

    return make


def tasks_of(order: Any) -> list[Task]:
    with tenant_scope(order.tenant_id):
        return list(Task.objects.filter(order=order).order_by("row"))


def answer_of(order: Any, task: Task, annotator: Any) -> Annotation:
    with tenant_scope(order.tenant_id):
        return Annotation.objects.get(order=order, task=task, annotator_id=annotator.organisation_id)


def adjudicate(actor: Any, order: Any, task: Task, label: str | None = None, why: str = WHY) -> Task:
    answer = {"label": label or truth(task.data["text"])}
    with tenant_scope(actor.organisation_id):
        return services.adjudicate(actor=actor, order_id=order.id, task_id=task.id, answer=answer, reason=why)


def review(actor: Any, order: Any, answer: Annotation, verdict: str, why: str = WHY) -> Annotation:
    with tenant_scope(actor.organisation_id):
        return services.review_answer(
            actor=actor, order_id=order.id, annotation_id=answer.id, verdict=verdict, reason=why
        )


def earned(person: Any) -> Money:
    found = ledger.balance(AccountRef(person.organisation_id, AccountKind.EARNINGS, "USD")).posted
    assert isinstance(found, Money)
    return found


def test_items_on_which_annotators_differ_wait_and_end_as_adjudicated(disputed, monkeypatch):
    requester, order, right, mistaken = disputed()
    notices: list[str] = []
    monkeypatch.setattr(settling, "notify", lambda subject, payload=None: notices.append(subject))
    first, second = tasks_of(order)
    assert (first.state, first.decided, first.disagreement) == ("complete", False, 1.0)
    assert answer_of(order, first, right).rule == "awaiting_adjudication"
    with tenant_scope(requester.organisation_id):
        queue = selectors.review_queue(selectors.reviewer_of(requester, order.id), order.id)
    assert [(item.percent, item.waits) for item in queue] == [(100, True)] * 2
    done = adjudicate(requester, order, first)
    assert (done.made_by, done.result, done.confidence) == ("adjudicated", {"label": truth("text 0")}, 1.0)
    assert adjudicate(requester, order, first).result == done.result
    kept, refused = answer_of(order, first, right), answer_of(order, first, mistaken)
    assert (kept.state, kept.rule, kept.amount_minor) == ("accepted", "agrees_with_adjudication", 4)
    assert (refused.state, refused.rule) == ("rejected", "differs_from_adjudication")
    assert WHY in refused.reason
    adjudicate(requester, order, second)
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        ended = Order.objects.get(id=order.id)
        assert ended.state == "finished"
        version_id = ended.dataset_version_id
        assert version_id is not None
        assert {row["source"] for row in datasets.iter_rows(version_id)} == {"adjudicated"}
    assert earned(right) == Money(8)
    assert {f"work:{one.organisation_id}" for one in (right, mistaken)} | {f"order:{order.id}"} <= set(notices)
    assert set(ledger.trial_balance().values()) <= {0}


def test_a_wrong_consensus_is_corrected_and_who_was_rejected_is_paid(disputed):
    requester, order, right, mistaken = disputed(adjudication=False, items=6)
    task = next(one for one in tasks_of(order) if one.disagreement)
    lost, won = answer_of(order, task, right), answer_of(order, task, mistaken)
    if lost.state == "pending":
        review(requester, order, lost, "rejected")
        lost = answer_of(order, task, right)
    assert lost.state in ("rejected", "accepted")
    before = {one.id: one.amount_minor for one in (lost, won)}
    adjudicate(requester, order, task)
    assert answer_of(order, task, right).state == "accepted"
    after = answer_of(order, task, mistaken)
    assert after.amount_minor >= before[won.id]
    with tenant_scope(order.tenant_id):
        stats = AnnotatorStats.objects.get(order=order, annotator_id=right.organisation_id)
        rows = Annotation.objects.filter(order=order, annotator_id=right.organisation_id)
        states = list(rows.values_list("state", flat=True))
    assert (stats.accepted, stats.rejected) == (states.count("accepted"), states.count("rejected"))
    assert set(ledger.trial_balance().values()) <= {0}


def test_a_review_accepts_or_rejects_with_a_reason(disputed):
    requester, order, right, mistaken = disputed()
    task = tasks_of(order)[0]
    with pytest.raises(UnusableReason):
        review(requester, order, answer_of(order, task, right), "accepted", " ")
    good = review(requester, order, answer_of(order, task, right), "accepted")
    assert (good.state, good.rule, good.amount_minor) == ("accepted", "review_accepted", 4)
    with pytest.raises(NotReviewable, match="accepted and paid"):
        review(requester, order, good, "rejected")
    bad = review(requester, order, answer_of(order, task, mistaken), "rejected")
    assert (bad.state, bad.rule) == ("rejected", "review_rejected")
    with tenant_scope(mistaken.organisation_id):
        filed = services.file_appeal(actor=mistaken, annotation_id=bad.id, text="It is an ordinary message.")
    assert filed.rule_before == "review_rejected"
    with pytest.raises(NotReviewable, match="appealed"):
        review(requester, order, answer_of(order, task, mistaken), "accepted")


def test_who_may_not_decide(disputed, make_actor, make_order):
    requester, order, right, _ = disputed()
    task = tasks_of(order)[0]
    for stranger in (make_actor(), make_actor(personal=True), right):
        with pytest.raises(OrderNotFound):
            adjudicate(stranger, order, task)
    viewer = make_actor(role=Role.VIEWER, organisation_id=requester.organisation_id)
    with pytest.raises(NotPermitted):
        adjudicate(viewer, order, task)
    with pytest.raises(UnusableAnswer):
        adjudicate(requester, order, task, "eggs")


def test_annotators_with_the_reviewers_skill_decide_and_are_paid(disputed, make_actor, work):
    requester, order, right, _ = disputed(items=3)
    first, second, third = tasks_of(order)
    reviewer = make_actor(personal=True)
    rows = [{"text": f"text {n}", "label": truth(f"text {n}")} for n in range(3)]
    with tenant_scope(requester.organisation_id):
        skill = services.create_skill(
            actor=requester,
            name="Reviewer",
            instruction="Spam?",
            table=uploads.read_rows(rows, with_answers=True),
            price=Money(1),
            drawn=3,
        )
        services.set_reviews(
            actor=requester, order_id=order.id, adjudication=True, skill_id=skill.id, price=Money(7), reviews=2
        )
    with pytest.raises(NotEligible, match="Reviewer"):
        adjudicate(reviewer, order, first)
    for person in (reviewer, right):
        with tenant_scope(person.organisation_id):
            attempt = services.take_skill(actor=person, skill_id=skill.id)
        work(person, attempt.order, truth)
        outbox.drain()
    before = earned(reviewer)
    adjudicate(reviewer, order, first)
    assert earned(reviewer) - before == Money(7)
    with pytest.raises(OwnItem):
        adjudicate(right, order, second)
    review(reviewer, order, answer_of(order, second, right), "accepted")
    with pytest.raises(ReviewsUsedUp):
        adjudicate(reviewer, order, third)
    assert tasks_of(order)[2].decided is False
    with tenant_scope(requester.organisation_id):
        services.finish_order(actor=requester, order_id=order.id)
    outbox.drain()
    cash = ledger.balance(AccountRef(requester.organisation_id, AccountKind.CASH, "USD"))
    assert cash.available <= cash.posted
    assert set(ledger.trial_balance().values()) <= {0}


def test_pages_and_api_show_answers_and_decide(disputed, client_for, api_for, make_actor):
    requester, order, right, _ = disputed()
    first, second = tasks_of(order)
    client = client_for(requester)
    queue = client.get(f"/orders/{order.id}/review/").content.decode()
    assert str(first.id) in queue
    page = client.get(f"/orders/{order.id}/review/{first.id}/").content.decode()
    assert "Which answer is right?" in page
    given = answer_of(order, first, right)
    body = {"as": str(given.id), "reason": WHY}
    assert client.post(f"/orders/{order.id}/review/{first.id}/decide/", body).status_code == 302
    assert tasks_of(order)[0].made_by == "adjudicated"
    api = api_for(requester)
    rows = api.get(f"/api/v1/orders/{order.id}/disputed/").json()["results"]
    assert [row["waits"] for row in rows] == [True, False]
    url = f"/api/v1/orders/{order.id}/items/{second.id}/adjudicate/"
    done = api.post(url, {"answer": {"label": truth("text 1")}, "reason": WHY}, format="json")
    assert (done.status_code, done.json()["made_by"]) == (200, "adjudicated")
    stranger = make_actor(personal=True)
    for path in (f"/orders/{order.id}/review/{first.id}/", f"/work/{order.id}/review/{first.id}/"):
        assert client_for(stranger).get(path).status_code == 404
    assert api_for(stranger).post(url, {"answer": {"label": "ham"}, "reason": WHY}, format="json").status_code == 404
