"""Segments of the index for search by words: made of what waits, merged as they grow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from uuid import UUID

import numpy as np
import psycopg
from django.db import connection, transaction
from django.db.models import Count, F, Min, Sum
from numpy.typing import NDArray

from apps.core import clock
from apps.core.ids import uuid7
from apps.core.tenant import all_tenants, tenant_scope
from apps.knowledge.lexical.analysis import UNKNOWN, detect_language
from apps.knowledge.lexical.postings import (
    LENGTHS,
    LONGEST,
    Lengths,
    Postings,
    TermCounts,
    chunks_in,
    column,
    from_column,
    joined,
    lengths,
    packed,
    packed_lengths,
    postings_of,
    unpacked,
    without,
)
from apps.knowledge.models import (
    Document,
    KnowledgeBase,
    LexicalSegment,
    PendingTerms,
    PostingBlock,
    RemovedChunks,
)
from apps.knowledge.services.indexing import pending

#: A segment is made of so many chunks, or of fewer that have waited so long.
ENOUGH_CHUNKS = 1_000
LONGEST_WAIT = timedelta(minutes=1)
#: Chunks that one segment is made of at most; a merge brings them together later.
MOST_CHUNKS = 20_000
#: A segment of which more than this share is gone is written again.
MOST_REMOVED = 0.2
#: Postings of chunks that are gone are kept no longer than this, in an index of more than so many chunks; in a smaller
#: one they go at once.
LONGEST_KEPT = timedelta(hours=1)
SMALL_INDEX = 5_000
_WRITE_ROWS, _WRITE_BYTES = 5_000, 1 << 25
_READ_ROWS = 1_000

_INSERT = """
INSERT INTO knowledge_postingblock (id, tenant_id, segment_id, term, frequency, is_column, data)
SELECT id, %b, %b, term, frequency, is_column, data
FROM unnest(%b::uuid[], %b::text[], %b::int4[], %b::bool[], %b::bytea[]) AS block (id, term, frequency, is_column, data)
"""
_STORED = """
SELECT block.term, block.segment_id, block.is_column, block.data
FROM knowledge_postingblock AS block JOIN knowledge_lexicalsegment AS segment ON segment.id = block.segment_id
WHERE block.segment_id = ANY(%s) AND block.term <> '' ORDER BY block.term, segment.first_number
"""


def index_due_bases() -> int:
    """Make segments of what waits long enough, in every organisation. Returns in how many knowledge bases."""
    due, overdue = _due(), _overdue()
    for knowledge_base_id, tenant_id in dict.fromkeys([*due, *overdue]):
        with tenant_scope(tenant_id):
            index_base(knowledge_base_id, is_purged=(knowledge_base_id, tenant_id) in overdue)
    return len({*due, *overdue})


def index_base(knowledge_base_id: UUID, *, is_purged: bool = False) -> None:
    """Put all that waits into segments, merge those that it makes worth merging, and drop what is gone.

    Args:
        is_purged: leave no posting of what is gone, at the price of writing large segments again.
    """
    while _advance(knowledge_base_id, 0.0 if is_purged else MOST_REMOVED):
        pass


def _due() -> list[tuple[UUID, UUID]]:
    with all_tenants(reason="knowledge bases of every organisation are indexed"):
        columns = ("knowledge_base_id", "tenant_id")
        waiting = PendingTerms.objects.values(*columns).annotate(chunks=Count("id"), since=Min("created_at"))
        latest = clock.now() - LONGEST_WAIT
        due = [
            (row["knowledge_base_id"], row["tenant_id"])
            for row in waiting.order_by("since")
            if row["chunks"] >= ENOUGH_CHUNKS or row["since"] <= latest
        ]
        numbers = F("last_number") - F("first_number") + 1
        gone = RemovedChunks.objects.values(*columns).annotate(chunks=Sum(numbers)).order_by()
        held = dict(LexicalSegment.objects.values_list("knowledge_base_id").annotate(Sum("chunks")).order_by())
        due += [
            (row["knowledge_base_id"], row["tenant_id"])
            for row in gone
            if row["chunks"] > MOST_REMOVED * held.get(row["knowledge_base_id"], 0)
        ]
    return list(dict.fromkeys(due))


def _overdue() -> set[tuple[UUID, UUID]]:
    """Knowledge bases whose index shall not hold postings of chunks that were removed any longer."""
    since = int((clock.now() - LONGEST_KEPT).timestamp() * 1000)
    oldest = UUID(int=since << 80)  # ids begin with the time that they were made at
    with all_tenants(reason="words of removed documents go from every organisation's index"):
        bases = RemovedChunks.objects.values_list("knowledge_base_id", "tenant_id").order_by().distinct()
        noted, old = set(bases), set(bases.filter(id__lt=oldest))
        segments = LexicalSegment.objects.filter(knowledge_base_id__in=[base_id for base_id, _ in noted])
        held = dict(segments.values_list("knowledge_base_id").annotate(Sum("chunks")).order_by())
    return {base for base in noted if base in old or held.get(base[0], 0) <= SMALL_INDEX}


@transaction.atomic
def _advance(knowledge_base_id: UUID, most_removed: float) -> bool:
    """One segment of the chunks that have waited longest; False where nothing is to be done."""
    if not _alone(knowledge_base_id):
        return False
    waiting = PendingTerms.objects.filter(knowledge_base_id=knowledge_base_id).order_by("number")
    rows = list(waiting[:MOST_CHUNKS])
    # Read after those that wait: what is removed from now on stays noted, and what was removed before is not in them.
    removed = list(RemovedChunks.objects.filter(knowledge_base_id=knowledge_base_id))
    gone = np.concatenate(
        [np.zeros(0, np.int32), *(np.arange(row.first_number, row.last_number + 1, dtype=np.int32) for row in removed)]
    )
    segments = list(LexicalSegment.objects.filter(knowledge_base_id=knowledge_base_id).order_by("first_number"))
    merged = _to_merge(segments, len(rows), gone, most_removed)
    if rows or merged:
        _analyse_old(rows)
        added = [TermCounts(row.number, row.frequencies, row.length) for row in rows if row.length]
        _Merge(knowledge_base_id, merged, gone).write(added)
        PendingTerms.objects.filter(id__in=[row.id for row in rows]).delete()
        _note_languages(knowledge_base_id)
    _forget(removed, [segment for segment in segments if segment not in merged])
    return bool(rows)


def _alone(knowledge_base_id: UUID) -> bool:
    """Whether nobody else makes segments there; so it stays until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"segments:{knowledge_base_id}"])
        return bool(cursor.fetchone()[0])


def _to_merge(
    segments: Sequence[LexicalSegment], added: int, gone: NDArray[np.int32], most_removed: float
) -> list[LexicalSegment]:
    """The last segments that go into a new one with so many chunks more: those not larger than what comes after, and
    all from the first on of which too much is gone."""
    total, start = added, len(segments)
    for place in reversed(range(len(segments))):
        segment = segments[place]
        inside = np.count_nonzero((gone >= segment.first_number) & (gone <= segment.last_number))
        if (added and segment.chunks <= total and start == place + 1) or inside > most_removed * segment.chunks:
            start = place
        total += segment.chunks
    return list(segments[start:])


def _analyse_old(rows: Sequence[PendingTerms]) -> None:
    """Fill in the terms of chunks that are older than this index."""
    old = {row.chunk_id: row for row in rows if not row.length}
    if not old:
        return
    full = PendingTerms.objects.filter(id__in=[row.id for row in old.values()]).select_related("chunk__document")
    for row in full.defer("chunk__embedding"):
        document = row.chunk.document
        if not document.language:
            document.language = detect_language(row.chunk.text)
            Document.objects.filter(id=document.id, language="").update(language=document.language)
        found = pending(row.chunk, document.language)
        old[row.chunk_id].frequencies, old[row.chunk_id].length = found.frequencies, found.length


def _note_languages(knowledge_base_id: UUID) -> None:
    """Keep the languages of a knowledge base's documents, most frequent first."""
    rows = Document.objects.filter(knowledge_base_id=knowledge_base_id, chunk_count__gt=0).exclude(language="")
    counted = rows.values_list("language").annotate(documents=Count("id")).order_by("-documents", "language")
    found = [language for language, _ in counted]
    KnowledgeBase.objects.filter(id=knowledge_base_id).update(languages=found or [UNKNOWN])


def _forget(removed: Sequence[RemovedChunks], kept: Sequence[LexicalSegment]) -> None:
    """Delete the notes of removed chunks that no segment holds any more."""
    done = [
        row.id
        for row in removed
        if not any(
            row.first_number <= segment.last_number and row.last_number >= segment.first_number for segment in kept
        )
    ]
    RemovedChunks.objects.filter(id__in=done).delete()


@dataclass(frozen=True)
class _Merge:
    """A new segment in place of old ones, without chunks that are gone."""

    knowledge_base_id: UUID
    merged: Sequence[LexicalSegment]
    gone: NDArray[np.int32]

    def write(self, chunks: Sequence[TermCounts]) -> None:
        """Write the segment of the old ones' chunks and of these, which come behind them."""
        known = self._lengths()
        every = without(joined([*(chunks_in(one) for one in known.values()), _as_postings(chunks)]), self.gone)
        if len(every):
            self._write(chunks, known, every)
        old = [segment.id for segment in self.merged]
        PostingBlock.objects.filter(segment_id__in=old).delete()
        LexicalSegment.objects.filter(id__in=old).delete()

    def _write(self, chunks: Sequence[TermCounts], known: Mapping[UUID, Lengths], every: Postings) -> None:
        first, last = int(every.numbers[0]), int(every.numbers[-1])
        segment = LexicalSegment.objects.create(
            knowledge_base_id=self.knowledge_base_id,
            chunks=len(every),
            terms=int(every.lengths.sum(dtype=np.int64)),
            first_number=first,
            last_number=last,
        )
        writer = _BlockWriter(segment)
        writer.add(LENGTHS, len(every), is_column=True, data=packed_lengths(every, first, last))
        for term, postings in self._terms(postings_of(chunks), known):
            left = without(postings, self.gone)
            if len(left):
                is_column, data = packed(left, first, last)
                writer.add(term, len(left), is_column=is_column, data=data)
        writer.flush()

    def _lengths(self) -> dict[UUID, Lengths]:
        firsts = {segment.id: segment.first_number for segment in self.merged}
        rows = PostingBlock.objects.filter(segment_id__in=firsts, term=LENGTHS).values_list("segment_id", "data")
        return {segment_id: lengths(bytes(data), firsts[segment_id]) for segment_id, data in rows}

    def _terms(self, added: dict[str, Postings], known: Mapping[UUID, Lengths]) -> Iterator[tuple[str, Postings]]:
        """Each term with the postings of old segments and of new chunks."""
        for term, group in groupby(_stored(list(known)), key=lambda row: row[0]):
            parts = [
                from_column(column(data, known[segment_id].first), known[segment_id]) if is_column else unpacked(data)
                for _, segment_id, is_column, data in group
            ]
            if term in added:
                parts.append(added.pop(term))
            yield term, joined(parts)
        yield from added.items()


class _BlockWriter:
    """Inserts a segment's blocks, many with a statement."""

    def __init__(self, segment: LexicalSegment) -> None:
        self._segment = segment
        self._rows: list[tuple[UUID, str, int, bool, bytes]] = []
        self._bytes = 0

    def add(self, term: str, frequency: int, *, is_column: bool, data: bytes) -> None:
        """One block; it is written with the next ones."""
        self._rows.append((uuid7(), term, frequency, is_column, data))
        self._bytes += len(data)
        if len(self._rows) >= _WRITE_ROWS or self._bytes >= _WRITE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what was added."""
        if self._rows:
            with psycopg.Cursor(connection.connection) as cursor:
                columns = [list(values) for values in zip(*self._rows, strict=True)]
                cursor.execute(_INSERT, [self._segment.tenant_id, self._segment.id, *columns])
        self._rows, self._bytes = [], 0


def _stored(segments: Sequence[UUID]) -> Iterator[tuple[str, UUID, bool, bytes]]:
    """The blocks of all terms in these segments, those of a term together."""
    if not segments:
        return
    with psycopg.ServerCursor(connection.connection, "posting_blocks") as cursor:
        cursor.itersize = _READ_ROWS
        cursor.execute(_STORED, [list(segments)], binary=True)
        yield from cursor


def _as_postings(chunks: Sequence[TermCounts]) -> Postings:
    return Postings(
        np.array([chunk.number for chunk in chunks], np.int32),
        np.ones(len(chunks), np.uint8),
        np.array([min(chunk.length, LONGEST) for chunk in chunks], np.uint16),
    )
