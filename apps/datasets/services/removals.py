"""One person's data leaves a dataset: out of every version's files, with a new version without it.

What may stay: the content roots, which are on chain for ever, and for each removed row the hash that stood for it in
them. Without these hashes no row that stays could be proven any more, and they give away little: with the root and all
other rows, a guess at a removed row could be checked anyway. Cards keep their counts, contributors what they are owed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.core.errors import InvalidInput
from apps.core.ids import uuid7
from apps.core.outbox import publish
from apps.datasets import selectors
from apps.datasets.errors import DatasetNotFound, RemovalOvertaken
from apps.datasets.events import DatasetFilesDiscarded
from apps.datasets.files import store_answers, store_no_rows, store_rows
from apps.datasets.models import Dataset, DatasetVersion, Removal
from apps.datasets.policies import require
from apps.datasets.rows import canonical_row
from apps.datasets.services.derivations import contributions_of, parents_of
from apps.datasets.services.releases import release_dataset_version
from apps.datasets.spool import RowSpool
from apps.datasets.types import (
    PREVIEW_ROWS,
    DatasetsPermission,
    DatasetVersionInfo,
    FileFormat,
    RemovalInfo,
    Row,
    StoredFile,
)
from apps.onchain.services import leaf_hash
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

SourceEraser = Callable[[UUID, frozenset[str]], int]
"""Erase what a dataset's rows were made of: (dataset, ids of rows) -> how many things. Runs in the owner's scope."""

_erasers: list[SourceEraser] = []


def erases_sources(function: SourceEraser) -> SourceEraser:
    """Register what a higher app does about its own copies when rows leave a dataset."""
    _erasers.append(function)
    return function


@dataclass
class _Replacement:
    """A version's files without the person: what replaces what, and what was taken out."""

    version: DatasetVersionInfo
    files: tuple[StoredFile, ...] = ()
    preview: list[Row] = field(default_factory=list)
    row_count: int = 0
    leaves: list[str] = field(default_factory=list)
    row_ids: set[str] = field(default_factory=set)
    answers: int = 0


def remove_person(
    *, actor: Actor, dataset_id: UUID, column: str = "", value: str = "", annotator: str = ""
) -> RemovalInfo:
    """Take a person's rows, or an annotator's single answers, out of all versions of a dataset.

    A version without them is released, unless nothing would be left. Files that held them are deleted.

    Args:
        column, value: rows whose `column` is `value`.
        annotator: the annotator's pseudonym, as answers.jsonl has it.

    Raises:
        InvalidInput: neither or both are given, there is no such column, or nothing was found.
    """
    require(actor, DatasetsPermission.REMOVE)
    dataset = Dataset.objects.filter(id=dataset_id).first()
    if dataset is None:
        raise DatasetNotFound
    require(actor, DatasetsPermission.REMOVE, dataset)
    versions = selectors.versions(selectors.dataset_info(dataset))
    _check_request(versions, column, value, annotator)
    replaced = [one for version in versions if (one := _replace(version, column, value, annotator)) is not None]
    if not replaced:
        raise InvalidInput("nothing_to_remove", "No version of this dataset has anything of this person.")
    # Released before the old files go: a failure in between leaves the person in old versions, to be removed again.
    successor = _release_without(actor, versions[0], replaced)
    row = _commit(actor, dataset, replaced, successor, versions, column)
    return selectors.removal_info(row)


def _check_request(versions: list[DatasetVersionInfo], column: str, value: str, annotator: str) -> None:
    if bool(annotator) == bool(column or value):
        raise InvalidInput("invalid_removal", "Say either a column with its value, or an annotator.")
    if annotator:
        return
    if not value:
        message = "Say the value that names the person."
        raise InvalidInput("invalid_removal", message, errors=[{"field": "value", "message": message}])
    if not any(column in version.schema for version in versions):
        message = f"No version has a column “{column[:80]}”."
        raise InvalidInput("invalid_removal", message, errors=[{"field": "column", "message": message}])


def _replace(version: DatasetVersionInfo, column: str, value: str, annotator: str) -> _Replacement | None:
    """New files for a version that has something of the person; None for any other."""
    found = _Replacement(version)
    if annotator:
        _without_answers(found, lambda answer: answer.get("annotator") == annotator)
        return found if found.answers else None
    if column not in version.schema:
        return None
    for row in selectors.iter_rows(version.id):
        if _names(row, column, value):
            found.leaves.append("0x" + leaf_hash(canonical_row(row)).hex())
            found.row_ids.add(str(row.get("id", "")))
    if not found.leaves:
        return None
    folder = f"{version.dataset_id}/{uuid7()}"
    kept = (row for row in selectors.iter_rows(version.id) if not _names(row, column, value))
    found.row_count = version.row_count - len(found.leaves)
    if found.row_count:
        with RowSpool(kept) as spool:
            _, found.files = store_rows(version.owner_id, folder, spool)
            found.preview = list(islice(spool, PREVIEW_ROWS))
    else:
        found.files = store_no_rows(version.owner_id, folder, version.schema)
    _without_answers(found, lambda answer: str(answer.get("row", "")) in found.row_ids)
    return found


def _names(row: Row, column: str, value: str) -> bool:
    return str(row.get(column, "")) == value


def _without_answers(found: _Replacement, is_gone: Callable[[dict[str, Any]], bool]) -> None:
    """Write the version's answers anew without some; its other files stay where none replaced them."""
    version = found.version
    if not found.files:
        found.files = tuple(file for file in version.files if file.format != FileFormat.ANSWERS)
        found.row_count, found.preview = version.row_count, selectors.preview(version)
    if not version.has(FileFormat.ANSWERS):
        return

    def kept() -> Iterator[dict[str, Any]]:
        for answer in selectors.iter_answers(version):
            if is_gone(answer):
                found.answers += 1
            else:
                yield answer

    file = store_answers(version.owner_id, f"{version.dataset_id}/{uuid7()}", kept())
    if file is not None:
        found.files = (*found.files, file)


def _release_without(
    actor: Actor, newest: DatasetVersionInfo, replaced: list[_Replacement]
) -> DatasetVersionInfo | None:
    change = next((one for one in replaced if one.version.id == newest.id), None)
    if change is None or not change.row_count:
        return None
    kept = {key: value for key, value in newest.card.items() if key not in ("statistics", "derived_from")}
    gone = set(change.leaves)
    removal = {"version": newest.number, "rows": len(change.leaves), "answers": change.answers}
    return release_dataset_version(
        actor=actor,
        dataset_id=newest.dataset_id,
        rows=(
            row
            for row in selectors.iter_rows(newest.id)
            if not gone or "0x" + leaf_hash(canonical_row(row)).hex() not in gone
        ),
        schema=newest.schema,
        card=kept | {"person_removed": removal},
        design=newest.design,
        answers=selectors.answers_in(file) if (file := _answers_file(change)) is not None else (),
        contributions=contributions_of(newest),
        parents=parents_of(actor, newest),
    )


def _answers_file(change: _Replacement) -> StoredFile | None:
    return next((file for file in change.files if file.format == FileFormat.ANSWERS), None)


@transaction.atomic
def _commit(
    actor: Actor,
    dataset: Dataset,
    replaced: list[_Replacement],
    successor: DatasetVersionInfo | None,
    versions: list[DatasetVersionInfo],
    column: str,
) -> Removal:
    """Point every version at its new files; the old ones are deleted once this is committed."""
    Dataset.objects.select_for_update(no_key=True).get(id=dataset.id)
    expected = {version.id for version in versions} | ({successor.id} if successor is not None else set())
    if DatasetVersion.objects.filter(dataset=dataset).exclude(id__in=expected).exists():
        raise RemovalOvertaken
    discarded: list[str] = []
    for one in sorted(replaced, key=lambda change: change.version.id):
        row = DatasetVersion.objects.select_for_update(no_key=True).get(id=one.version.id)
        new = [file.as_json() for file in one.files]
        discarded += [file["key"] for file in row.files if file["key"] not in {file["key"] for file in new}]
        row.files, row.preview, row.row_count = new, one.preview, one.row_count
        row.removed_leaves = [*row.removed_leaves, *one.leaves]
        row.save(update_fields=["files", "preview", "row_count", "removed_leaves", "updated_at"])
    row_ids = frozenset(row_id for one in replaced for row_id in one.row_ids if row_id)
    for erase in _erasers:
        erase(dataset.id, row_ids)
    removal = Removal.objects.create(
        tenant_id=actor.organisation_id,
        dataset=dataset,
        column=column,
        rows=sum(len(one.leaves) for one in replaced),
        answers=sum(one.answers for one in replaced),
        versions=sorted(one.version.number for one in replaced),
        new_version=successor.number if successor is not None else None,
    )
    publish(DatasetFilesDiscarded(dataset.id, discarded))
    record_audit(
        actor,
        action="dataset.person_removed",
        target_type="dataset",
        target_id=dataset.id,
        detail={"column": column, "rows": removal.rows, "answers": removal.answers, "versions": removal.versions},
    )
    return removal
