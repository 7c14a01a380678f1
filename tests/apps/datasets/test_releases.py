"""Versions of datasets: rows and proof, who may read them, released once."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow.parquet
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.assets import services as assets
from apps.assets.selectors import verify_version
from apps.assets.types import AccessRight
from apps.core.errors import InvalidInput, NotFound
from apps.core.tenant import tenant_scope
from apps.datasets import selectors, services
from apps.datasets.errors import DatasetNotFound, UnusableRows, UseRightMissing
from apps.datasets.rows import canonical_row, with_split
from apps.datasets.types import FileFormat, Row
from chain_bridge.merkle import verify_proof

pytestmark = pytest.mark.django_db

ROWS: list[Row] = [{"text": f"text {n} é", "label": "spam" if n % 3 == 0 else "ham", "answers": n} for n in range(25)]
SCHEMA = {"text": "the text", "label": "its class", "answers": "how many", "split": "train or test"}


def release(actor: Any, **options: Any) -> Any:
    with tenant_scope(actor.organisation_id):
        dataset = services.create_dataset(actor=actor, name="Messages")
        defaults = {"rows": ROWS, "schema": SCHEMA, "card": {"made_by": "hand"}}
        return services.release_dataset_version(actor=actor, dataset_id=dataset.id, **(defaults | options))


def test_both_files_hold_the_same_rows(make_actor):
    version = release(make_actor())
    lines = selectors.open_file(version, FileFormat.JSONL).read().splitlines()
    rows = [json.loads(line) for line in lines]
    parquet = pyarrow.parquet.read_table(io.BytesIO(selectors.open_file(version, FileFormat.PARQUET).read()))
    assert parquet.to_pylist() == [{**row, "split": split["split"]} for row, split in zip(ROWS, rows, strict=True)]
    assert rows == parquet.to_pylist()
    assert list(selectors.iter_rows(version.id, split="test")) == [row for row in rows if row["split"] == "test"]
    assert version.card["statistics"]["classes"] == {"ham": 16, "spam": 9}


def test_every_row_is_proven_by_the_content_root(make_actor):
    version = release(make_actor())
    for number in (1, 13, 25):
        proof = selectors.row_proof(version, number)
        assert proof.content_root == version.content_root
        assert verify_proof(version.content_root, canonical_row(proof.row), proof.proof)
        assert not verify_proof(version.content_root, canonical_row(proof.row | {"label": "forged"}), proof.proof)
    with pytest.raises(NotFound):
        selectors.row_proof(version, 26)


def test_the_registry_recomputes_the_root_and_notices_a_changed_file(make_actor):
    from apps.core.storage import get_storage

    version = release(make_actor())
    content = {check.name: check for check in verify_version(version.id).checks}
    assert any(check.expected == version.content_root and check.ok for check in content.values())
    file = version.file(FileFormat.JSONL)
    changed = get_storage().open(file.key).read().replace(b"ham", b"spam", 1)
    get_storage().put(file.key, changed)
    assert not verify_version(version.id).ok


def test_the_split_is_seeded_and_by_class():
    rows = with_split(ROWS)
    assert rows == with_split(ROWS)
    assert sum(row["split"] == "test" for row in rows) == 4 + 2
    assert with_split([{"text": "a", "label": "only"}])[0]["split"] == "train"


def test_the_same_key_releases_once(make_actor):
    actor = make_actor()
    first = release(actor, idempotency_key="order:1")
    with tenant_scope(actor.organisation_id):
        again = services.release_dataset_version(
            actor=actor, dataset_id=first.dataset_id, rows=ROWS, schema=SCHEMA, card={}, idempotency_key="order:1"
        )
        assert again.id == first.id
        assert len(selectors.versions(selectors.visible_dataset(actor, first.dataset_id))) == 1


@pytest.mark.parametrize(
    "rows", [[], [{"text": "a"}, {"label": "b"}], [{"text": 1.5}], [{"text": None}], [{"text": True}]]
)
def test_rows_that_have_no_single_form_are_refused(make_actor, rows):
    with pytest.raises(UnusableRows):
        release(make_actor(), rows=rows)


def test_rows_are_for_the_owner_and_for_those_who_hold_the_right(make_actor):
    owner, buyer = make_actor(), make_actor(name="Buyer")
    version = release(owner)
    with tenant_scope(buyer.organisation_id), pytest.raises(DatasetNotFound):
        selectors.readable_version(buyer, version.dataset_id, 1)
    with tenant_scope(owner.organisation_id):
        assets.set_visibility(actor=owner, asset_id=version.dataset_id, visibility="public")
    with tenant_scope(buyer.organisation_id), pytest.raises(UseRightMissing):
        selectors.readable_version(buyer, version.dataset_id, 1)
    with tenant_scope(owner.organisation_id):
        assets.grant_access(
            actor=owner,
            asset_id=version.dataset_id,
            grantee_id=buyer.organisation_id,
            right=AccessRight.USE,
            source_type="test",
            source_id="1",
        )
    with tenant_scope(buyer.organisation_id):
        assert selectors.readable_version(buyer, version.dataset_id, 1).id == version.id


def test_a_labelled_file_becomes_a_version_by_page_and_api(make_actor, client_for, api_for):
    actor = make_actor()
    csv = b"text,label\n" + b"".join(f"row {n},{'yes' if n % 2 else 'no'}\n".encode() for n in range(10))
    answer = client_for(actor).post("/datasets/new/", {"name": "Mine", "file": SimpleUploadedFile("rows.csv", csv)})
    assert answer.status_code == 302, answer.content
    dataset_id = answer.url.split("/")[2]
    api = api_for(actor)
    again = api.post(f"/api/v1/datasets/{dataset_id}/versions/", {"file": SimpleUploadedFile("rows.csv", csv)})
    assert again.status_code == 201, again.content
    assert again.json()["number"] == 2
    proof = api.get(f"/api/v1/datasets/{dataset_id}/versions/2/rows/3/proof/").json()
    assert verify_proof(again.json()["content_root"], proof["leaf"].encode(), proof["proof"])
    assert b"Rows" in client_for(actor).get(f"/assets/{dataset_id}/").content


def test_a_refused_file_leaves_no_dataset(make_actor, client_for):
    actor = make_actor()
    bad = SimpleUploadedFile("rows.csv", b"text,label,split\na,b,train\nc,d,elsewhere\n")
    answer = client_for(actor).post("/datasets/new/", {"name": "Mine", "file": bad})
    assert answer.status_code == 422
    assert "“elsewhere” is neither train, test nor validation".encode() in answer.content
    with tenant_scope(actor.organisation_id):
        assert not selectors.own_datasets(actor).exists()
        with pytest.raises(InvalidInput):
            services.create_dataset(actor=actor, name=" ")
