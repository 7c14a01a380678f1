"""Words and values of the dataset room that other apps and pages may hold."""

from __future__ import annotations

from dataclasses import dataclass
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


class Split(StrEnum):
    """Which part of a dataset a row belongs to."""

    TRAIN = "train"
    TEST = "test"


class FileFormat(StrEnum):
    """The files that a version is kept as."""

    JSONL = "jsonl"
    PARQUET = "parquet"

    @property
    def filename(self) -> str:
        """The file's name within its version."""
        return f"rows.{self.value}"


Row = dict[str, str | int]
"""One row: column -> text or integer. No floats: their text form differs between languages, and so would the root."""


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

    `schema` maps each column to what it holds; `card` is the datasheet with quality figures and statistics.
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

    def file(self, file_format: FileFormat) -> StoredFile:
        """The version's file in a format."""
        return next(file for file in self.files if file.format == file_format)


@dataclass(frozen=True)
class RowProof:
    """Proof that a row is in a version: hash `leaf` twice with keccak-256, then each of `proof` in sorted pairs."""

    row_number: int
    row: Row
    leaf: str
    proof: tuple[str, ...]
    content_root: str
