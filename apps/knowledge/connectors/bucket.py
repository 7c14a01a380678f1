"""The objects under a prefix of an S3 bucket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO

import requests

from apps.core.buckets import S3Place, S3Reader
from apps.core.fetching import FetchFailed, fetch
from apps.knowledge.connectors.places import MAX_ENTRIES, Entry
from apps.knowledge.types import MAX_DOCUMENT_BYTES


class BucketPlace:
    """Every object is an entry, named by its key."""

    def __init__(self, opened: requests.Session, place: S3Place) -> None:
        self.opened = opened
        self.reader = S3Reader(place, opened, most=MAX_ENTRIES)
        self._sizes: dict[str, int] = {}

    def entries(self) -> Iterator[Entry]:
        """The objects, with the versions that the list tells."""
        for found in self.reader.objects():
            self._sizes[found.key] = found.size
            yield Entry(found.key, PurePosixPath(found.key).name[-255:], found.etag)

    def fetch(self, entry: Entry, known: str, target: IO[bytes]) -> str | None:
        """The object's bytes, or None where the list tells the version that is known."""
        if known and known == entry.etag:
            return None
        if self._sizes.get(entry.address, 0) > MAX_DOCUMENT_BYTES:
            raise FetchFailed(f"The object is larger than {MAX_DOCUMENT_BYTES // 1024**2} MB. Split it.")
        address = self.reader.address(entry.address)()
        fetch(self.opened, address, target, max_bytes=MAX_DOCUMENT_BYTES)
        return entry.etag
