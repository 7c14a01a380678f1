"""Orders and work over HTTP: pages that work without JavaScript, and the API that programs use."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.core import outbox
from apps.core.tenant import tenant_scope
from apps.labeling import task_types
from apps.labeling.models import Annotation, Order
from tests.apps.labeling.conftest import truth

pytestmark = pytest.mark.django_db

CSV = b"text,label\n" + b"".join(f"text {n},{truth(f'text {n}')}\n".encode() for n in range(10))


def form(**changes: Any) -> dict[str, Any]:
    return {
        "task_type": "text_classification",
        "file": SimpleUploadedFile("messages.csv", CSV),
        "title": "Spam or ham",
        "instruction": "Is it **spam**?<script>alert(1)</script>",
        "classes": "ham = a\nspam",
        "price": "0.04",
        "redundancy": "2",
        "gold_percent": "20",
    } | changes


def test_a_person_orders_launches_and_cancels(make_actor, client_for, fund):
    requester = make_actor()
    client = client_for(requester)
    assert client.get("/orders/").status_code == 200
    assert client.get("/orders/new/").status_code == 200
    name = f"Spam or ham {requester.organisation_id}"
    answer = client.post("/orders/new/", form(title=name))
    assert answer.status_code == 302, answer.content
    page = client.get(answer.url)
    assert b"$0.88" in page.content
    assert b"<script>alert" not in page.content
    with tenant_scope(requester.organisation_id):
        order = Order.objects.get()
    assert (order.item_count, order.gold_count) == (10, 2)
    assert order.design["controls"][0]["classes"] == [{"name": "ham", "key": "a"}, {"name": "spam", "key": "1"}]
    refused = client.post(f"/orders/{order.id}/launch/")
    assert refused.status_code == 402
    assert b"Top up $0.88" in refused.content
    fund(requester.organisation_id, 1000)
    assert client.post(f"/orders/{order.id}/launch/").status_code == 302
    assert b"Labels given" in client.get(f"/orders/{order.id}/").content
    assert client.get(f"/orders/{order.id}/progress/").status_code == 200
    assert name in Client().get("/work/").content.decode()
    assert client.post(f"/orders/{order.id}/cancel/").status_code == 302
    outbox.drain()
    assert b"cancelled" in client.get(f"/orders/{order.id}/").content
    assert name not in Client().get("/work/").content.decode()


@pytest.mark.parametrize(
    "chosen", [one for one in task_types.TASK_TYPES if one.input == "text"], ids=lambda one: one.key
)
def test_every_task_about_a_text_is_ordered_by_the_form(make_actor, client_for, chosen):
    requester = make_actor()
    changes = {
        "task_type": chosen.key,
        "file": SimpleUploadedFile("messages.csv", b"text\nfirst\nsecond\n"),
        "question": "What is it?",
        "relation_classes": "belongs to",
        "scale": "4",
        "tolerance": "0.5",
        "unit": "V",
        "gold_percent": "0",
    }
    answer = client_for(requester).post("/orders/new/", form(**changes))
    assert answer.status_code == 302, answer.context["form"].errors
    with tenant_scope(requester.organisation_id):
        control = Order.objects.get().design["controls"][0]
    assert (control["type"], control["input"]) == (chosen.control, "text")
    assert control["title"] == ("What is it?" if "question" in chosen.fields else "")
    assert chosen.control != "rating" or control["most"] == 4


def test_a_design_in_json_is_ordered_by_the_form_and_a_wrong_one_is_refused(make_actor, client_for):
    client = client_for(make_actor())
    design: dict[str, Any] = {
        "inputs": [{"name": "question", "type": "text"}],
        "controls": [{"type": "number", "name": "sum", "input": "question"}],
    }
    file = SimpleUploadedFile("sums.csv", b"question,sum\n1+1,2\n")
    assert (
        client.post("/orders/new/", form(task_type="custom", design=json.dumps(design), file=file)).status_code == 302
    )
    design["controls"][0]["input"] = "nothing"
    file = SimpleUploadedFile("sums.csv", b"question\n1+1\n")
    refused = client.post("/orders/new/", form(task_type="custom", design=json.dumps(design), file=file))
    assert refused.status_code == 422
    assert "needs an input of type" in refused.content.decode()


def test_bad_rows_are_listed_and_nothing_is_saved(make_actor, client_for):
    requester = make_actor()
    bad = SimpleUploadedFile("bad.csv", b"text,label\nfine,ham\n,ham\nodd,eggs\n")
    answer = client_for(requester).post("/orders/new/", form(file=bad))
    assert answer.status_code == 422
    assert b"The field is empty." in answer.content
    with tenant_scope(requester.organisation_id):
        assert not Order.objects.exists()


def test_the_preview_shows_rows_or_what_is_wrong(make_actor, client_for):
    client = client_for(make_actor())
    good = client.post("/orders/preview/", {"file": SimpleUploadedFile("m.csv", CSV)})
    assert b"text 4" in good.content
    assert b"text 5" not in good.content
    wrong = client.post("/orders/preview/", {"file": SimpleUploadedFile("m.csv", b"message\nhello\n")})
    assert wrong.status_code == 422
    assert "There is no column “text”".encode() in wrong.content
    quote = client.get("/orders/quote/?items=10&redundancy=3&price=0.04")
    assert b"$1.32" in quote.content


def test_a_guest_starts_without_signing_up_and_answers_without_javascript(make_actor, make_order):
    order = make_order(make_actor(), items=3, redundancy=1)
    guest = Client()
    assert b"Start the first task" in guest.get(f"/work/{order.id}/").content
    assert guest.get("/work/mine/").status_code == 302
    started = guest.post(f"/work/{order.id}/start/")
    assert started["Location"] == f"/work/{order.id}/"
    for left in (3, 2, 1):
        page = guest.get(f"/work/{order.id}/")
        task = page.context["task"]
        assert len(page.context["player"]["tasks"]) == left
        answer = guest.post(
            f"/work/{order.id}/answer/",
            {"assignment": str(task.assignment_id), "answer.label": truth(task.data["text"])},
        )
        assert answer.status_code == 302
    outbox.drain()
    mine = guest.get("/work/mine/")
    assert b"$0.12" in mine.content
    assert guest.get("/work/mine/totals/").status_code == 200


def test_a_mix_of_questions_is_answered_without_javascript(make_actor, client_for, api_for, fund):
    requester = make_actor()
    controls: list[dict[str, Any]] = [
        {"type": "choice", "name": "label", "classes": ["ham", "spam"]},
        {"type": "choices", "name": "tags", "classes": ["rude", "urgent"], "least": 0},
        {"type": "rating", "name": "anger", "most": 3},
        {"type": "text", "name": "note", "required": False},
        {"type": "number", "name": "amount"},
    ]
    body = {
        "title": "Mixed",
        "instruction": "Answer all.",
        "design": {
            "inputs": [{"name": "text", "type": "text"}],
            "controls": [one | {"input": "text", "title": one["name"].title()} for one in controls],
        },
        "price_minor": 5,
        "redundancy": 1,
        "rows": [{"text": "pay 12.50 now"}],
    }
    draft = api_for(requester).post("/api/v1/orders/", body, format="json")
    assert draft.status_code == 201, draft.content
    fund(requester.organisation_id, 1_000)
    order_id = draft.json()["id"]
    api_for(requester).post(f"/api/v1/orders/{order_id}/launch/")
    guest = Client()
    guest.post(f"/work/{order_id}/start/")
    page = guest.get(f"/work/{order_id}/")
    for name in ("label", "tags", "anger", "note", "amount"):
        assert f'name="answer.{name}"' in page.content.decode()
    given: dict[str, Any] = {
        "assignment": str(page.context["task"].assignment_id),
        "action": "answer",
        "answer.anger": "3",
    }
    refused = guest.post(f"/work/{order_id}/answer/", given, follow=True)
    assert "“Label” is not answered" in refused.content.decode()
    given |= {"answer.label": "spam", "answer.tags": ["urgent", "rude"], "answer.amount": "12.50", "answer.note": " "}
    guest.post(f"/work/{order_id}/answer/", given)
    with tenant_scope(requester.organisation_id):
        stored = Annotation.objects.get()
    assert stored.answer == {"label": "spam", "tags": ["rude", "urgent"], "anger": 3, "amount": "12.5"}
    assert "Label: spam; Tags: rude, urgent; Anger: 3; Amount: 12.5" in guest.get("/work/mine/").content.decode()


def test_a_program_orders_works_and_reads_its_answers(make_actor, api_for, fund):
    requester, annotator = make_actor(), make_actor(personal=True)
    api, worker = api_for(requester), api_for(annotator)
    rows = [{"id": f"n{n}", "text": f"text {n}", "label": truth(f"text {n}"), "gold": "yes"} for n in range(3)]
    rows += [{"text": f"text {n}"} for n in range(3, 6)]
    body = {
        "title": "By program",
        "instruction": "Choose.",
        "classes": ["ham", {"name": "spam", "key": "x"}],
        "price_minor": 5,
        "redundancy": 1,
        "rows": rows,
    }
    draft = api.post("/api/v1/orders/", body, format="json")
    assert draft.status_code == 201, draft.content
    assert draft.json()["quote"]["total"] == {"amount_minor": "33", "currency": "USD"}
    order_url = f"/api/v1/orders/{draft.json()['id']}/"
    unfunded = api.post(f"{order_url}launch/")
    assert unfunded.status_code == 402
    assert unfunded.json()["missing"] == {"amount_minor": "33", "currency": "USD"}
    assert api.get(order_url).json()["state"] == "draft"
    fund(requester.organisation_id, 33)
    assert api.post(f"{order_url}launch/").json()["state"] == "running"
    assert api.post(f"{order_url}launch/").status_code == 200

    board = worker.get("/api/v1/task-board/").json()["results"]
    assert [entry["title"] for entry in board if entry["order_id"] == draft.json()["id"]] == ["By program"]
    batch = worker.post(f"{order_url}leases/", {"count": 50}, format="json")
    assert batch.status_code == 201
    tasks = batch.json()["tasks"]
    assert len(tasks) == 6
    assert {frozenset(task) for task in tasks} == {frozenset({"id", "data", "expires_at", "expires_in_ms"})}
    for task in tasks:
        body = {"answer": {"label": truth(task["data"]["text"])}, "elapsed_ms": 5}
        answer = worker.post(f"/api/v1/assignments/{task['id']}/submit/", body, format="json")
        assert answer.status_code == 200, answer.content
        assert answer.json()["annotation"]["rule"] == "awaiting_labels"
    outbox.drain()
    mine = worker.get("/api/v1/annotations/?state=accepted").json()
    assert len(mine["results"]) == 6
    assert mine["results"][0]["amount"] == {"amount_minor": "5", "currency": "USD"}
    assert {one["rule"] for one in mine["results"]} == {"gold_match", "agrees_with_consensus"}
    finished = api.get(order_url).json()
    assert finished["state"] == "finished"
    lines = b"".join(api.get(f"{order_url}answers.jsonl").streaming_content).splitlines()
    assert [json.loads(line)["annotator"] for line in lines] == [1] * 6
    version = api.get(f"/api/v1/datasets/{finished['dataset_id']}/versions/1/").json()
    assert version["contributors"][0]["organisation_id"] == str(annotator.organisation_id)


def test_a_team_member_in_the_browser_works_in_the_personal_organisation(make_actor, make_order, client_for):
    order = make_order(make_actor(), items=2, redundancy=1)
    member = make_actor(name="Member")
    client = client_for(member)
    client.post(f"/work/{order.id}/start/")
    assert client.get(f"/work/{order.id}/").context["task"] is not None
    leases = client.get(f"/api/v1/orders/{order.id}/leases/").json()
    assert len(leases["tasks"]) == 2


def test_another_organisation_finds_no_order(make_actor, make_order, api_for, client_for):
    order = make_order(make_actor())
    stranger = make_actor(name="Stranger")
    api = api_for(stranger)
    for method, path in (
        ("get", ""),
        ("get", "progress/"),
        ("get", "answers.jsonl"),
        ("post", "launch/"),
        ("post", "cancel/"),
        ("post", "finish/"),
    ):
        answer = getattr(api, method)(f"/api/v1/orders/{order.id}/{path}")
        assert answer.status_code == 404, path
    assert client_for(stranger).get(f"/orders/{order.id}/").status_code == 404
    with tenant_scope(order.tenant_id):
        assert not Annotation.objects.exists()


def test_dataset_pages_show_card_and_downloads(make_actor, make_order, work, client_for, api_for):
    requester, annotator, stranger = make_actor(), make_actor(personal=True), make_actor()
    order = make_order(requester, items=6, gold=2, redundancy=1)
    work(annotator, order)
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        order = Order.objects.get(id=order.id)
    client = client_for(requester)
    assert b"Spam or ham" in client.get("/datasets/").content
    page = client.get(f"/datasets/{order.dataset_id}/")
    assert b"Train a model on it" in page.content
    assert b"style=" not in page.content
    base = f"/api/v1/datasets/{order.dataset_id}/versions/1/"
    jsonl = b"".join(client.get(f"{base}rows.jsonl").streaming_content)
    assert len(jsonl.splitlines()) == 6
    assert b"".join(client.get(f"{base}rows.parquet").streaming_content).startswith(b"PAR1")
    assert client_for(stranger).get(f"/datasets/{order.dataset_id}/").status_code == 404
    assert api_for(stranger).get(f"{base}rows.jsonl").status_code == 404


def test_a_file_with_more_check_questions_comes_as_multipart(make_actor, api_for):
    api = api_for(make_actor())
    body = {
        "title": "Files",
        "instruction": "Choose.",
        "classes": '["ham", "spam"]',
        "price_minor": "4",
        "redundancy": "1",
        "gold_percent": "0",
        "file": SimpleUploadedFile("messages.csv", CSV),
        "gold_file": SimpleUploadedFile("gold.jsonl", b'{"text": "buy now", "label": "spam"}\n'),
    }
    made = api.post("/api/v1/orders/", body)
    assert made.status_code == 201, made.content
    assert (made.json()["items"], made.json()["gold_items"]) == (11, 1)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"rows": []}, "empty_file", None),
        ({"rows": [{"message": "a"}]}, "wrong_columns", "text"),
        ({"rows": [{"text": "a"}, {"text": ""}]}, "invalid_rows", "text"),
        ({"rows": [{"text": "a", "label": "eggs"}]}, "invalid_rows", "label"),
        ({"rows": [{"text": "a", "gold": "yes"}]}, "invalid_rows", "label"),
        ({"rows": [{"id": "1", "text": "a"}, {"id": "1", "text": "b"}]}, "invalid_rows", "id"),
        ({"classes": ["one"]}, "invalid_order", "classes"),
        ({"classes": [{"name": "a", "key": "z"}, "b"]}, "invalid_order", "classes"),
        ({"price_minor": 0}, "invalid_order", "price_per_label"),
        ({"redundancy": 99}, "invalid_order", "redundancy"),
        ({"title": "x" * 200}, "invalid_order", "title"),
        ({"rows": None}, "invalid_input", "file"),
        ({"classes": [1]}, "invalid_input", "classes"),
    ],
)
def test_a_wrong_order_names_the_field_and_saves_nothing(make_actor, api_for, changes, code, field):
    actor = make_actor()
    body = {
        "title": "Wrong",
        "instruction": "Choose.",
        "classes": ["ham", "spam"],
        "price_minor": 4,
        "rows": [{"text": "a"}],
    } | changes
    answer = api_for(actor).post("/api/v1/orders/", {k: v for k, v in body.items() if v is not None}, format="json")
    assert answer.status_code == 422, answer.content
    problem = answer.json()
    assert problem["code"] == code
    assert field is None or field in {one.get("field") for one in problem["errors"]}
    with tenant_scope(actor.organisation_id):
        assert not Order.objects.exists()


def test_a_guests_answers_stay_with_the_user_who_signs_in(make_actor, make_order, work):
    from apps.labeling import services
    from apps.labeling.selectors.work import my_totals

    order = make_order(make_actor(), items=3, redundancy=1)
    guest, user = make_actor(personal=True), make_actor(personal=True)
    work(guest, order)
    outbox.drain()
    services.move_work(source_id=guest.organisation_id, target_id=user.organisation_id)
    with tenant_scope(user.organisation_id):
        assert my_totals(user).accepted == 3


def test_the_board_follows_the_work(make_actor, make_order, work):
    from apps.labeling import services
    from apps.labeling.selectors.work import board_entry

    order = make_order(make_actor(), items=30, redundancy=1)
    work(make_actor(personal=True), order, limit=25)
    services.refresh_board()
    entry, is_open = board_entry(order.id)
    assert is_open
    assert (entry.open_labels, entry.seconds_per_label) == (5, 1)
    assert entry.hourly_rate.minor == 4 * 3600
