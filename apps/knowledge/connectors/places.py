"""What every place gives: its entries, and the bytes of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Protocol

#: A page that has not changed answers this to a question with the version that is known.
NOT_MODIFIED = 304
MAX_ENTRIES = 5_000


@dataclass(frozen=True)
class Entry:
    """Something that a place lists; `etag` is its version where the list says it."""

    address: str
    name: str
    etag: str = ""


class Place(Protocol):
    """A place that documents lie in."""

    def entries(self) -> Iterator[Entry]:
        """What it holds. Raises InvalidInput where it cannot be listed."""
        ...

    def fetch(self, entry: Entry, known: str, target: IO[bytes]) -> str | None:
        """Write the entry's bytes into `target`.

        Args:
            known: the version that is here already; may be empty.

        Returns:
            What the server calls this version, or None where it is the known one.

        Raises:
            FetchFailed: it cannot be taken.
        """
        ...
