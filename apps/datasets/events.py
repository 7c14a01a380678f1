"""What happened to datasets."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apps.core.outbox import Event


@dataclass(frozen=True)
class DatasetVersionReleased(Event):
    """A dataset has a new version."""

    dataset_version_id: UUID
    dataset_id: UUID
    number: int


@dataclass(frozen=True)
class DatasetFilesDiscarded(Event):
    """Files of a dataset hold what must not be kept; `keys` are where they are stored."""

    dataset_id: UUID
    keys: list[str]
