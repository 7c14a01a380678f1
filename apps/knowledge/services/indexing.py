"""Chunks and the index for search by words, kept as segments that are merged as they grow (a log-structured merge).

A chunk's terms are stored with it and searched from there until the next segment takes them up. Segments hold numbers
in a row. A new one takes in those before it that are not larger than itself, so that there are few of them and a chunk
is written again only as often as its knowledge base doubles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from uuid import UUID

from django.db.models import F

from apps.knowledge.lexical.analysis import detect_language, terms
from apps.knowledge.models import Chunk, Document, KnowledgeBase, PendingTerms, RemovedChunks
from apps.knowledge.types import ChunkDraft

#: A document's language is told from its first chunks.
_LANGUAGE_SAMPLE = 20
_BATCH = 500


def replace_chunks(document: Document, drafts: Sequence[ChunkDraft]) -> None:
    """Store a document's chunks in place of those it has; they can be found by their words from then on.

    As `store_chunks` does for several that have none yet.
    """
    remove_chunks(document)
    store_chunks(document.knowledge_base_id, [(document, drafts)])


def store_chunks(knowledge_base_id: UUID, parts: Sequence[tuple[Document, Sequence[ChunkDraft]]]) -> None:
    """Store the chunks of a knowledge base's documents; they can be found by their words from then on.

    Sets each document's language, its first chunk's number and its counts of chunks and terms, without saving them. The
    documents' rows are locked; the knowledge base's is from here to the end of the transaction, so that numbers come in
    their order.
    """
    for document, drafts in parts:
        document.language = detect_language("\n".join(draft.text for draft in drafts[:_LANGUAGE_SAMPLE]))
    number = _take_numbers(
        knowledge_base_id, sum(len(drafts) for _, drafts in parts), {document.language for document, _ in parts}
    )
    stored: list[PendingTerms] = []
    for document, drafts in parts:
        document.first_number, document.chunk_count = number, len(drafts)
        rows = [pending(_chunk(document, draft), document.language) for draft in drafts]
        document.term_count = sum(row.length for row in rows)
        stored += rows
        number += len(drafts)
    Chunk.objects.bulk_create((row.chunk for row in stored), batch_size=_BATCH)
    PendingTerms.objects.bulk_create(stored, batch_size=_BATCH)


def renew_chunk(chunk: Chunk) -> None:
    """Save a chunk whose text was changed: it is found by its new words, and is to be embedded again.

    All chunks of its document, which is locked, get new numbers, so that those are in a row still.
    """
    document = chunk.document
    chunk.embedding = None
    chunk.save(update_fields=["text", "heading", "start", "end", "tokens", "embedding"])
    chunks = list(Chunk.objects.filter(document=document).defer("embedding").order_by("ordinal"))
    _note_removed(document, (one.number for one in chunks))
    PendingTerms.objects.filter(chunk__document=document).delete()
    document.first_number = _take_numbers(document.knowledge_base_id, len(chunks), {document.language})
    for number, one in enumerate(chunks, start=document.first_number):
        one.number = number
    Chunk.objects.bulk_update(chunks, ["number"], batch_size=_BATCH)
    terms_of = [pending(one, document.language) for one in chunks]
    PendingTerms.objects.bulk_create(terms_of, batch_size=_BATCH)
    document.term_count = sum(row.length for row in terms_of)
    document.save(update_fields=["first_number", "term_count", "updated_at"])


def remove_chunks(document: Document) -> None:
    """Delete a document's chunks. Their postings find nothing from then on, and go with the next merge."""
    chunks = Chunk.objects.filter(document=document)
    _note_removed(document, chunks.order_by("number").values_list("number", flat=True))
    chunks.delete()


def ranges(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Ascending numbers as parts without a gap: the first and last of each."""
    first = last = -1
    for number in numbers:
        if last >= 0 and number == last + 1:
            last = number
            continue
        if last >= 0:
            yield first, last
        first = last = number
    if last >= 0:
        yield first, last


def pending(chunk: Chunk, language: str) -> PendingTerms:
    """The terms of a chunk, and of the heading above it, as a row that is not stored yet."""
    frequencies = Counter(terms(f"{chunk.heading}\n{chunk.text}", language))
    return PendingTerms(
        tenant_id=chunk.tenant_id,
        knowledge_base_id=chunk.knowledge_base_id,
        chunk=chunk,
        number=chunk.number,
        length=frequencies.total(),
        frequencies=dict(frequencies),
    )


def _chunk(document: Document, draft: ChunkDraft) -> Chunk:
    return Chunk(
        tenant_id=document.tenant_id,
        knowledge_base_id=document.knowledge_base_id,
        document=document,
        number=document.first_number + draft.ordinal,
        ordinal=draft.ordinal,
        text=draft.text,
        heading=draft.heading,
        page=draft.page,
        start=draft.start,
        end=draft.end,
        tokens=draft.tokens,
    )


def _note_removed(document: Document, numbers: Iterable[int]) -> None:
    RemovedChunks.objects.bulk_create(
        RemovedChunks(
            tenant_id=document.tenant_id,
            knowledge_base_id=document.knowledge_base_id,
            first_number=first,
            last_number=last,
        )
        for first, last in ranges(numbers)
    )


def _take_numbers(knowledge_base_id: UUID, count: int, languages: Collection[str]) -> int:
    """The first of so many numbers for chunks. Others that store chunks in the knowledge base wait for each other."""
    rows = KnowledgeBase.objects.filter(id=knowledge_base_id)
    rows.update(next_number=F("next_number") + count)
    base = rows.only("next_number", "languages").get()
    if new := set(languages) - set(base.languages):
        rows.update(languages=[*base.languages, *sorted(new)])
    return base.next_number - count
