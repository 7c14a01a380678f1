"""Words and values of the dataset room that other apps and pages may hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

MAX_NAME = 120
MAX_SUMMARY = 2000
PREVIEW_ROWS = 10


class DatasetsPermission(StrEnum):
    """What a role may be allowed to do here."""

    VIEW = "datasets:dataset:view"
    CREATE = "datasets:dataset:create"
    RELEASE = "datasets:version:release"
    REMOVE = "datasets:person:remove"


class Split(StrEnum):
    """Which part of a dataset a row belongs to."""

    TRAIN = "train"
    TEST = "test"
    VALIDATION = "validation"


class FileFormat(StrEnum):
    """The files that a version is kept as."""

    JSONL = "jsonl"
    PARQUET = "parquet"
    ANSWERS = "answers"

    @property
    def filename(self) -> str:
        """The file's name within its version."""
        return "answers.jsonl" if self is FileFormat.ANSWERS else f"rows.{self.value}"


Row = dict[str, Any]
"""One row: column -> text, integer, None, or lists and objects of JSON (`apps.datasets.rows.RowCheck`)."""


@dataclass(frozen=True)
class DatasetInfo:
    """A dataset; its id is its asset's id."""

    id: UUID
    owner_id: UUID
    name: str
    summary: str
    created_at: datetime


@dataclass(frozen=True)
class StoredFile:
    """A file of a version: size in bytes, SHA-256 in hexadecimal digits."""

    format: FileFormat
    key: str
    size: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        """For the database and the API; the key is left out of the latter."""
        return {"format": self.format.value, "key": self.key, "size": self.size, "sha256": self.sha256}


@dataclass(frozen=True)
class DatasetVersionInfo:
    """One released, immutable version of a dataset; its id is its asset version's id.

    `schema` maps each column to what it holds; `card` is the datasheet with quality figures and statistics. `design`
    says which columns were shown and which were asked, as an order's design; it is empty for plain tables.
    `rows_removed` counts rows that were taken out afterwards because a person's data had to go.
    """

    id: UUID
    dataset_id: UUID
    owner_id: UUID
    dataset_name: str
    number: int
    row_count: int
    content_root: str
    schema: dict[str, str]
    classes: tuple[str, ...]
    card: dict[str, Any]
    files: tuple[StoredFile, ...]
    released_at: datetime
    design: dict[str, Any] = field(default_factory=dict)
    rows_removed: int = 0

    def has(self, file_format: FileFormat) -> bool:
        """Whether the version has a file in a format."""
        return any(file.format == file_format for file in self.files)

    def file(self, file_format: FileFormat) -> StoredFile:
        """The version's file in a format."""
        return next(file for file in self.files if file.format == file_format)


@dataclass(frozen=True)
class RemovalInfo:
    """That one person's data was taken out of all versions of a dataset; it does not say whose."""

    id: UUID
    dataset_id: UUID
    column: str
    rows: int
    answers: int
    versions: tuple[int, ...]
    new_version: int | None
    removed_at: datetime


@dataclass(frozen=True)
class RowProof:
    """Proof that a row is in a version: hash `leaf` twice with keccak-256, then each of `proof` in sorted pairs."""

    row_number: int
    row: Row
    leaf: str
    proof: tuple[str, ...]
    content_root: str
