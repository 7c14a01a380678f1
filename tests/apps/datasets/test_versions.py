"""What is made of versions: figures and plots, differences, filters and splits, Croissant, a person's removal."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from apps.assets import services as assets
from apps.assets.selectors import verify_version
from apps.core.errors import InvalidInput, NotFound, NotPermitted
from apps.core.outbox import drain
from apps.core.storage import get_storage
from apps.core.tenant import tenant_scope
from apps.datasets import selectors, services
from apps.datasets.diffs import Change, diff_rows
from apps.datasets.errors import UnusableRows
from apps.datasets.figures import describe
from apps.datasets.plots import plots
from apps.datasets.rows import SplitPlan, canonical_row, with_split
from apps.datasets.types import FileFormat, Row
from apps.tenancy.types import Role
from chain_bridge.merkle import verify_proof

pytestmark = pytest.mark.django_db

ROWS: list[Row] = [
    {
        "id": str(n),
        "text": f"text {n}",
        "label": "spam" if n % 3 == 0 else "ham",
        "confidence_bps": 5_000 + 100 * n,
        "person": f"p{n % 4}",
    }
    for n in range(30)
]
SCHEMA = dict.fromkeys((*ROWS[0], "split"), "a column")


def release(actor: Any, rows: Any = ROWS, dataset_id: Any = None, **options: Any) -> Any:
    with tenant_scope(actor.organisation_id):
        if dataset_id is None:
            dataset_id = services.create_dataset(actor=actor, name="Messages", summary="What people wrote").id
        defaults = {"rows": rows, "schema": SCHEMA, "card": {"made_by": "hand", "licence": "CC-BY-4.0"}}
        return services.release_dataset_version(actor=actor, dataset_id=dataset_id, **(defaults | options))


def stored(version: Any) -> list[Row]:
    return list(selectors.iter_rows(version.id))


# -- What rows may hold


def test_rows_may_hold_lists_objects_and_gaps(make_actor):
    boxes = [{"x": 1.0, "y": 0.123456, "label": "a"}]
    version = release(make_actor(), [{"id": "1", "boxes": boxes, "stars": 3}, {"id": "2", "boxes": [], "stars": None}])
    assert stored(version)[0]["boxes"] == [{"x": 1, "y": 0.1235, "label": "a"}]
    with selectors.open_file(version, FileFormat.PARQUET) as file:
        table = pyarrow.parquet.read_table(io.BytesIO(file.read())).to_pylist()
    assert json.loads(table[0]["boxes"]) == [{"x": 1, "y": 0.1235, "label": "a"}]
    assert [row["stars"] for row in table] == [3, None]
    assert verify_version(version.id).ok


@pytest.mark.parametrize("value", [[float("nan")], [1e300], {"a": object()}, [[[[[[[[[[[[[[]]]]]]]]]]]]]]])
def test_what_json_cannot_hold_alike_everywhere_is_refused(make_actor, value):
    with pytest.raises(UnusableRows):
        release(make_actor(), [{"id": "1", "x": value}])


def test_rows_are_taken_one_by_one(make_actor):
    version = release(make_actor(), ({"id": str(n), "label": "a"} for n in range(5_000)))
    assert version.row_count == 5_000
    assert version.card["statistics"]["splits"] == {"test": 1_000, "train": 4_000}


# -- Figures


def test_each_column_has_its_figures_and_plots():
    figures = describe(ROWS)
    columns = figures["columns"]
    assert columns["label"]["values"] == {"ham": 20, "spam": 10}
    assert (columns["confidence_bps"]["least"], columns["confidence_bps"]["most"]) == (5_000, 7_900)
    assert columns["confidence_bps"]["histogram"][5] == {"from": 5_000, "count": 10}
    assert columns["id"]["distinct"] == 30
    drawn = {one.title: one for one in plots(figures)}
    assert [(bar.label, bar.count) for bar in drawn["Rows by label"].bars] == [("ham", 20), ("spam", 10)]
    assert drawn["Rows by confidence"].bars[0].label == "50 to 60 %"
    assert "Rows by label: ham 20, spam 10" in drawn["Rows by label"].summary
    nested = describe([{"boxes": [{"label": "a"}, {"label": "b"}]}, {"boxes": [{"label": "a"}]}])["columns"]["boxes"]
    assert nested == {"parts": {"shortest": 1, "median": 1, "longest": 2}, "labels": {"a": 2, "b": 1}}


# -- Splits


def test_a_split_can_have_three_parts_and_keep_groups_together():
    rows = [{"label": "a", "person": f"p{n % 40}"} for n in range(400)]
    three = with_split(rows, SplitPlan(1, 20, 10))
    counts = [sum(row["split"] == name for row in three) for name in ("train", "validation", "test")]
    assert counts == [280, 40, 80]
    grouped = with_split(rows, SplitPlan(1, 30, 10, "person"))
    parts: dict[str, set[str]] = {}
    for row in grouped:
        parts.setdefault(row["person"], set()).add(row["split"])
    assert all(len(found) == 1 for found in parts.values())
    assert {part for found in parts.values() for part in found} == {"train", "validation", "test"}
    assert grouped == with_split(rows, SplitPlan(1, 30, 10, "person"))
    assert grouped != with_split(rows, SplitPlan(2, 30, 10, "person"))


# -- Differences


def test_differences_are_found_by_id_and_paged():
    before = [{"id": str(n), "a": n, "old": 1} for n in range(10)]
    after = [{"id": str(n), "a": n + (n == 4), "new": 1} for n in range(3, 15)]
    found = diff_rows(lambda: before, lambda: after, limit=4)
    assert (found.added, found.removed, found.changed, found.unchanged) == (5, 3, 1, 6)
    assert (found.columns, found.columns_added, found.columns_removed) == ({"a": 1}, ("new",), ("old",))
    assert [(one.change, one.key) for one in found.page] == [
        (Change.CHANGED, "4"),
        *((Change.ADDED, str(n)) for n in (10, 11, 12)),
    ]
    assert (found.total, found.next_offset) == (9, 4)
    rest = diff_rows(lambda: before, lambda: after, offset=4, limit=50)
    assert (len(rest.page), rest.next_offset) == (5, None)
    removed = diff_rows(lambda: before, lambda: after, change=Change.REMOVED)
    assert sorted(one.key for one in removed.page) == ["0", "1", "2"]


def test_rows_without_ids_are_told_apart_by_what_they_hold():
    before = [{"text": "a", "split": "train"}, {"text": "a", "split": "train"}, {"text": "b", "split": "train"}]
    after = [{"text": "a", "split": "test"}, {"text": "c", "split": "train"}]
    found = diff_rows(lambda: before, lambda: after)
    assert (found.added, found.removed, found.changed) == (1, 2, 1)
    assert found.columns == {"split": 1}
    repeated = diff_rows(lambda: [{"id": "1", "x": 1}, {"id": "1", "x": 2}], lambda: [{"id": "1", "x": 2}])
    assert (repeated.removed, repeated.unchanged) == (1, 1)


def test_differences_by_api_and_page(make_actor, client_for, api_for):
    actor = make_actor()
    first = release(actor)
    second = release(actor, [row | {"label": "eggs"} if row["id"] == "3" else row for row in ROWS], first.dataset_id)
    base = f"/api/v1/datasets/{first.dataset_id}/versions"
    answer = api_for(actor).get(f"{base}/2/diff/?against=1&change=changed")
    assert answer.status_code == 200
    (change,) = [one for one in answer.json()["results"] if one["key"] == "3"]
    assert (change["before"]["label"], change["after"]["label"]) == ("spam", "eggs")
    assert api_for(actor).get(f"{base}/2/diff/").status_code == 422
    page = client_for(actor).get(f"/datasets/{first.dataset_id}/diff/?before=1&after=2&change=changed")
    assert b"eggs" in page.content
    assert second.number == 2
    assert client_for(actor).get(f"/datasets/{first.dataset_id}/diff/?before=9").status_code == 404
    stranger = make_actor(name="Stranger")
    assert api_for(stranger).get(f"{base}/2/diff/?against=1").status_code == 404


# -- New versions from old ones


def test_a_version_is_made_of_another_with_its_contributors(make_actor, api_for):
    from apps.assets.types import ContributionSpec

    actor, annotator = make_actor(), make_actor(name="Annotator")
    first = release(actor, contributions=[ContributionSpec(annotator.organisation_id, "annotator", 7)])
    answer = api_for(actor).post(
        f"/api/v1/datasets/{first.dataset_id}/versions/1/derive/",
        {
            "filters": [
                {"column": "label", "operator": "eq", "value": "ham"},
                {"column": "confidence_bps", "operator": "ge", "value": 6_000},
            ],
            "sample": 10,
            "seed": 5,
            "split": {"seed": 3, "test_percent": 30, "group_by": "person"},
        },
        content_type="application/json",
        headers={"Idempotency-Key": "derive-1"},
    )
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["number"], body["rows"]) == (2, 10)
    assert body["card"]["derived_from"]["version"] == 1
    assert body["card"]["derived_from"]["split"] == {"seed": 3, "test_percent": 30, "group_by": "person"}
    assert [one["weight"] for one in body["contributors"]] == [7]
    second = selectors.dataset_version(body["id"])
    assert {row["label"] for row in stored(second)} == {"ham"}
    assert min(row["confidence_bps"] for row in stored(second)) >= 6_000


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"filters": [{"column": "nope", "operator": "eq", "value": "x"}]}, "invalid_filter"),
        ({"filters": [{"column": "label", "operator": "like", "value": "x"}]}, "invalid_filter"),
        ({"filters": [{"column": "label", "operator": "in", "value": "x"}]}, "invalid_filter"),
        ({"filters": [{"column": "label", "operator": "lt", "value": "x"}]}, "invalid_filter"),
        ({"filters": [{"column": "label", "operator": "eq", "value": "none"}]}, "no_rows_left"),
        ({"split": {"test_percent": 60, "validation_percent": 60}}, "invalid_split"),
        ({"split": {"group_by": "nope"}}, "invalid_split"),
        ({"split": {"seed": "x"}}, "invalid_split"),
        ({"sample": -1}, "invalid_sample"),
    ],
)
def test_conditions_and_splits_that_cannot_be_used_are_refused(make_actor, options, code):
    actor = make_actor()
    version = release(actor)
    with tenant_scope(actor.organisation_id), pytest.raises(InvalidInput) as caught:
        services.derive_dataset_version(actor=actor, dataset_id=version.dataset_id, number=1, **options)
    assert caught.value.code == code
    assert len(selectors.versions(selectors.visible_dataset(actor, version.dataset_id))) == 1


def test_only_the_owner_derives(make_actor):
    owner, other = make_actor(), make_actor(name="Other")
    version = release(owner)
    with tenant_scope(owner.organisation_id):
        assets.set_visibility(actor=owner, asset_id=version.dataset_id, visibility="public")
    with tenant_scope(other.organisation_id), pytest.raises(NotFound):
        services.derive_dataset_version(actor=other, dataset_id=version.dataset_id, number=1, sample=3)


def test_a_version_is_made_by_its_page(make_actor, client_for):
    actor = make_actor()
    version = release(actor)
    client, url = client_for(actor), f"/datasets/{version.dataset_id}/derive/"
    assert client.get(url).status_code == 200
    form = {"column_1": "label", "operator_1": "eq", "value_1": "spam", "split_anew": "on", "test_percent": "50"}
    answer = client.post(url, form)
    assert answer.status_code == 302
    assert b"split anew" in client.get(answer["Location"]).content
    assert client.post(url, form | {"value_1": "nobody"}).status_code == 422


# -- Exports and metadata


def test_rows_are_exported_by_name_of_the_format(make_actor, api_for):
    actor = make_actor()
    version = release(actor)
    base = f"/api/v1/datasets/{version.dataset_id}/versions/1/export/"
    lines = b"".join(api_for(actor).get(f"{base}?format=jsonl").streaming_content).splitlines()
    assert [json.loads(line) for line in lines] == stored(version)
    answer = api_for(actor).get(f"{base}?format=csv")
    assert answer["Content-Disposition"] == 'attachment; filename="Messages-v1.csv"'
    assert b"".join(answer.streaming_content).startswith(b"id,text,label,confidence_bps,person,split\r\n")
    refused = api_for(actor).get(f"{base}?format=xml")
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_format")
    assert api_for(make_actor(name="Other")).get(f"{base}?format=csv").status_code == 404


def test_croissant_metadata_is_valid_and_public_where_the_dataset_is(make_actor, api_for, client, tmp_path: Path):
    actor = make_actor(name="Makers")
    version = release(actor)
    url = f"/api/v1/datasets/{version.dataset_id}/versions/1/croissant.json"
    assert client.get(url).status_code == 404
    with tenant_scope(actor.organisation_id):
        assets.set_visibility(actor=actor, asset_id=version.dataset_id, visibility="public")
    answer = client.get(url)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/ld+json")
    document = answer.json()
    assert document["license"] == "https://spdx.org/licenses/CC-BY-4.0.html"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlcroissant

        # Its files stand beside it, as after a download.
        for file in document["distribution"]:
            with selectors.open_file(version, FileFormat(file["name"].removeprefix("rows."))) as source:
                (tmp_path / file["name"]).write_bytes(source.read())
            file["contentUrl"] = file["name"]
        (tmp_path / "croissant.json").write_text(json.dumps(document))
        dataset = mlcroissant.Dataset(jsonld=str(tmp_path / "croissant.json"))
        assert not dataset.metadata.ctx.issues.errors
        assert not dataset.metadata.ctx.issues.warnings
        rows = list(dataset.records("rows"))
        classes = [one["classes/name"] for one in dataset.records("classes")]
    assert len(rows) == 30
    assert rows[3]["rows/text"] == b"text 3"
    assert classes == ["ham", "spam"]


# -- A person's removal


ANSWERS = [
    {"row": row["id"], "annotator": f"w{n}", "answer": {"label": row["label"]}} for row in ROWS for n in range(2)
]


def test_a_person_leaves_every_version_and_the_proofs_stay(make_actor):
    actor = make_actor()
    first = release(actor, answers=ANSWERS)
    second = release(actor, [row for row in ROWS if row["id"] != "0"], first.dataset_id)
    keys = [file.key for version in (first, second) for file in version.files]
    with tenant_scope(actor.organisation_id):
        made = services.remove_person(actor=actor, dataset_id=first.dataset_id, column="person", value="p1")
    drain()
    assert (made.rows, made.answers, made.versions, made.new_version) == (16, 16, (1, 2), 3)
    versions = selectors.versions(selectors.visible_dataset(actor, first.dataset_id))
    assert [version.row_count for version in versions] == [21, 21, 22]
    for version in versions:
        assert not any(row["person"] == "p1" for row in stored(version))
        assert not any(row["person"] == "p1" for row in selectors.preview(version))
        assert verify_version(version.id).ok
        proof = selectors.row_proof(version, 2)
        assert verify_proof(version.content_root, canonical_row(proof.row), proof.proof)
    gone = {row["id"] for row in ROWS if row["person"] == "p1"}
    assert not any(one["row"] in gone for one in selectors.iter_answers(versions[2]))
    assert sum(1 for _ in selectors.iter_answers(versions[2])) == 44
    assert [get_storage().exists(key) for key in keys] == [False] * len(keys)
    assert selectors.removals(selectors.visible_dataset(actor, first.dataset_id)) == [made]
    assert "p1" not in json.dumps(made.__dict__, default=str)


def test_an_annotators_answers_leave_and_the_rows_stay(make_actor):
    actor = make_actor()
    first = release(actor, answers=ANSWERS)
    with tenant_scope(actor.organisation_id):
        made = services.remove_person(actor=actor, dataset_id=first.dataset_id, annotator="w1")
    assert (made.rows, made.answers, made.new_version) == (0, 30, 2)
    for version in selectors.versions(selectors.visible_dataset(actor, first.dataset_id)):
        assert version.row_count == 30
        assert {one["annotator"] for one in selectors.iter_answers(version)} == {"w0"}


def test_where_nothing_is_left_there_is_no_new_version(make_actor):
    actor = make_actor()
    first = release(actor, [row for row in ROWS if row["person"] == "p2"])
    with tenant_scope(actor.organisation_id):
        made = services.remove_person(actor=actor, dataset_id=first.dataset_id, column="person", value="p2")
    assert made.new_version is None
    (version,) = selectors.versions(selectors.visible_dataset(actor, first.dataset_id))
    assert (version.row_count, stored(version)) == (0, [])
    assert verify_version(version.id).ok


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"column": "person"},
        {"column": "person", "value": "nobody"},
        {"column": "nope", "value": "p1"},
        {"column": "person", "value": "p1", "annotator": "w1"},
        {"annotator": "w9"},
    ],
)
def test_a_removal_that_finds_nothing_changes_nothing(make_actor, options):
    actor = make_actor()
    first = release(actor, answers=ANSWERS)
    with tenant_scope(actor.organisation_id), pytest.raises(InvalidInput):
        services.remove_person(actor=actor, dataset_id=first.dataset_id, **options)
    (version,) = selectors.versions(selectors.visible_dataset(actor, first.dataset_id))
    assert version == first


def test_only_administrators_remove(make_actor, api_for, client_for):
    owner = make_actor()
    version = release(owner)
    member = make_actor(role=Role.MEMBER, organisation_id=owner.organisation_id)
    with tenant_scope(owner.organisation_id), pytest.raises(NotPermitted):
        services.remove_person(actor=member, dataset_id=version.dataset_id, column="person", value="p1")
    url = f"/datasets/{version.dataset_id}/remove/"
    form = {"column": "person", "value": "p1"}
    assert client_for(owner).post(url, form).status_code == 422
    assert client_for(owner).post(url, form | {"sure": "on"}).status_code == 302
    assert b"<td>person</td>" in client_for(owner).get(url).content
    answer = api_for(owner).get(f"/api/v1/datasets/{version.dataset_id}/removals/")
    assert [one["rows"] for one in answer.json()["results"]] == [8]
    assert api_for(make_actor(name="Other")).get(f"/api/v1/datasets/{version.dataset_id}/removals/").status_code == 404
