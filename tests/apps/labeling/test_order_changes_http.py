"""Terms and changes of orders over HTTP: the API, the pages without JavaScript, and what annotators see of a pause."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.core import clock, outbox
from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.models import Order
from tests.apps.labeling.conftest import truth
from tests.apps.labeling.test_labeling_pages import form
from tests.apps.labeling.test_order_changes import held_by

pytestmark = pytest.mark.django_db

ROWS = [{"text": f"text {n}"} for n in range(10)]
ORDER = {"title": "Spam", "instruction": "Spam?", "classes": ["ham", "spam"], "price_minor": 10, "rows": ROWS}


def test_the_api_drafts_with_terms_quotes_and_changes(make_actor, api_for, fund, work):
    requester, annotator = make_actor(), make_actor(personal=True)
    fund(requester.organisation_id, 10_000)
    api = api_for(requester)
    soon = (clock.now() + timedelta(hours=2)).isoformat()
    terms = {"target": 0.95, "budget_minor": 110, "deadline": soon}
    draft = api.post("/api/v1/orders/", ORDER | terms, format="json").json()
    assert (draft["target"], draft["deadline"]) == (0.95, soon.replace("+00:00", "Z"))
    assert draft["budget"] == {"amount_minor": "110", "currency": "USD"}
    quote = draft["quote"]
    assert (quote["total"]["amount_minor"], quote["held"]["amount_minor"]) == ("330", "110")
    assert quote["affordable_labels"] == 10
    assert draft["progress"]["money"] is None
    for wrong in ({"target": 1.5}, {"budget_minor": 20}, {"deadline": "2020-01-01T00:00:00Z"}):
        answer = api.post("/api/v1/orders/", ORDER | wrong, format="json")
        assert answer.status_code == 422, answer.content
        assert answer.json()["errors"][0]["field"] == next(iter(wrong)).removesuffix("_minor")
    order = api.post("/api/v1/orders/", ORDER | {"redundancy": 1}, format="json").json()
    url = f"/api/v1/orders/{order['id']}/"
    assert api.get(f"{url}extension/?redundancy=2").status_code == 409
    assert api.post(f"{url}launch/").json()["state"] == "running"
    assert api.post(f"{url}pause/").json()["state"] == "paused"
    assert api.post(f"{url}resume/").json()["state"] == "running"
    found = api.get(f"{url}extension/?redundancy=2").json()
    assert (found["labels_added"], found["added"]["amount_minor"]) == (10, "110")
    assert api.get(f"{url}extension/").status_code == 422
    assert api.post(f"{url}extension/", {"redundancy": 2}, format="json").json()["redundancy"] == 2
    assert api.post(f"{url}deadline/", {"deadline": soon}, format="json").json()["deadline"] is not None
    assert api.post(f"{url}deadline/", {"deadline": None}, format="json").json()["deadline"] is None
    assert api.post(f"{url}target/", {"target": 0.9}, format="json").json()["target"] == 0.9
    refused = api.post(f"{url}target/", {"target": 0.2}, format="json")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "target")
    assert api.post(f"{url}target/", {"target": None}, format="json").json()["target"] is None
    with tenant_scope(requester.organisation_id):
        row = Order.objects.get(id=order["id"])
    work(annotator, row, limit=4)
    work(make_actor(personal=True), row, limit=3)
    outbox.drain()
    progress = api.get(f"{url}progress/").json()
    money = {name: int(value["amount_minor"]) for name, value in progress["money"].items()}
    assert money == {"held": 220, "spent": 66, "still_held": 154, "returned": 0}
    assert progress["quality"]["decided_items"]["cases"] == 3
    assert progress["forecast"]["labels_left"] == 13
    assert progress["forecast"]["ends_at"] is not None
    assert api.post(f"{url}cancel/").status_code == 200
    outbox.drain()
    money = {name: int(value["amount_minor"]) for name, value in api.get(url).json()["progress"]["money"].items()}
    assert money["held"] == money["spent"] + money["returned"] == 220
    assert money["still_held"] == 0


def test_the_form_takes_a_target_a_budget_and_a_deadline(make_actor, client_for):
    requester = make_actor()
    client = client_for(requester)
    soon = (clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    chosen = {"quality": "until_sure", "target_percent": "90", "budget": "0.50", "deadline": soon}
    answer = client.post("/orders/new/", form(**chosen))
    assert answer.status_code == 302, answer.context["form"].errors
    page = client.get(answer.url).content.decode()
    assert "answers at most" in page
    assert "Your budget pays for" in page
    with tenant_scope(requester.organisation_id):
        order = Order.objects.get()
    assert (order.target, order.budget_minor) == (0.9, 50)
    assert order.deadline is not None
    bad = form(budget="0.01", file=SimpleUploadedFile("m.csv", b"text\none\n"))
    refused = client.post("/orders/new/", bad)
    assert refused.status_code == 422
    assert "One item costs" in str(refused.context["form"].errors["budget"])
    quote = client.get("/orders/quote/?items=10&redundancy=2&price=0.10&budget=1.10&quality=until_sure")
    assert b"10 labels" in quote.content


def test_pages_pause_extend_and_set_a_deadline(make_actor, make_order, client_for, work):
    requester, annotator, stranger = make_actor(), make_actor(personal=True), make_actor()
    order = make_order(requester, items=4, redundancy=1, price=10)
    client, url = client_for(requester), f"/orders/{order.id}"
    with tenant_scope(annotator.organisation_id):
        [task] = services.lease_tasks(actor=annotator, order_id=order.id).tasks
    assert client.post(f"{url}/pause/").status_code == 302
    assert b"No new tasks are lent" in client.get(f"{url}/").content
    assert order.title.encode() not in Client().get("/work/").content
    assert task.data["text"].encode() in client_for(annotator).get(f"/work/{order.id}/").content
    assert b"This order is paused" in client_for(make_actor(personal=True)).get(f"/work/{order.id}/").content
    assert client.post(f"{url}/resume/").status_code == 302
    assert client.get(f"{url}/extend/").status_code == 200
    quoted = client.get(f"{url}/extend/?redundancy=3").content.decode()
    assert "Add $0.88" in quoted
    assert client.get(f"{url}/extend/?redundancy=1").status_code == 422
    assert client.post(f"{url}/extend/", {"redundancy": "3"}).status_code == 302
    soon = (clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    assert client.post(f"{url}/deadline/", {"deadline": soon}).status_code == 302
    assert b"ends by" in client.get(f"{url}/").content
    assert client.post(f"{url}/deadline/", {"deadline": "2020-01-01T00:00"}).status_code == 422
    assert client.post(f"{url}/deadline/", {"deadline": ""}).status_code == 302
    assert b"How sure" in client.get(f"{url}/extend/").content
    assert client.post(f"{url}/target/", {"target_percent": "40"}).status_code == 422
    assert client.post(f"{url}/target/", {"target_percent": "90"}).status_code == 302
    assert b"90 % sure" in client.get(f"{url}/").content
    assert client.post(f"{url}/target/", {"target_percent": ""}).status_code == 302
    for path in ("extend/", "pause/", "resume/", "deadline/", "target/"):
        assert client_for(stranger).post(f"{url}/{path}").status_code == 404
    with tenant_scope(annotator.organisation_id):
        answer = {"label": truth(task.data["text"])}
        services.submit_annotation(actor=annotator, assignment_id=task.assignment_id, answer=answer, elapsed_ms=9)
    with tenant_scope(requester.organisation_id):
        services.cancel_order(actor=requester, order_id=order.id)
    outbox.drain()
    assert client.get(f"{url}/extend/").status_code == 302
    page = client.get(f"{url}/").content.decode()
    assert "Given back" in page


SKILL = {"name": "Spam basics", "instruction": "Spam?", "price_minor": 5, "drawn": 3, "attempts": 2}
QUESTIONS = [{"text": f"question {n}", "label": "ham"} for n in range(4)]


def test_the_api_drafts_with_who_works_and_who_reviews(make_actor, api_for, fund):
    requester = make_actor()
    fund(requester.organisation_id, 10_000)
    api = api_for(requester)
    skill = api.post("/api/v1/skills/", SKILL | {"rows": QUESTIONS, "classes": ["ham", "spam"]}, format="json").json()
    skills_cost = held_by(requester)
    settings = {
        "requirements": {"skills": [skill["id"]], "languages": ["sw", "en"], "level": 1},
        "review": {"adjudication": True, "skill_id": skill["id"], "price_minor": 20, "reviews": 10},
    }
    draft = api.post("/api/v1/orders/", ORDER | settings, format="json").json()
    assert draft["requirements"] == settings["requirements"] | {"languages": ["en", "sw"]}
    assert draft["review"] == {"adjudication": True, "skill_id": skill["id"], "price_minor": 20}
    before = held_by(requester)
    assert before - skills_cost == 200
    wrong = (
        ({"requirements": {"languages": ["xx"]}}, "requirements.languages"),
        ({"requirements": {"level": 9}}, "requirements.level"),
        ({"review": {"skill_id": skill["id"], "price_minor": 20}}, "review.reviews"),
        ({"requirements": ["en"]}, "requirements"),
    )
    for change, field in wrong:
        answer = api.post("/api/v1/orders/", ORDER | change, format="json")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.content
    dear = {"review": settings["review"] | {"price_minor": 1_000, "reviews": 100}}
    assert api.post("/api/v1/orders/", ORDER | dear, format="json").status_code == 402
    assert [one["id"] for one in api.get("/api/v1/orders/").json()["results"]] == [draft["id"]]
    assert held_by(requester) == before
    # A draft that is given up gives back what was set aside for its reviews.
    assert api.post(f"/api/v1/orders/{draft['id']}/cancel/").status_code == 200
    assert held_by(requester) == skills_cost


def test_the_form_takes_who_works_and_who_reviews(make_actor, client_for, api_for, fund):
    requester = make_actor()
    fund(requester.organisation_id, 1_000)
    body = SKILL | {"rows": QUESTIONS, "classes": ["ham", "spam"]}
    skill = api_for(requester).post("/api/v1/skills/", body, format="json").json()["id"]
    client = client_for(requester)
    assert b"Who may work on it, who reviews" in client.get("/orders/new/").content
    chosen = {"skills": [skill], "languages": ["en", "sw"], "level": "1", "adjudication": "on"}
    paid = {"review_skill": skill, "review_price": "0.20", "review_count": "10"}
    answer = client.post("/orders/new/", form(**chosen, **paid))
    assert answer.status_code == 302, answer.context["form"].errors
    with tenant_scope(requester.organisation_id):
        order = Order.objects.get(skill=None)
    assert order.requirements == {"skills": [skill], "languages": ["en", "sw"], "level": 1}
    assert (order.adjudication, str(order.review_skill_id), order.review_price_minor) == (True, skill, 20)
    refused = client.post("/orders/new/", form(review_skill=skill, review_price="0.20"))
    assert refused.status_code == 422
    assert "reviews" in str(refused.context["form"].errors["review_count"])
    assert b"<details open" in refused.content
    broke = client.post("/orders/new/", form(review_skill=skill, review_price="10", review_count="900"))
    assert broke.status_code == 422
    with tenant_scope(requester.organisation_id):
        assert Order.objects.filter(skill=None).count() == 1
