"""Words and values of imports that pages, the API and services share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_TITLE = 120
MAX_STATEMENT = 1_000
MAX_IMPORT_ITEMS = 1_000_000
MAX_UPLOAD_BYTES = 5 * 1024**3
MAX_MEDIA_BYTES = 200 * 1024**2
MAX_URLS = 20_000
#: Quarantined rows that are kept with their content; beyond them only their number is.
MAX_QUARANTINED = 20_000


class ImportState(StrEnum):
    """queued -> running -> ready | failed | cancelled; failed and cancelled ones can be retried."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """Whether work on it goes on."""
        return self in (ImportState.QUEUED, ImportState.RUNNING)


class SourceKind(StrEnum):
    """Where the content comes from."""

    UPLOAD = "upload"
    S3 = "s3"
    URLS = "urls"


class MediaKind(StrEnum):
    """What a media file is; the name of the input that shows it, too."""

    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"


@dataclass(frozen=True)
class MediaFacts:
    """What was found in a media file itself: never what its name or a server says."""

    kind: MediaKind
    content_type: str
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None


class UnusableMedia(ValueError):
    """A media file that cannot be used: why, and what to do about it."""

    def __init__(self, reason: str, remedy: str = "Save it again in another program and import it once more.") -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Record:
    """One row, file or address of a source, before it is checked.

    Attributes:
        member: which file within the source, counted from 0.
        index: which record of the member, counted from 1; with `member` it is the place to go on from.
        row: the row as its author counts, 1 for a media file.
        file: the file it stands in.
        values: column -> value; a `MediaFile` where the value is a media file.
        field: the column at fault.
        fault: what is wrong with it; '' for a good one.
        remedy: what to do about it.
        fraction: how much of the source has been read, from 0 to 1.
    """

    member: int
    index: int
    row: int
    file: str
    values: dict[str, Any]
    fraction: float
    field: str = ""
    fault: str = ""
    remedy: str = ""
