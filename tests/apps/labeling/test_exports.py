"""An order and its dataset in other tools' formats; designs from Label Studio's configs; rows that must go."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from typing import Any

import pyarrow.parquet
import pytest

from apps.core.outbox import drain
from apps.core.tenant import tenant_scope
from apps.datasets import exports as dataset_exports
from apps.datasets import selectors as datasets
from apps.datasets import services as dataset_services
from apps.labeling.formats import label_studio
from apps.labeling.formats.catalogue import FORMATS
from apps.labeling.formats.label_studio_config import label_config
from apps.labeling.formats.label_studio_design import read_label_config
from apps.labeling.models import Order, Task
from apps.labeling.selectors.exports import items, pseudonym
from tests.apps.labeling.formats.samples import TEXT

pytestmark = pytest.mark.django_db


@pytest.fixture
def worked(make_actor: Any, make_order: Any, work: Any) -> tuple[Any, Any, list[Any]]:
    """A running order of three items, one of them a check question, answered by two annotators."""
    requester, workers = make_actor(), [make_actor(personal=True) for _ in range(2)]
    order = make_order(requester, items=3, gold=1, redundancy=2)
    for worker in workers:
        work(worker, order)
    return requester, order, workers


def test_every_item_comes_with_its_answers(worked):
    _, order, workers = worked
    found = list(items(order))
    assert [one.id for one in found] == ["n0", "n1", "n2"]
    assert [one.data["text"] for one in found] == ["text 0", "text 1", "text 2"]
    assert found[0].gold == {"label": "ham"}
    names = {pseudonym(order.id, worker.organisation_id) for worker in workers}
    assert all({answer.annotator for answer in one.answers} == names for one in found)
    assert found[1].answers[0].answer == {"label": "spam"}
    assert found[1].answers[0].elapsed_ms == 900


def test_an_order_is_exported_in_every_format_that_fits(worked, api_for):
    requester, order, _ = worked
    client, url = api_for(requester), f"/api/v1/orders/{order.id}/export/"

    def export(name: str) -> bytes:
        answer = client.get(f"{url}?format={name}")
        assert answer.status_code == 200, answer.content
        assert answer["Content-Disposition"] == f'attachment; filename="Spam-or-ham.{FORMATS[name].extension}"'
        return b"".join(answer.streaming_content)

    lines = [json.loads(line) for line in export("jsonl").splitlines()]
    assert [len(line["answers"]) for line in lines] == [2, 2, 2]
    rows = list(csv.DictReader(io.StringIO(export("csv").decode(), newline="")))
    assert [row["id"] for row in rows] == ["n0", "n1", "n2"]
    config = read_label_config(export("label_config").decode())
    tasks = list(label_studio.read(config, io.BytesIO(export("label_studio"))))
    assert tasks == list(items(order))
    table = pyarrow.parquet.read_table(io.BytesIO(export("parquet")))
    assert table.column("id").to_pylist() == ["n0", "n1", "n2"]
    archive = zipfile.ZipFile(io.BytesIO(export("huggingface")))
    assert "data/train-00000-of-00001.parquet" in archive.namelist()
    for name in ("coco", "conll"):
        refused = client.get(f"{url}?format={name}")
        assert (refused.status_code, refused.json()["code"]) == (422, "format_not_possible")
    assert client.get(f"{url}?format=doc").json()["code"] == "unknown_format"
    assert client.get(url).status_code == 422


def test_an_export_is_for_the_requester_alone(worked, api_for, make_actor):
    _, order, workers = worked
    for other in (workers[0], make_actor(name="Other")):
        assert api_for(other).get(f"/api/v1/orders/{order.id}/export/?format=jsonl").status_code == 404


@pytest.fixture
def released(worked: Any) -> tuple[Any, Any, Any]:
    """The same order, finished: its dataset version."""
    requester, order, _ = worked
    drain()
    with tenant_scope(requester.organisation_id):
        row = Order.objects.get(id=order.id)
        assert row.dataset_version_id is not None
        return requester, row, datasets.dataset_version(row.dataset_version_id)


def test_a_dataset_is_exported_in_the_formats_of_its_design(released):
    _, _, version = released
    names = {one.name for one in dataset_exports.formats_for(version)}
    assert names == {"jsonl", "csv", "label_studio", "label_config", "parquet", "huggingface"}
    found = dataset_exports.format_named("label_studio", version)
    tasks = json.loads(b"".join(found.write(version, datasets.iter_rows(version.id))))
    assert tasks[1]["data"] == {"text": "text 1"}
    assert tasks[1]["annotations"][0]["result"][0]["value"] == {"choices": ["spam"]}
    packed = b"".join(
        dataset_exports.format_named("huggingface", version).write(version, datasets.iter_rows(version.id))
    )
    card = zipfile.ZipFile(io.BytesIO(packed)).read("README.md").decode()
    assert "## Measured quality" in card
    assert version.content_root in card


def test_a_person_leaves_the_order_as_well_as_the_dataset(released):
    requester, order, version = released
    with tenant_scope(requester.organisation_id):
        made = dataset_services.remove_person(actor=requester, dataset_id=version.dataset_id, column="id", value="n1")
        task = Task.objects.get(order=order, row=2)
        assert (task.data, task.external_id, task.gold, task.result) == ({"text": "(removed)"}, "", None, None)
        assert Task.objects.get(order=order, row=3).data == {"text": "text 2"}
    assert (made.rows, made.answers, made.new_version) == (1, 2, 2)


def test_a_config_becomes_a_design_by_api(make_actor, api_for):
    client = api_for(make_actor())

    def post(config: str) -> Any:
        return client.post(
            "/api/v1/label-configs/",
            {"config": config},
            content_type="application/json",
            headers={"Idempotency-Key": str(len(config))},
        )

    answer = post(label_config(TEXT))
    assert answer.status_code == 200, answer.content
    design = answer.json()["design"]
    assert [one["type"] for one in design["controls"]] == ["choice", "choices", "rating", "text", "number", "spans"]
    refused = post("<View>\n<Magic name='m' toName='x'/></View>")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_label_config")
    assert "<Magic> in line 2" in refused.json()["errors"][0]["message"]
