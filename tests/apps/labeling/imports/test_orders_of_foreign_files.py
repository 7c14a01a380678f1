"""Orders whose items come from another tool's file: CoNLL, Parquet, COCO on an import's images; and the order form."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.labeling.models import Order, Task
from tests.apps.labeling.imports.test_orders_of_imports import png, zipped
from tests.apps.labeling.test_labeling_pages import form

pytestmark = pytest.mark.django_db

BRIEF = {"title": "From a file", "instruction": "Mark it.", "price_minor": 4, "redundancy": 1, "gold_percent": 50}
CONLL = b"-DOCSTART- a -X- O\n\nAnn B-PER\nsings O\n\n-DOCSTART- b -X- O\n\nIn O\nOslo B-LOC\n\n"


def ordered(api: Any, name: str, content: bytes, **fields: Any) -> Any:
    file = SimpleUploadedFile(name, content)
    return api.post("/api/v1/orders/", BRIEF | {"file": file} | fields, format="multipart")


def coco(**changes: Any) -> bytes:
    content = {
        "images": [{"id": 1, "file_name": "one.png", "width": 40, "height": 30}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 10, 8]}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    return json.dumps(content | changes).encode()


def test_conll_brings_texts_classes_and_known_spans(actor, api_for):
    answer = ordered(api_for(actor), "news.conll", CONLL, format="conll")
    assert answer.status_code == 201, answer.content
    order = Order.objects.get()
    assert [one["name"] for one in order.design["controls"][0]["classes"]] == ["PER", "LOC"]
    tasks = {task.external_id: task for task in Task.objects.all()}
    assert tasks["a"].data == {"text": "Ann sings"}
    assert order.gold_count == 1
    [known] = [task.gold for task in tasks.values() if task.gold]
    assert known["entities"]["spans"][0]["label"] in ("PER", "LOC")
    bad = ordered(api_for(actor), "news.conll", b"Ann B-PER\nsings\n", format="conll")
    assert bad.status_code == 422
    assert "Line 2" in bad.json()["detail"]


def test_parquet_brings_rows(actor, api_for):
    import pyarrow as pa
    import pyarrow.parquet

    target = io.BytesIO()
    pa.parquet.write_table(pa.table({"text": ["one", "two"], "label": ["ham", "spam"]}), target)
    classes = json.dumps(["ham", "spam"])
    answer = ordered(api_for(actor), "rows.parquet", target.getvalue(), format="parquet", classes=classes)
    assert answer.status_code == 201, answer.content
    assert (answer.json()["items"], answer.json()["gold_items"]) == (2, 1)
    assert ordered(api_for(actor), "rows.parquet", b"nothing", format="parquet").status_code == 422


def test_coco_brings_known_boxes_to_the_images_of_an_import(actor, api_for, imported):
    batch = imported(zipped({"one.png": png("red"), "deep/two.png": png("blue")}), "pictures.zip")
    assert batch.item_count == 2, batch.problem
    api = api_for(actor)
    answer = ordered(api, "boxes.json", coco(), format="coco", import_id=str(batch.id))
    assert answer.status_code == 201, answer.content
    [task] = Task.objects.filter(gold__isnull=False)
    [control] = answer.json()["design"]["controls"]
    assert task.gold == {control["name"]: [{"x": 1, "y": 2, "width": 10, "height": 8, "label": "cat"}]}
    assert Task.objects.count() == 2
    missing = coco(images=[{"id": 1, "file_name": "three.png"}])
    refused = ordered(api, "boxes.json", missing, format="coco", import_id=str(batch.id))
    assert refused.status_code == 422
    assert "three.png" in refused.json()["detail"]
    wrong = coco(annotations=[{"id": 1, "image_id": 7, "category_id": 1, "bbox": [1, 2, 10, 8]}])
    refused = ordered(api, "boxes.json", wrong, format="coco", import_id=str(batch.id))
    assert "there is no image 7" in refused.json()["detail"]
    assert ordered(api, "boxes.json", coco(), format="coco").status_code == 422


def test_the_form_takes_an_import_instead_of_a_file(actor, client_for, imported):
    batch = imported(b"id,text\na,text 1\nb,text 2\n")
    client = client_for(actor)
    assert f"Import “{batch.title}”, 2 items" in client.get("/orders/new/").content.decode()
    assert b"4 labels" in client.get(f"/orders/quote/?import_id={batch.id}&redundancy=2&price=0.04").content
    fields = form(import_id=str(batch.id))
    del fields["file"]
    answer = client.post("/orders/new/", fields)
    assert answer.status_code == 302, answer.context["form"].errors
    assert Task.objects.filter(imported_item_id__isnull=False).count() == 2
    del fields["import_id"]
    refused = client.post("/orders/new/", fields)
    assert refused.status_code == 422
    assert "Choose a file, or one of your imports." in str(refused.context["form"].errors["file"])
