"""Reads of datasets.

`dataset_version` and `iter_rows` serve other apps, which check rights themselves; `readable_version` checks them here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO, cast
from uuid import UUID

from django.db.models import QuerySet

from apps.assets import selectors as assets
from apps.assets.types import AccessRight, AssetInfo, AssetKind, Contributor
from apps.core.errors import NotFound
from apps.core.storage import get_storage
from apps.core.tenant import tenant_scope
from apps.datasets.diffs import Change, Diff, diff_rows
from apps.datasets.errors import DatasetNotFound, UseRightMissing
from apps.datasets.models import Dataset, DatasetVersion, Removal
from apps.datasets.policies import require
from apps.datasets.rows import canonical_row
from apps.datasets.types import (
    DatasetInfo,
    DatasetsPermission,
    DatasetVersionInfo,
    FileFormat,
    RemovalInfo,
    Row,
    RowProof,
    Split,
    StoredFile,
)
from apps.onchain.services import keccak_root, merkle_tree
from apps.tenancy.types import Actor


def dataset_info(row: Dataset) -> DatasetInfo:
    """The facts of a dataset's row."""
    return DatasetInfo(row.id, row.tenant_id, row.name, row.summary, row.created_at)


def version_info(row: DatasetVersion) -> DatasetVersionInfo:
    """The facts of a version's row (with its dataset loaded)."""
    return DatasetVersionInfo(
        id=row.id,
        dataset_id=row.dataset_id,
        owner_id=row.tenant_id,
        dataset_name=row.dataset.name,
        number=row.number,
        row_count=row.row_count,
        content_root=row.content_root,
        schema=row.schema,
        classes=tuple(row.classes),
        card=row.card,
        files=tuple(StoredFile(FileFormat(f["format"]), f["key"], f["size"], f["sha256"]) for f in row.files),
        released_at=row.created_at,
        design=row.design,
        rows_removed=len(row.removed_leaves),
    )


def own_datasets(actor: Actor) -> QuerySet[Dataset]:
    """The organisation's datasets, newest first, lazily (for pages of them)."""
    require(actor, DatasetsPermission.VIEW)
    return Dataset.objects.prefetch_related("versions").order_by("-id")


def visible_dataset(actor: Actor | None, dataset_id: UUID) -> DatasetInfo:
    """A dataset that the actor may know of: as `assets.selectors.visible_asset`. Raises DatasetNotFound."""
    try:
        asset = assets.visible_asset(actor, dataset_id)
    except NotFound:
        raise DatasetNotFound from None
    return dataset_of(asset)


def dataset_of(asset: AssetInfo) -> DatasetInfo:
    """The dataset that an asset is; the caller may know of the asset. Raises DatasetNotFound."""
    if asset.kind != AssetKind.DATASET:
        raise DatasetNotFound
    with tenant_scope(asset.owner_id):
        row = Dataset.objects.filter(id=asset.id).first()
    if row is None:
        raise DatasetNotFound
    return dataset_info(row)


def own_dataset(actor: Actor, dataset_id: UUID) -> DatasetInfo:
    """A dataset of the actor's organisation. Raises DatasetNotFound."""
    require(actor, DatasetsPermission.VIEW)
    row = Dataset.objects.filter(id=dataset_id).first()
    if row is None:
        raise DatasetNotFound
    return dataset_info(row)


def versions(dataset: DatasetInfo) -> list[DatasetVersionInfo]:
    """All versions of a dataset that `visible_dataset` returned, newest first."""
    with tenant_scope(dataset.owner_id):
        rows = DatasetVersion.objects.select_related("dataset").filter(dataset_id=dataset.id).order_by("-number")
        return [version_info(row) for row in rows]


def visible_version(actor: Actor | None, dataset_id: UUID, number: int) -> DatasetVersionInfo:
    """The card of a version that the actor may know of, without its rows. Raises DatasetNotFound."""
    dataset = visible_dataset(actor, dataset_id)
    with tenant_scope(dataset.owner_id):
        row = DatasetVersion.objects.select_related("dataset").filter(dataset_id=dataset_id, number=number).first()
    if row is None:
        raise DatasetNotFound
    return version_info(row)


def may_read_rows(actor: Actor, dataset_id: UUID) -> bool:
    """Whether the actor's organisation owns the dataset or holds its `use` or `develop` right."""
    return assets.has_right(actor.organisation_id, dataset_id, AccessRight.USE)


def readable_version(actor: Actor, dataset_id: UUID, number: int) -> DatasetVersionInfo:
    """A version whose rows the actor may read. Raises DatasetNotFound or UseRightMissing."""
    found = visible_version(actor, dataset_id, number)
    if not may_read_rows(actor, dataset_id):
        raise UseRightMissing(dataset_id, found.dataset_name)
    return found


def contributors(actor: Actor, version: DatasetVersionInfo) -> list[Contributor]:
    """Who made a version, with weights, heaviest first. Only the owner and the contributor itself see a name."""
    found = assets.contributors(version.id)
    if actor.organisation_id == version.owner_id:
        return found
    return [
        one
        if one.organisation_id == actor.organisation_id
        else replace(one, organisation_id=UUID(int=0), organisation_name=f"Contributor {place}")
        for place, one in enumerate(found, start=1)
    ]


def preview(version: DatasetVersionInfo) -> list[Row]:
    """The first rows of a version that the caller may read."""
    with tenant_scope(version.owner_id):
        return cast("list[Row]", DatasetVersion.objects.values_list("preview", flat=True).get(id=version.id))


def dataset_version(version_id: UUID) -> DatasetVersionInfo:
    """A version of any organisation; the caller has checked the right to it. Raises DatasetNotFound."""
    try:
        owner_id = assets.version(version_id).owner_id
    except NotFound:
        raise DatasetNotFound from None
    with tenant_scope(owner_id):
        row = DatasetVersion.objects.select_related("dataset").filter(id=version_id).first()
    if row is None:
        raise DatasetNotFound
    return version_info(row)


def open_file(version: DatasetVersionInfo, file_format: FileFormat) -> BinaryIO:
    """A version's file, opened for reading."""
    return get_storage().open(version.file(file_format).key)


def iter_rows(version_id: UUID, split: Split | str | None = None) -> Iterator[Row]:
    """The rows of a version, streamed; of one split where given. The caller has checked the right to it."""
    with open_file(dataset_version(version_id), FileFormat.JSONL) as lines:
        for line in lines:
            row: Row = json.loads(line)
            if split is None or row.get("split") == split:
                yield row


def iter_answers(version: DatasetVersionInfo) -> Iterator[dict[str, Any]]:
    """The single answers that led to a version's rows: {"row", "annotator", "answer", …}; none where none are kept."""
    return answers_in(version.file(FileFormat.ANSWERS)) if version.has(FileFormat.ANSWERS) else iter(())


def answers_in(file: StoredFile) -> Iterator[dict[str, Any]]:
    """The answers in a file."""
    with get_storage().open(file.key) as lines:
        for line in lines:
            yield json.loads(line)


def diff(
    actor: Actor,
    dataset_id: UUID,
    before: int,
    after: int,
    *,
    change: Change | None = None,
    offset: int = 0,
    limit: int = 50,
) -> Diff:
    """What differs between two versions whose rows the actor may read. Raises DatasetNotFound or UseRightMissing."""
    old, new = (readable_version(actor, dataset_id, number) for number in (before, after))
    return diff_rows(lambda: iter_rows(old.id), lambda: iter_rows(new.id), change=change, offset=offset, limit=limit)


def removals(dataset: DatasetInfo) -> list[RemovalInfo]:
    """When a person's data was taken out of a dataset, latest first."""
    with tenant_scope(dataset.owner_id):
        return [removal_info(row) for row in Removal.objects.filter(dataset_id=dataset.id).order_by("-id")]


def removal_info(row: Removal) -> RemovalInfo:
    """The facts of a removal's row."""
    return RemovalInfo(
        id=row.id,
        dataset_id=row.dataset_id,
        column=row.column,
        rows=row.rows,
        answers=row.answers,
        versions=tuple(row.versions),
        new_version=row.new_version,
        removed_at=row.removed_at,
    )


def row_proof(version: DatasetVersionInfo, row_number: int) -> RowProof:
    """Merkle proof of a row (1-based, as in rows.jsonl). Raises NotFound beyond the last row."""
    if not 1 <= row_number <= version.row_count:
        raise NotFound("row_not_found", f"The version has rows 1 to {version.row_count}.")
    rows = list(iter_rows(version.id))
    leaves = [canonical_row(row) for row in rows]
    tree = merkle_tree(leaves, _removed_leaves(version))
    leaf = leaves[row_number - 1]
    return RowProof(row_number, rows[row_number - 1], leaf.decode(), tuple(tree.proofs[row_number - 1]), tree.root)


def stored_content_root(version_id: UUID) -> str:
    """The content root as the stored rows give it now, and the hashes of those that had to go."""
    leaves = _removed_leaves(dataset_version(version_id))
    return keccak_root((canonical_row(row) for row in iter_rows(version_id)), leaves)


def _removed_leaves(version: DatasetVersionInfo) -> list[bytes]:
    if not version.rows_removed:
        return []
    with tenant_scope(version.owner_id):
        found = DatasetVersion.objects.values_list("removed_leaves", flat=True).get(id=version.id)
    return [bytes.fromhex(leaf.removeprefix("0x")) for leaf in found]
