"""Orders made of imports: masked texts, signed media, each with its licence to the dataset's rows."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from django.test import Client
from PIL import Image

from apps.core import outbox
from apps.core.errors import Conflict, InvalidInput
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.datasets.models import DatasetVersion
from apps.labeling import services
from apps.labeling.import_models import Media
from apps.labeling.models import Task

pytestmark = pytest.mark.django_db

BRIEF: dict[str, Any] = {"title": "Spam?", "instruction": "Is it spam?", "price": Money(4), "redundancy": 1}


def png(colour: str) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(target, "PNG")
    return target.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def test_an_order_takes_masked_texts_with_their_rights_to_the_datasets_rows(actor, annotator, imported, fund, work):
    rows = b"id,text,label,gold,licence\na,write to a@example.org,ham,yes,MIT\nb,text 1,,,\nc,text 2,,,\n"
    batch = imported(rows)
    order = services.create_order_from_import(actor=actor, import_id=batch.id, classes=["ham", "spam"], **BRIEF)
    tasks = {task.external_id: task for task in Task.objects.filter(order=order)}
    assert tasks["a"].data == {"text": "write to [EMAIL 1]"}
    assert tasks["a"].gold == {"label": "ham"}
    assert tasks["a"].rights == {
        "licence": "MIT",
        "source": "Our shop's reviews",
        "consent": "Agreed in the shop's terms.",
    }
    fund(actor.organisation_id, 10_000)
    services.launch_order(actor=actor, order_id=order.id)
    with tenant_scope(annotator.organisation_id):
        for task in services.lease_tasks(actor=annotator, order_id=order.id, count=5).tasks:
            services.submit_annotation(
                actor=annotator, assignment_id=task.assignment_id, answer={"label": "ham"}, elapsed_ms=900
            )
    outbox.drain()
    version = DatasetVersion.objects.get(dataset_id__isnull=False)
    row = next(row for row in version.preview if row["id"] == "a")
    assert (row["licence"], row["item_source"]) == ("MIT", "Our shop's reviews")
    assert "licence" in version.schema


def test_a_known_label_outside_the_design_is_named_by_its_row(actor, imported):
    batch = imported(b"text,label\none,ham\ntwo,eggs\n")
    with pytest.raises(InvalidInput) as caught:
        services.create_order_from_import(actor=actor, import_id=batch.id, classes=["ham", "spam"], **BRIEF)
    assert [(problem["row"], problem["field"]) for problem in caught.value.errors] == [(2, "label")]
    assert not Task.objects.exists()


def test_nothing_can_be_ordered_of_an_import_before_it_is_ready(actor, start):
    batch = start(b"text\none\n")
    with pytest.raises(Conflict):
        services.create_order_from_import(actor=actor, import_id=batch.id, classes=["a", "b"], **BRIEF)


def test_the_api_takes_an_import_and_an_annotator_gets_a_signed_address(actor, annotator, imported, fund, api_for):
    batch = imported(zipped({"red.png": png("red"), "blue.png": png("blue")}), "images.zip")
    assert (batch.state, batch.item_count, batch.columns) == ("ready", 2, {"image": "image"})
    design = {
        "inputs": [{"name": "image", "type": "image", "title": ""}],
        "controls": [{"type": "choice", "name": "label", "input": "image", "classes": ["red", "blue"]}],
    }
    answer = api_for(actor).post(
        "/api/v1/orders/",
        {
            "title": "Colours",
            "instruction": "Which colour?",
            "design": design,
            "price_minor": 4,
            "redundancy": 1,
            "import_id": str(batch.id),
        },
        format="json",
    )
    assert answer.status_code == 201, answer.content
    fund(actor.organisation_id, 10_000)
    services.launch_order(actor=actor, order_id=answer.json()["id"])
    with tenant_scope(annotator.organisation_id):
        leased = services.lease_tasks(actor=annotator, order_id=answer.json()["id"], count=1).tasks[0]
    image = leased.data["image"]
    assert (image["content_type"], image["width"], image["height"]) == ("image/png", 40, 30)
    path = "/storage/" + image["url"].partition("/storage/")[2]
    shown = Client().get(path)
    assert shown.status_code == 200
    assert shown["Content-Type"] == "image/png"
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert shown["Content-Disposition"].startswith("attachment")
    assert "sandbox" in shown["Content-Security-Policy"]
    shown.close()
    assert Client().get(path[:-3] + "abc").status_code == 403
    part = Client().get(path, headers={"Range": "bytes=0-7"})
    assert (part.status_code, part.getvalue()) == (206, b"\x89PNG\r\n\x1a\n")
    assert Client().get(path, headers={"Range": "bytes=99999999-"}).status_code == 416


def test_another_organisations_file_cannot_be_shown_by_its_id(actor, other_actor, imported):
    imported(zipped({"red.png": png("red")}), "images.zip")
    media = Media.objects.get()
    from apps.labeling.selectors.imports import with_urls

    value = {"media": str(media.id), "content_type": "image/png"}
    with tenant_scope(other_actor.organisation_id):
        assert with_urls(other_actor.organisation_id, [{"image": value}]) == [{"image": value}]


def test_the_same_file_is_kept_once(imported):
    imported(zipped({"a.png": png("red"), "b.png": png("red")}), "images.zip")
    batch = imported(zipped({"c.png": png("red")}), "again.zip")
    assert batch.item_count == 1
    assert Media.objects.count() == 1


def test_a_manifest_adds_columns_and_names_what_is_missing(imported):
    manifest = b"file,id,text,label\nred.png,a,first,red\nmissing.png,b,second,red\n"
    batch = imported(zipped({"set/manifest.csv": manifest, "set/red.png": png("red"), "x.png": png("blue")}), "x.zip")
    assert (batch.item_count, batch.columns) == (1, {"image": "image", "text": "text"})
    found = {(bad.file, bad.row): bad.reason for bad in batch.quarantine.all()}
    assert "no file “missing.png”" in found[("set/manifest.csv", 3)]
    assert "no row for this file" in found[("x.png", 1)]


def test_an_import_of_dialogues_fits_a_design_with_one(actor, imported):
    line = {"id": "1", "chat": [{"role": "user", "content": "Call me at +49 30 901820"}]}
    batch = imported(json.dumps(line).encode(), "chats.jsonl")
    design = {
        "inputs": [{"name": "chat", "type": "dialogue", "title": ""}],
        "controls": [{"type": "choice", "name": "label", "input": "chat", "classes": ["ok", "bad"]}],
    }
    order = services.create_order_from_import(actor=actor, import_id=batch.id, design=design, **BRIEF)
    assert Task.objects.get(order=order).data == {"chat": [{"role": "user", "content": "Call me at [PHONE 1]"}]}
