"""Postings: for each term the chunks of a segment that hold it, as arrays in the bytes of one row.

A segment holds chunks of one knowledge base with numbers in a row. A term that few of them hold is stored as their
numbers, how often it stands in each and how long each is (7 bytes a chunk); one that many hold as a column of one byte
for every chunk of the segment, which is shorter and is read at the places that matter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: BM25 hardly tells these from more; they are the most that a byte and two bytes hold.
MOST_FREQUENT, LONGEST = 255, 65_535
#: The name under which a segment's column of lengths is stored; no term is empty.
LENGTHS = ""
_BYTES_OF_A_POSTING = 7
#: Columns save nothing worth having in a smaller segment.
_LEAST_COLUMN = 2_048


@dataclass(frozen=True)
class TermCounts:
    """A chunk as it is indexed: its number in its knowledge base, how often each term stands in it, and all its terms
    together, repeated ones too."""

    number: int
    frequencies: Mapping[str, int]
    length: int


@dataclass(frozen=True)
class Postings:
    """Chunks that hold a term, in the order of their numbers."""

    numbers: NDArray[np.int32]
    frequencies: NDArray[np.uint8]
    lengths: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.numbers)

    def where(self, kept: NDArray[np.bool_]) -> Postings:
        """Those that are kept."""
        return Postings(self.numbers[kept], self.frequencies[kept], self.lengths[kept])


@dataclass(frozen=True)
class Column:
    """How often a term stands in each chunk from the number `first` on; 0 where it does not."""

    first: int
    frequencies: NDArray[np.uint8]

    @property
    def end(self) -> int:
        """The number behind the last."""
        return self.first + len(self.frequencies)


@dataclass(frozen=True)
class Lengths:
    """How many terms each chunk from the number `first` on has; 0 where there is none of that number."""

    first: int
    values: NDArray[np.uint16]


def postings_of(chunks: Iterable[TermCounts]) -> dict[str, Postings]:
    """The postings of every term; the chunks come in the order of their numbers."""
    found: dict[str, tuple[list[int], list[int], list[int]]] = defaultdict(lambda: ([], [], []))
    for chunk in chunks:
        length = min(chunk.length, LONGEST)
        for term, count in chunk.frequencies.items():
            numbers, frequencies, lengths = found[term]
            numbers.append(chunk.number)
            frequencies.append(min(count, MOST_FREQUENT))
            lengths.append(length)
    return {
        term: Postings(np.array(rows[0], np.int32), np.array(rows[1], np.uint8), np.array(rows[2], np.uint16))
        for term, rows in found.items()
    }


def packed(postings: Postings, first: int, last: int) -> tuple[bool, bytes]:
    """The bytes that are stored in a segment of these numbers, and whether they are a column."""
    span = last - first + 1
    if span >= _LEAST_COLUMN and len(postings) * _BYTES_OF_A_POSTING > span:
        column = np.zeros(span, np.uint8)
        column[postings.numbers - first] = postings.frequencies
        return True, column.tobytes()
    parts = (postings.numbers.astype("<i4"), postings.frequencies, postings.lengths.astype("<u2"))
    return False, b"".join(part.tobytes() for part in parts)


def unpacked(data: bytes) -> Postings:
    """What `packed` made, where it is no column."""
    count = len(data) // _BYTES_OF_A_POSTING
    return Postings(
        np.frombuffer(data, "<i4", count),
        np.frombuffer(data, np.uint8, count, 4 * count),
        np.frombuffer(data, "<u2", count, 5 * count),
    )


def column(data: bytes, first: int) -> Column:
    """What `packed` made, where it is a column."""
    return Column(first, np.frombuffer(data, np.uint8))


def packed_lengths(chunks: Postings, first: int, last: int) -> bytes:
    """The lengths of a segment's chunks as bytes."""
    values = np.zeros(last - first + 1, "<u2")
    values[chunks.numbers - first] = chunks.lengths
    return values.tobytes()


def lengths(data: bytes, first: int) -> Lengths:
    """What `packed_lengths` made."""
    return Lengths(first, np.frombuffer(data, "<u2"))


def from_column(stored: Column, known: Lengths) -> Postings:
    """The postings that a column stands for."""
    places = np.flatnonzero(stored.frequencies)
    return Postings(
        (places + stored.first).astype(np.int32),
        stored.frequencies[places],
        known.values[places + stored.first - known.first],
    )


def chunks_in(known: Lengths) -> Postings:
    """The chunks of a segment as if a term stood once in each."""
    places = np.flatnonzero(known.values)
    return Postings((places + known.first).astype(np.int32), np.ones(len(places), np.uint8), known.values[places])


def joined(parts: Sequence[Postings]) -> Postings:
    """The postings of several segments as those of one."""
    if len(parts) == 1:
        return parts[0]
    one = Postings(
        np.concatenate([part.numbers for part in parts]),
        np.concatenate([part.frequencies for part in parts]),
        np.concatenate([part.lengths for part in parts]),
    )
    if np.all(one.numbers[:-1] < one.numbers[1:]):
        return one
    order = np.argsort(one.numbers, kind="stable")
    return Postings(one.numbers[order], one.frequencies[order], one.lengths[order])


def without(postings: Postings, gone: NDArray[np.int32]) -> Postings:
    """Postings of the other chunks."""
    return postings.where(~np.isin(postings.numbers, gone)) if len(gone) else postings
