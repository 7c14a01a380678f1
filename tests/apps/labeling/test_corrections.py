"""What leaves a dataset, and what an upheld appeal changes in it: data and pay agree."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image

from apps.assets import selectors as assets
from apps.core import outbox
from apps.core.money import Money
from apps.core.storage import get_storage
from apps.core.tenant import tenant_scope
from apps.datasets import selectors as datasets
from apps.datasets import services as dataset_services
from apps.datasets.types import DatasetVersionInfo
from apps.labeling import services, uploads
from apps.labeling.design import Design
from apps.labeling.models import Annotation, Media, Order, Task
from examples.task_types.media import stored_photo
from tests.apps.labeling.conftest import truth
from tests.apps.labeling.test_appeals import appeal, ended, judge, make_reviewer, rejected, right

__all__ = ["ended", "make_reviewer"]

pytestmark = pytest.mark.django_db

PHOTOS: dict[str, Any] = {
    "inputs": [{"name": "photo", "type": "image", "title": ""}],
    "controls": [{"type": "choice", "name": "said", "input": "photo", "title": "", "classes": ["cat", "dog"]}],
}


def newest(order: Order) -> DatasetVersionInfo:
    with tenant_scope(order.tenant_id):
        row = Order.objects.get(id=order.id)
        assert row.dataset_version_id is not None
        return datasets.dataset_version(row.dataset_version_id)


def photo(tenant_id: Any, colour: str) -> dict[str, Any]:
    target = io.BytesIO()
    Image.new("RGB", (32, 24), colour).save(target, "JPEG")
    return stored_photo(tenant_id, target.getvalue())


@pytest.mark.django_db(transaction=True)
def test_a_persons_photos_leave_storage_with_them_unless_something_else_shows_them(make_actor, fund):
    requester, annotator = make_actor(), make_actor(personal=True)
    fund(requester.organisation_id, 10_000)
    with tenant_scope(requester.organisation_id):
        mine, shared = (photo(requester.organisation_id, colour) for colour in ("red", "blue"))
        rows = [{"id": f"n{n}", "photo": json.dumps(one)} for n, one in enumerate((mine, shared, shared))]
        order = services.create_order(
            actor=requester,
            title="Cats and dogs",
            instruction="What is it?",
            design=PHOTOS,
            price=Money(4),
            redundancy=1,
            table=uploads.read_rows(rows, design=Design.from_json(PHOTOS)),
        )
        services.launch_order(actor=requester, order_id=order.id)
        keys = {one["media"]: Media.objects.get(id=one["media"]).storage_key for one in (mine, shared)}
    with tenant_scope(annotator.organisation_id):
        for task in services.lease_tasks(actor=annotator, order_id=order.id, count=3).tasks:
            services.submit_annotation(
                actor=annotator, assignment_id=task.assignment_id, answer={"said": "cat"}, elapsed_ms=900
            )
    outbox.drain()
    version = newest(order)
    assert version.row_count == 3
    storage = get_storage()

    def remove(row_id: str) -> Any:
        with tenant_scope(requester.organisation_id):
            return dataset_services.remove_person(
                actor=requester, dataset_id=version.dataset_id, column="id", value=row_id
            )

    assert (remove("n0").rows, remove("n1").new_version) == (1, 3)
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        assert not Media.objects.filter(id=mine["media"]).exists()
        assert Media.objects.filter(id=shared["media"]).exists()  # another item shows it
        assert Task.objects.filter(order=order, data={"photo": {}}).count() == 2
    assert storage.exists(keys[shared["media"]])
    assert not storage.exists(keys[mine["media"]])
    with tenant_scope(requester.organisation_id):
        listed = datasets.versions(datasets.own_dataset(requester, version.dataset_id))
        assert [one.row_count for one in listed] == [1, 1, 1]
    page = json.dumps([row for one in listed for row in datasets.iter_rows(one.id)])
    assert mine["media"] not in page


def test_an_upheld_appeal_that_changes_a_result_leads_to_a_version_with_it(
    ended, make_reviewer, make_actor, client_for
):
    requester, order, odd = ended()
    before = newest(order)
    one, other = rejected(order, odd)[:2]
    assert one.rule == "differs_from_consensus"
    appeal(odd, one)
    for _ in range(2):
        judge(make_reviewer(), right)
    outbox.drain()
    after = newest(order)
    assert (before.number, after.number) == (1, 2)
    with tenant_scope(requester.organisation_id):
        task = Task.objects.get(id=one.task_id)
        assert (task.made_by, task.result, task.confidence) == ("adjudicated", one.answer, 1.0)
        accepted = Annotation.objects.get(id=one.id)
    assert (accepted.state, accepted.amount_minor) == ("accepted", 4)
    assert accepted.reason.endswith("It is the item's result now.")
    old, new = ({row["id"]: row for row in datasets.iter_rows(one.id)} for one in (before, after))
    changed = {row_id for row_id in old if old[row_id] != new[row_id]}
    assert changed == {task.external_id}
    row = new[task.external_id]
    assert (row["label"], row["source"], row["confidence_bps"]) == (truth(row["text"]), "adjudicated", 10_000)
    assert after.card["supersedes"] == {
        "version": 1,
        "reason": "upheld appeals",
        "rows": [task.external_id],
        "count": 1,
    }
    # Who is paid for a label has a part in the version: data, pay and contributions say the same.
    weights = {part.organisation_id: part.weight for part in assets.contributors(after.id)}
    assert weights[odd.organisation_id] == 1
    assert odd.organisation_id not in {part.organisation_id for part in assets.contributors(before.id)}
    states = {(line["row"], line["rule"]) for line in datasets.iter_answers(after) if line["row"] == task.external_id}
    assert (task.external_id, "appeal_upheld") in states
    page = client_for(requester).get(f"/datasets/{after.dataset_id}/").content.decode()
    assert "upheld appeals changed 1 row." in page
    page = client_for(requester).get(f"/datasets/{after.dataset_id}/?version=1").content.decode()
    assert "Version 2 takes its place" in page
    # Told twice, it is done once.
    with tenant_scope(requester.organisation_id):
        assert services.correct_dataset(order_id=order.id) is None
    # An appeal in which both values are right changes pay only.
    appeal(odd, other)
    for _ in range(2):
        judge(make_reviewer(), lambda _: "both")
    outbox.drain()
    assert newest(order).id == after.id
    with tenant_scope(requester.organisation_id):
        assert Annotation.objects.get(id=other.id).state == "accepted"
        assert Task.objects.get(id=other.task_id).made_by == "human"
