"""Items that lie elsewhere: lists of addresses, and prefixes of S3 buckets.

Everything goes through the one safe client, S3 too: boto3 only signs the addresses, so that a bucket's endpoint cannot
lead into a private network.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import unquote, urlsplit

import requests

from apps.core.buckets import S3Place, S3Reader
from apps.core.errors import InvalidInput
from apps.core.fetching import FetchFailed, fetch
from apps.labeling.import_types import MAX_MEDIA_BYTES, MAX_URLS, Record, UnusableMedia
from apps.labeling.imports.reading import PARQUET, TABLE_ENDINGS, MediaFile, Place, table_records

TABLE_BYTES = 1024**3
_RETRIES = 3


def _get(opened: requests.Session, address: Callable[[], str], target: IO[bytes], max_bytes: int) -> None:
    """Fetch, a few times where that may help. Raises UnusableMedia."""
    for attempt in range(1, _RETRIES + 1):
        target.seek(0)
        target.truncate()
        try:
            fetch(opened, address(), target, max_bytes=max_bytes)
        except FetchFailed as error:
            if error.is_passing and attempt < _RETRIES:
                continue
            raise UnusableMedia(error.message, "Check the address and that anybody may read it.") from None
        return


class S3Source:
    """Every object under a prefix: tables give their rows, media files an item each."""

    def __init__(self, place: S3Place, opened: requests.Session) -> None:
        self.opened = opened
        self.reader = S3Reader(place, opened, most=10 * MAX_URLS)
        self._keys: list[tuple[str, int]] | None = None

    def records(self, start: Place) -> Iterator[Record]:
        """A record for each media object and each row of a table, in the order of the keys."""
        keys = self.keys()
        for member, (key, size) in enumerate(keys):
            if member < start.member or (member == start.member and start.index and not _is_table(key)):
                continue
            skip = start.index if member == start.member else 0
            if _is_table(key):
                for record in self._rows(key, member, skip):
                    fraction = (member + record.fraction) / len(keys)
                    yield Record(
                        member,
                        record.index,
                        record.row,
                        key,
                        record.values,
                        fraction,
                        record.field,
                        record.fault,
                        record.remedy,
                    )
            else:
                yield self._media(key, size, member, (member + 1) / len(keys))

    def keys(self) -> list[tuple[str, int]]:
        """Keys and sizes in bytes under the prefix, listed once. Raises InvalidInput `s3_unreadable`."""
        if self._keys is None:
            self._keys = [(found.key, found.size) for found in self.reader.objects()]
        return self._keys

    def close(self) -> None:
        """Nothing is held."""

    def _media(self, key: str, size: int, member: int, fraction: float) -> Record:
        def write(target: Path) -> None:
            with target.open("wb") as file:
                _get(self.opened, self.reader.address(key), file, MAX_MEDIA_BYTES)

        if size > MAX_MEDIA_BYTES or not size:
            fault = "The object is empty." if not size else f"It has more than {MAX_MEDIA_BYTES // 1024**2} MB."
            return Record(member, 1, 1, key, {}, fraction, "", fault, "Leave it out, or make it smaller.")
        return Record(member, 1, 1, key, {"file": MediaFile(key, write)}, fraction)

    def _rows(self, key: str, member: int, skip: int) -> Iterator[Record]:
        with tempfile.TemporaryFile() as file:
            try:
                _get(self.opened, self.reader.address(key), file, TABLE_BYTES)
            except UnusableMedia as error:
                yield Record(member, 1, 1, key, {}, 1.0, "", error.reason, error.remedy)
                return
            size = file.tell()
            file.seek(0)
            yield from table_records(file, key, size, member, skip)


def _is_table(key: str) -> bool:
    return key.lower().endswith(TABLE_ENDINGS)


class UrlSource:
    """A list of addresses: a table with a column `url`, or one address a line."""

    def __init__(self, file: IO[bytes], name: str, size: int, opened: requests.Session) -> None:
        self.file, self.name, self.size, self.opened = file, name, size, opened

    def records(self, start: Place) -> Iterator[Record]:
        """A record for each address; other columns of the table stay with it."""
        self.file.seek(0)
        for record in self._listed(start.index):
            if record.index > MAX_URLS:
                message = f"The list has more than {MAX_URLS:,} addresses. Split it."
                raise InvalidInput("too_many_urls", f"“{self.name}”: {message}", errors=[{"message": message}])
            if record.index > start.index:
                yield record if record.fault else self._to_fetch(record)

    def close(self) -> None:
        """Close the list."""
        self.file.close()

    def _listed(self, skip: int) -> Iterator[Record]:
        head = self.file.read(2_000)
        self.file.seek(0)
        first = head.lstrip(b"\xef\xbb\xbf \t\r\n").split(b"\n", 1)[0].strip().lower()
        if head.startswith(PARQUET) or not first.startswith((b"http://", b"https://")):
            yield from table_records(self.file, self.name, self.size, 0, skip)
            return
        lines = enumerate(self.file, start=1)
        addresses = ((number, text) for number, line in lines if (text := line.decode("utf-8", "replace").strip()))
        for index, (number, text) in enumerate(addresses, start=1):
            values = {"url": text[:2_001]}
            yield Record(0, index, number, self.name, values, self.file.tell() / max(1, self.size))

    def _to_fetch(self, record: Record) -> Record:
        values = dict(record.values)
        address = str(values.pop("url", None) or "").strip()
        if not address:
            return Record(
                0,
                record.index,
                record.row,
                record.file,
                values,
                record.fraction,
                "url",
                "The row has no address.",
                "Give it one in the column “url”.",
            )

        def write(target: Path) -> None:
            with target.open("wb") as file:
                _get(self.opened, lambda: address, file, MAX_MEDIA_BYTES)

        name = PurePosixPath(urlsplit(address).path).name if address.startswith("http") else ""
        values["file"] = MediaFile(unquote(name) or address[:100], write)
        values.setdefault("source", address)
        return Record(0, record.index, record.row, record.file, values, record.fraction)
