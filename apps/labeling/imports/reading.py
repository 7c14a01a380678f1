"""One interface over everything that items come from: a file, a zip, a bucket, a list of addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from apps.core.errors import InvalidInput
from apps.datasets.streams import stream_parquet, stream_text
from apps.labeling.import_types import Record

TABLE_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".txt")
PARQUET = b"PAR1"
ZIP = b"PK\x03\x04"
EMPTY_ZIP = b"PK\x05\x06"
#: Containers that are no table, by how they start, with what to do.
_NO_TABLES = {
    b"\x1f\x8b": "It is a gzip file. Unpack it first.",
    b"%PDF": "It is a PDF. Export its texts as CSV or JSONL.",
    b"\xd0\xcf\x11\xe0": "It is an old Excel or Word file. Export the table as CSV.",
    b"Rar!": "It is a RAR archive. Use zip.",
    b"7z\xbc\xaf": "It is a 7-Zip archive. Use zip.",
}


@dataclass(frozen=True)
class Place:
    """Where to go on: behind record `index` of member `member`."""

    member: int = 0
    index: int = 0


@dataclass(frozen=True)
class MediaFile:
    """The content of a media file, fetched when it is needed.

    Attributes:
        name: as people call it.
        write: puts the content at a path; raises UnusableMedia.
    """

    name: str
    write: Callable[[Path], None]


class Source(Protocol):
    """Something that items come from."""

    def records(self, start: Place) -> Iterator[Record]:
        """What is behind a place, always in the same order. Raises InvalidInput where nothing can be used."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


def table_records(file: IO[bytes], name: str, size: int, member: int, skip: int) -> Iterator[Record]:
    """The rows of a CSV, JSONL or Parquet file, behind the first `skip`; its content says which of them it is."""
    head = file.read(8)
    file.seek(0)
    for magic, message in _NO_TABLES.items():
        if head.startswith(magic):
            raise InvalidInput("not_a_table", f"“{name}”: {message}", errors=[{"file": name, "message": message}])
    rows = stream_parquet(file, name) if head.startswith(PARQUET) else stream_text(file, name, size)
    for index, row in enumerate(rows, start=1):
        if index > skip:
            yield Record(
                member=member,
                index=index,
                row=row.number,
                file=name,
                values=row.values,
                fraction=row.fraction,
                field=row.field,
                fault=row.fault,
                remedy="Correct the row and import it again." if row.fault else "",
            )


class TableSource:
    """One CSV, JSONL or Parquet file."""

    def __init__(self, file: IO[bytes], name: str, size: int) -> None:
        self.file, self.name, self.size = file, name, size

    def records(self, start: Place) -> Iterator[Record]:
        """Its rows."""
        self.file.seek(0)
        yield from table_records(self.file, self.name, self.size, 0, start.index)

    def close(self) -> None:
        """Close the file."""
        self.file.close()
