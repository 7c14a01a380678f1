"""A dataset with machine labels names the model version that made them, and pays it its share."""

from __future__ import annotations

from typing import Any

import pytest

from apps.assets import selectors as assets
from apps.assets import services as registry
from apps.assets.errors import DevelopRightMissing
from apps.assets.types import AssetKind, AssetVersionInfo, ParentRef
from apps.core import outbox
from apps.core.tenant import tenant_scope
from apps.datasets import selectors as datasets
from apps.datasets import services as removals
from apps.labeling import services
from apps.labeling.models import Annotation, Order, Task
from tests.apps.labeling.machine.orders.driving import drive

pytestmark = pytest.mark.django_db


def released_model(owner: Any) -> AssetVersionInfo:
    """A registered model version of the owner."""
    with tenant_scope(owner.organisation_id):
        asset = registry.register_asset(actor=owner, kind=AssetKind.MODEL, name="Three kinds, a head", summary="")
        return registry.release_version(
            actor=owner, asset_id=asset.id, content_root="0x" + "ab" * 32, metadata={"card": {"what": "a head"}}
        )


def test_a_dataset_with_machine_labels_is_built_on_the_model_that_made_them(
    make_actor, machine_order, work, source, client_for
):
    requester, annotator = make_actor(), make_actor(personal=True)
    model = released_model(requester)
    source.version_id = model.id
    order = drive(machine_order(requester, gold=20), [annotator], work)
    assert order.dataset_version_id is not None
    with tenant_scope(requester.organisation_id):
        labelled = Task.objects.filter(order=order, made_by="machine").count()
        paid = Annotation.objects.filter(order=order, state="accepted").count()
        version = datasets.dataset_version(order.dataset_version_id)
    assert labelled > 150
    weight = 5_000 * labelled // version.row_count
    assert assets.parents_of(version.id) == [ParentRef(model.id, weight)]
    assert version.card["machine"]["labelled_by"] == [{"model_version_id": str(model.id), "items": labelled}]
    # On the page of the asset and in the record that goes on chain, as for every other parent.
    page = client_for(requester).get(f"/assets/{order.dataset_id}/").content.decode()
    assert "Three kinds, a head" in page
    assert {edge.parent_id for edge in assets.lineage(version.id).edges} == {model.id}
    # Machine labels are paid to the model's owner when the dataset earns, and to no annotator when it is made.
    contributions = assets.contributors(version.id)
    assert [(one.organisation_id, one.weight) for one in contributions] == [(annotator.organisation_id, paid)]
    shares = assets.revenue_shares(version.id)
    by_model = sum(share.weight for share in shares if share.version_id == model.id)
    assert by_model * 10_000 == weight
    # A version without a person keeps what it was built on.
    with tenant_scope(requester.organisation_id):
        removed = removals.remove_person(actor=requester, dataset_id=version.dataset_id, column="id", value="n399")
        assert removed.new_version == 2
        newest = datasets.versions(datasets.visible_dataset(requester, version.dataset_id))[0]
    assert assets.parents_of(newest.id) == [ParentRef(model.id, weight)]


def test_labels_of_a_model_that_may_not_be_built_on_are_refused_before_they_are_made(make_actor, make_order, source):
    requester, owner = make_actor(), make_actor()
    source.version_id = released_model(owner).id
    order = make_order(requester)
    with tenant_scope(requester.organisation_id):
        with pytest.raises(DevelopRightMissing):
            services.set_machine(actor=requester, order_id=order.id, machine={"source": str(source.version_id)})
        assert Order.objects.get(id=order.id).machine == {}


def test_people_alone_leave_no_parent(make_actor, make_order, work):
    requester = make_actor()
    order = make_order(requester, items=2, redundancy=1)
    work(make_actor(personal=True), order)
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        order.refresh_from_db()
    assert order.dataset_version_id is not None
    assert assets.parents_of(order.dataset_version_id) == []
