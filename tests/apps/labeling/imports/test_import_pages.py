"""The pages and the API of imports."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.core import outbox
from apps.labeling.import_models import Import

pytestmark = pytest.mark.django_db

STATEMENTS = {"licence": "CC-BY-4.0", "source": "Our shop", "consent_text": "Agreed in the terms."}


def upload(content: bytes = b"id,text\na,fine\nb,\n") -> SimpleUploadedFile:
    return SimpleUploadedFile("items.csv", content)


def test_a_form_leads_to_a_page_that_shows_progress_and_what_was_left_out(actor, client_for):
    client = client_for(actor)
    answer = client.post("/imports/new/", {"file": upload(), "consent": "yes", "masking": "on", **STATEMENTS})
    assert answer.status_code == 302, answer.content.decode()
    page = answer["Location"]
    assert "waiting for a worker" in client.get(page).content.decode()
    outbox.drain()
    shown = client.get(page + "progress/").content.decode()
    assert "data-live-done" in shown
    assert "The row holds nothing to be labelled" in shown
    listed = b"".join(client.get(page + "quarantine.csv").streaming_content).decode()
    assert listed.splitlines()[1].startswith("items.csv,3,text,")
    assert client.get("/imports/").status_code == 200


def test_a_form_without_a_licence_says_so_beside_the_field(actor, client_for):
    answer = client_for(actor).post("/imports/new/", {"file": upload(), **STATEMENTS, "licence": ""})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "Name the items&#x27; licence" in text
    assert "yes or no" in text
    assert not Import.objects.exists()


def test_the_api_refuses_an_unlicensed_import_with_the_reason(actor, api_for):
    answer = api_for(actor).post("/api/v1/imports/", {"urls": ["https://a.example/x.png"]}, format="json")
    assert answer.status_code == 422
    assert answer.json()["code"] == "unlicensed_import"
    assert [problem["field"] for problem in answer.json()["errors"]] == ["licence", "source", "consent_text", "consent"]


def test_the_api_shows_items_quarantine_and_what_an_owner_may_see(actor, api_for):
    api = api_for(actor)
    body = {"file": upload(b"id,text\na,mail a@example.org\nb,\n"), "consent": True, **STATEMENTS}
    made = api.post("/api/v1/imports/", body, format="multipart")
    assert made.status_code == 201, made.content
    outbox.drain()
    address = f"/api/v1/imports/{made.json()['id']}/"
    found = api.get(address).json()
    assert (found["state"], found["percent"], found["items"], found["quarantined"]) == ("ready", 100.0, 1, 1)
    assert "secret" not in found
    item = api.get(f"{address}items/").json()["results"][0]
    assert (item["data"], item["has_personal_data"]) == ({"text": "mail [EMAIL 1]"}, True)
    assert api.get(f"{address}quarantine/").json()["results"][0]["row"] == 3
    unmasked = api.post(f"/api/v1/imported-items/{item['id']}/unmask/")
    assert unmasked.json() == {"data": {"text": "mail a@example.org"}}
    assert api.post(f"{address}cancel/").status_code == 409
    assert api.delete(address).status_code == 204
    assert api.get(address).status_code == 404
