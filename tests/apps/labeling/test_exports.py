"""An order and its dataset in other tools' formats; designs from Label Studio's configs; rows that must go."""

from __future__ import annotations

import csv
import io
import json
import time
import zipfile
from typing import Any

import pyarrow.parquet
import pytest

from apps.core import clock
from apps.core.outbox import drain
from apps.core.tenant import tenant_scope
from apps.datasets import exports as dataset_exports
from apps.datasets import selectors as datasets
from apps.datasets import services as dataset_services
from apps.labeling.formats import label_studio, tabular
from apps.labeling.formats.catalogue import FORMATS
from apps.labeling.formats.label_studio_config import label_config
from apps.labeling.formats.label_studio_design import read_label_config
from apps.labeling.models import Annotation, Assignment, Order, Task
from apps.labeling.selectors.export_lines import pseudonym
from apps.labeling.selectors.exports import export, items
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

    def fetch(name: str) -> bytes:
        answer = client.get(f"{url}?format={name}")
        assert answer.status_code == 200, answer.content
        assert answer["Content-Disposition"] == f'attachment; filename="Spam-or-ham.{FORMATS[name].extension}"'
        return b"".join(answer.streaming_content)

    lines = [json.loads(line) for line in fetch("jsonl").splitlines()]
    assert [len(line["answers"]) for line in lines] == [2, 2, 2]
    assert lines == [json.loads(json.dumps(tabular.item_json(one))) for one in items(order)]
    rows = list(csv.DictReader(io.StringIO(fetch("csv").decode(), newline="")))
    assert [row["id"] for row in rows] == ["n0", "n1", "n2"]
    config = read_label_config(fetch("label_config").decode())
    tasks = list(label_studio.read(config, io.BytesIO(fetch("label_studio"))))
    assert tasks == list(items(order))
    table = pyarrow.parquet.read_table(io.BytesIO(fetch("parquet")))
    assert table.column("id").to_pylist() == ["n0", "n1", "n2"]
    archive = zipfile.ZipFile(io.BytesIO(fetch("huggingface")))
    assert "data/train-00000-of-00001.parquet" in archive.namelist()
    for name in ("coco", "conll"):
        refused = client.get(f"{url}?format={name}")
        assert (refused.status_code, refused.json()["code"]) == (422, "format_not_possible")
    assert client.get(f"{url}?format=doc").json()["code"] == "unknown_format"
    assert client.get(url).status_code == 422


@pytest.mark.parametrize(
    "values",
    [
        {"external_id": 'a "quoted" \\ id\n\u2028', "data": {"text": 'say "hi" \\ \x1f \u2028 \U0001f600', "n": 1.50}},
        {"result": {"label": "ham"}, "confidence": 0.1 + 0.2, "made_by": "machine", "gold": None},
        {"result": {"label": None, "marks": []}, "confidence": 1e-9, "external_id": ""},
        {"result": None, "gold": {}, "made_by": "requester"},
    ],
)
def test_lines_say_what_the_items_say_whatever_stands_in_them(worked, values):
    requester, order, _ = worked
    with tenant_scope(requester.organisation_id):
        Task.objects.filter(order=order, row=2).update(**values)
    found = [json.loads(line) for line in b"".join(export(order, FORMATS["jsonl"])).decode().split("\n")[:-1]]
    assert found == [json.loads(json.dumps(tabular.item_json(one))) for one in items(order)]


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


def test_an_order_is_made_of_label_studios_tasks(make_actor, api_for):
    from django.core.files.uploadedfile import SimpleUploadedFile

    actor = make_actor()
    config = """<View><Text name="t" value="$body"/>
      <Choices name="Mood" toName="t"><Choice value="good"/><Choice value="bad"/></Choices></View>"""
    result = [{"from_name": "Mood", "to_name": "t", "type": "choices", "value": {"choices": ["bad"]}}]
    tasks = [
        {"id": 5, "data": {"body": "It rains."}, "annotations": [{"result": result, "ground_truth": True}]},
        {"id": 6, "data": {"body": "It shines."}, "annotations": []},
    ]

    def post(content: bytes) -> Any:
        form = {
            "title": "Moods",
            "instruction": "How is it?",
            "price_minor": 3,
            "gold_percent": 50,
            "label_config": config,
            "file": SimpleUploadedFile("tasks.json", content),
        }
        return api_for(actor).post("/api/v1/orders/", form, headers={"Idempotency-Key": str(len(content))})

    answer = post(json.dumps(tasks).encode())
    assert answer.status_code == 201, answer.content
    assert (answer.json()["items"], answer.json()["gold_items"]) == (2, 1)
    with tenant_scope(actor.organisation_id):
        first = Task.objects.get(order_id=answer.json()["id"], external_id="5")
        assert (first.data, first.gold) == ({"body": "It rains."}, {"mood": "bad"})
    refused = post(b'[{"data": 1}]')
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_tasks")


@pytest.mark.soak  # coverage and other tests beside it take from the rate
def test_an_order_streams_twenty_thousand_answers_a_second(make_actor, make_order, record_property):
    """Measured in processor time of this process, so that a busy machine does not decide."""
    requester = make_actor()
    order = make_order(requester, items=2_000, launch=False, redundancy=5)
    people = [make_actor(personal=True).organisation_id for _ in range(5)]
    now = clock.now()
    with tenant_scope(requester.organisation_id):
        tasks = list(Task.objects.filter(order=order))
        for person in people:
            leases = [
                Assignment(
                    tenant_id=order.tenant_id,
                    order=order,
                    task=task,
                    annotator_id=person,
                    state="submitted",
                    leased_at=now,
                    expires_at=now,
                )
                for task in tasks
            ]
            Assignment.objects.bulk_create(leases)
            Annotation.objects.bulk_create(
                Annotation(
                    tenant_id=order.tenant_id,
                    order=order,
                    task=lease.task,
                    assignment=lease,
                    annotator_id=person,
                    answer={"label": "spam"},
                    elapsed_ms=900,
                    reason="",
                    submitted_at=now,
                    currency="USD",
                )
                for lease in leases
            )
    for name in ("jsonl", "label_studio"):
        started, began = time.process_time(), time.perf_counter()
        size = sum(len(part) for part in export(order, FORMATS[name]))
        rate, by_clock = 10_000 / (time.process_time() - started), 10_000 / (time.perf_counter() - began)
        record_property(name, f"{rate:,.0f} answers/s of processor time, {by_clock:,.0f} by the clock, {size:,} bytes")
        assert rate > (20_000 if name == "jsonl" else 5_000)
