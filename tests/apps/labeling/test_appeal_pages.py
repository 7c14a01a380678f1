"""Appeals and reviews over HTTP: by forms, and by programs."""

from __future__ import annotations

from typing import Any

import pytest

from apps.core import outbox
from apps.core.tenant import tenant_scope
from apps.labeling.models import Annotation, AnnotatorStats, Order
from tests.apps.labeling.conftest import close_other_appeals, wrong

pytestmark = pytest.mark.django_db

WHY = "The sender does not sell anything at all."


@pytest.fixture
def refused(make_actor, make_order, work) -> tuple[Any, Any, Any, Any]:
    """(requester, order, annotator, answer): one answer rejected for a missed check question."""
    close_other_appeals()
    requester, annotator = make_actor(), make_actor(personal=True)
    order = make_order(requester, items=2, gold=2, redundancy=1)
    work(annotator, order, wrong)
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        return requester, order, annotator, Annotation.objects.filter(order=order, state="rejected")[0]


@pytest.fixture
def reviewers(make_actor, make_order) -> list[Any]:
    """Two people with a record."""
    elsewhere = make_order(make_actor(), items=1)
    people = [make_actor(personal=True) for _ in range(2)]
    with tenant_scope(elsewhere.tenant_id):
        for one in people:
            AnnotatorStats.objects.create(
                order_id=elsewhere.id, annotator_id=one.organisation_id, submitted=10, accepted=10
            )
    return people


def test_a_person_appeals_others_review_and_the_requester_sees_the_outcome(refused, reviewers, client_for):
    requester, order, annotator, answer = refused
    client = client_for(annotator)
    assert f"/work/mine/{answer.id}/" in client.get("/work/mine/").content.decode()
    page = f"/work/mine/{answer.id}/"
    assert b"Why is your answer right?" in client.get(page).content
    refusal = client.post(f"{page}appeal/", {"text": "no"})
    assert refusal.status_code == 422
    assert b"Say in 10 to 1,000 characters" in refusal.content
    assert client.post(f"{page}appeal/", {"text": WHY}).status_code == 302
    shown = client.get(page).content.decode()
    assert WHY in shown
    assert "without knowing which is yours" in shown
    assert b"kept for answers" in client_for(requester).get(f"/orders/{order.id}/appeals/").content
    for one in reviewers:
        browser = client_for(one)
        assert b"Take the next review" in browser.get("/work/reviews/").content
        browser.post("/work/reviews/take/")
        review = browser.get("/work/reviews/")
        assert b"Both are right" in review.content
        assert WHY.encode() not in review.content
        decided = browser.post(f"/work/reviews/{review.context['review'].id}/decide/", {"verdict": "both"}, follow=True)
        assert b"$0.05 is in your earnings" in decided.content
    assert b"2 of 2 reviewers" in client.get(page).content
    seen = client_for(requester).get(f"/orders/{order.id}/appeals/").content.decode()
    assert WHY in seen
    assert "upheld" in seen
    assert "$0.04" in seen


def test_a_program_appeals_and_reviews(refused, reviewers, api_for):
    requester, order, annotator, answer = refused
    api = api_for(annotator)
    url = f"/api/v1/annotations/{answer.id}/appeal/"
    assert api.get(url).json()["code"] == "appeal_not_found"
    listed = {row["id"]: row for row in api.get("/api/v1/annotations/").json()["results"]}
    assert listed[str(answer.id)]["appeal_until"]
    assert api.post(url, {"text": WHY}, format="json").status_code == 201
    assert api.get(url).json()["state"] == "open"
    for one in reviewers:
        program = api_for(one)
        review = program.post("/api/v1/reviews/", {}, format="json").json()
        assert review["verdicts"] == ["first", "second", "both", "neither"]
        told = program.post(f"/api/v1/reviews/{review['id']}/decide/", {"verdict": "neither"}, format="json")
        assert told.json() == {"amount_minor": "5", "currency": "USD"}
    assert api.get(url).json()["rule"] == "appeal_dismissed"
    assert api_for(reviewers[0]).post("/api/v1/reviews/", {}, format="json").status_code == 204
    found = api_for(requester).get(f"/api/v1/orders/{order.id}/appeals/").json()["results"]
    assert [(row["state"], row["text"]) for row in found] == [("dismissed", WHY)]


def test_an_order_says_how_long_answers_wait(make_actor, api_for):
    requester = make_actor()
    brief = {"title": "T", "instruction": "I", "classes": ["a", "b"], "price_minor": 1, "rows": [{"text": "x"}]}
    refused = api_for(requester).post("/api/v1/orders/", brief | {"auto_approve_days": 31}, format="json")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "auto_approve_days"
    made = api_for(requester).post("/api/v1/orders/", brief | {"auto_approve_days": 2}, format="json")
    assert made.json()["auto_approve_days"] == 2
    with tenant_scope(requester.organisation_id):
        assert Order.objects.get().auto_approve_days == 2
