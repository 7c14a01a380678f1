"""Writes of datasets."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import IO, Any
from uuid import UUID

from django.db import transaction

from apps.assets import services as assets
from apps.assets.types import AssetKind, ContributionSpec, ParentRef
from apps.core.errors import InvalidInput
from apps.core.ids import uuid7
from apps.core.outbox import publish
from apps.datasets.errors import DatasetNotFound
from apps.datasets.events import DatasetVersionReleased
from apps.datasets.files import store_rows
from apps.datasets.models import Dataset, DatasetVersion
from apps.datasets.policies import require
from apps.datasets.rows import check_rows, classes_of, describe, with_split
from apps.datasets.selectors import dataset_info, version_info
from apps.datasets.tables import read_table
from apps.datasets.types import (
    MAX_NAME,
    MAX_SUMMARY,
    PREVIEW_ROWS,
    DatasetInfo,
    DatasetsPermission,
    DatasetVersionInfo,
    Row,
    Split,
)
from apps.tenancy import limits
from apps.tenancy.limits import Limit
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

LABELLED_SCHEMA = {"text": "the text", "label": "its class", "split": "train or test"}


@transaction.atomic
def create_dataset(*, actor: Actor, name: str, summary: str = "") -> DatasetInfo:
    """Register a dataset without versions. Raises InvalidInput where the name is empty or something is too long."""
    require(actor, DatasetsPermission.CREATE)
    name, summary = name.strip(), summary.strip()
    if not name or len(name) > MAX_NAME or len(summary) > MAX_SUMMARY:
        field, limit = ("summary", MAX_SUMMARY) if 0 < len(name) <= MAX_NAME else ("name", MAX_NAME)
        message = f"Give a {field} of {0 if field == 'summary' else 1} to {limit} characters."
        raise InvalidInput("invalid_dataset", message, errors=[{"field": field, "message": message}])
    asset = assets.register_asset(actor=actor, kind=AssetKind.DATASET, name=name, summary=summary)
    row = Dataset.objects.create(id=asset.id, tenant_id=actor.organisation_id, name=name, summary=summary)
    record_audit(actor, action="dataset.created", target_type="dataset", target_id=row.id)
    return dataset_info(row)


def release_dataset_version(
    *,
    actor: Actor,
    dataset_id: UUID,
    rows: Sequence[Row],
    schema: Mapping[str, str],
    card: Mapping[str, Any],
    contributions: Sequence[ContributionSpec] = (),
    parents: Sequence[ParentRef] = (),
    idempotency_key: str | None = None,
) -> DatasetVersionInfo:
    """Release the next version of a dataset: files, content root, card, contributors, and its asset version.

    Files are written before the transaction; what a failed release leaves behind in storage is never referred to.

    Args:
        rows: equal columns, text and integers. A `split` column is added where there is none.
        schema: column -> what it holds.
        card: how it was made and how good it is; statistics are added.
        idempotency_key: the same key releases once.
    """
    require(actor, DatasetsPermission.RELEASE)
    dataset = Dataset.objects.filter(id=dataset_id).first()
    if dataset is None:
        raise DatasetNotFound
    require(actor, DatasetsPermission.RELEASE, dataset)
    if (earlier := _released(idempotency_key)) is not None:
        return earlier
    check_rows(rows)
    split_rows = with_split(rows)
    root, files = store_rows(actor.organisation_id, f"{dataset_id}/{uuid7()}", split_rows)
    full_card = dict(card) | {"statistics": describe(split_rows)}
    with transaction.atomic():
        Dataset.objects.select_for_update(no_key=True).get(id=dataset_id)
        if (earlier := _released(idempotency_key)) is not None:
            return earlier
        version = assets.release_version(
            actor=actor,
            asset_id=dataset_id,
            content_root=root,
            metadata={"card": full_card, "schema": dict(schema)},
            parents=parents,
            contributions=contributions,
        )
        row = DatasetVersion.objects.create(
            id=version.id,
            tenant_id=actor.organisation_id,
            dataset=dataset,
            number=version.number,
            row_count=len(split_rows),
            content_root=root,
            schema=dict(schema),
            classes=classes_of(split_rows),
            card=full_card,
            files=[file.as_json() for file in files],
            preview=split_rows[:PREVIEW_ROWS],
            idempotency_key=idempotency_key,
        )
        limits.note_usage(
            organisation_id=actor.organisation_id,
            limit=Limit.STORAGE_BYTES,
            amount=sum(file.size for file in files),
            key=f"dataset-version:{row.id}",
        )
        publish(DatasetVersionReleased(row.id, dataset_id, row.number))
    return version_info(row)


def import_dataset_version(*, actor: Actor, dataset_id: UUID, file: IO[bytes], filename: str) -> DatasetVersionInfo:
    """Release a version from an uploaded CSV or JSONL file with the columns text and label (and split, if wanted).

    Raises InvalidInput naming every row that cannot be used; nothing is saved then.
    """
    require(actor, DatasetsPermission.RELEASE)
    _require_room(actor, file)
    return _release_upload(actor, dataset_id, filename, *_read_upload(file, filename))


def upload_dataset(*, actor: Actor, name: str, summary: str, file: IO[bytes], filename: str) -> DatasetVersionInfo:
    """Register a dataset with its first version from an uploaded file; where the file is refused, neither is kept."""
    require(actor, DatasetsPermission.RELEASE)
    _require_room(actor, file)
    rows, schema = _read_upload(file, filename)
    dataset = create_dataset(actor=actor, name=name, summary=summary)
    return _release_upload(actor, dataset.id, filename, rows, schema)


def _require_room(actor: Actor, file: IO[bytes]) -> None:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    limits.require_room(organisation_id=actor.organisation_id, limit=Limit.STORAGE_BYTES, wanted=size)


def _read_upload(file: IO[bytes], filename: str) -> tuple[list[Row], dict[str, str]]:
    table = read_table(file, filename, required_columns=("text", "label"), unique_column="id")
    rows: list[Row] = [dict(row) for row in table.rows]
    if "split" in table.columns:
        _check_splits(rows, table.row_numbers, filename)
    return rows, {column: LABELLED_SCHEMA.get(column, "as uploaded") for column in (*table.columns, "split")}


def _release_upload(
    actor: Actor, dataset_id: UUID, filename: str, rows: list[Row], schema: dict[str, str]
) -> DatasetVersionInfo:
    card = {"source": "uploaded by its owner", "file": filename[:200]}
    return release_dataset_version(actor=actor, dataset_id=dataset_id, rows=rows, schema=schema, card=card)


def _check_splits(rows: Sequence[Row], numbers: Sequence[int], filename: str) -> None:
    errors = [
        {"field": "split", "row": number, "message": f"“{row['split']}” is neither train nor test."}
        for row, number in zip(rows, numbers, strict=True)
        if row["split"] not in set(Split)
    ]
    if errors:
        message = f"{len(errors):,} rows of “{filename}” have another split than train or test."
        raise InvalidInput("invalid_rows", message, errors=errors[:20], error_count=len(errors))


def _released(idempotency_key: str | None) -> DatasetVersionInfo | None:
    if idempotency_key is None:
        return None
    row = DatasetVersion.objects.select_related("dataset").filter(idempotency_key=idempotency_key).first()
    return None if row is None else version_info(row)
