"""Registering a dataset and releasing its versions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
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
from apps.datasets.files import store_answers, store_rows
from apps.datasets.models import Dataset, DatasetVersion
from apps.datasets.policies import require
from apps.datasets.rows import SplitPlan, classes_of
from apps.datasets.selectors import dataset_info, version_info
from apps.datasets.spool import RowSpool
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
    rows: Iterable[Row],
    schema: Mapping[str, str],
    card: Mapping[str, Any],
    design: Mapping[str, Any] | None = None,
    answers: Iterable[Mapping[str, Any]] = (),
    split: SplitPlan | None = None,
    contributions: Sequence[ContributionSpec] = (),
    parents: Sequence[ParentRef] = (),
    idempotency_key: str | None = None,
) -> DatasetVersionInfo:
    """Release the next version of a dataset: files, content root, card, contributors, and its asset version.

    Files are written before the transaction; what a failed release leaves behind in storage is never referred to.

    Args:
        rows: equal columns; taken one by one (`apps.datasets.rows.RowCheck` says what they may hold). A `split`
            column is added where there is none.
        schema: column -> what it holds.
        card: how it was made and how good it is; statistics are added.
        design: an order's design, where rows have its inputs and controls as columns: exports use it.
        answers: single answers that led to the rows, {"row": id, "annotator", "answer", …}; kept beside the rows.
        split: how rows are split anew, whether they were split before or not.
        idempotency_key: the same key releases once.
    """
    require(actor, DatasetsPermission.RELEASE)
    dataset = Dataset.objects.filter(id=dataset_id).first()
    if dataset is None:
        raise DatasetNotFound
    require(actor, DatasetsPermission.RELEASE, dataset)
    if (earlier := _released(idempotency_key)) is not None:
        return earlier
    with RowSpool(rows, split, again=split is not None) as spool:
        figures = spool.figures()
        folder = f"{dataset_id}/{uuid7()}"
        root, files = store_rows(actor.organisation_id, folder, spool)
        preview = list(islice(spool, PREVIEW_ROWS))
    kept = store_answers(actor.organisation_id, folder, answers)
    files = (*files, kept) if kept is not None else files
    full_card = dict(card) | {"statistics": figures.as_json()}
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
            row_count=figures.rows,
            content_root=root,
            schema=dict(schema),
            classes=classes_of(figures.classes),
            card=full_card,
            design=dict(design or {}),
            files=[file.as_json() for file in files],
            preview=preview,
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
        {"field": "split", "row": number, "message": f"“{row['split']}” is neither train, test nor validation."}
        for row, number in zip(rows, numbers, strict=True)
        if row["split"] not in set(Split)
    ]
    if errors:
        message = f"{len(errors):,} rows of “{filename}” have another split than train, test or validation."
        raise InvalidInput("invalid_rows", message, errors=errors[:20], error_count=len(errors))


def _released(idempotency_key: str | None) -> DatasetVersionInfo | None:
    if idempotency_key is None:
        return None
    row = DatasetVersion.objects.select_related("dataset").filter(idempotency_key=idempotency_key).first()
    return None if row is None else version_info(row)
