"""Chunks and the index for search by words, kept as segments that are merged as they grow (a log-structured merge).

A chunk's terms are stored with it and searched from there until the next segment takes them up. Segments hold numbers
in a row. A new one takes in those before it that are not larger than itself, so that there are few of them and a chunk
is written again only as often as its knowledge base doubles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from django.db.models import F

from apps.knowledge.lexical.analysis import detect_language, terms
from apps.knowledge.models import Chunk, Document, KnowledgeBase, PendingTerms, RemovedChunks
from apps.knowledge.types import ChunkDraft

#: A document's language is told from its first chunks.
_LANGUAGE_SAMPLE = 20
_BATCH = 500


def replace_chunks(document: Document, drafts: Sequence[ChunkDraft]) -> None:
    """Store a document's chunks in place of those it has; they can be found by their words from then on.

    Sets the document's language, its first chunk's number and its count of terms, without saving it. The document's row
    is locked; the knowledge base's is from here to the end of the transaction, so that numbers come in their order.
    """
    remove_chunks(document)
    document.language = detect_language("\n".join(draft.text for draft in drafts[:_LANGUAGE_SAMPLE]))
    document.first_number = _take_numbers(document, len(drafts))
    chunks = Chunk.objects.bulk_create(
        (
            Chunk(
                tenant_id=document.tenant_id,
                knowledge_base_id=document.knowledge_base_id,
                document=document,
                number=number,
                ordinal=draft.ordinal,
                text=draft.text,
                heading=draft.heading,
                page=draft.page,
                start=draft.start,
                end=draft.end,
                tokens=draft.tokens,
            )
            for number, draft in enumerate(drafts, start=document.first_number)
        ),
        batch_size=_BATCH,
    )
    document.term_count = _store_terms(chunks, document.language)


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
    document.first_number = _take_numbers(document, len(chunks))
    for number, one in enumerate(chunks, start=document.first_number):
        one.number = number
    Chunk.objects.bulk_update(chunks, ["number"], batch_size=_BATCH)
    document.term_count = _store_terms(chunks, document.language)
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


def _store_terms(chunks: Sequence[Chunk], language: str) -> int:
    """Make chunks searchable by their words. Returns how many terms they have."""
    rows = [pending(chunk, language) for chunk in chunks]
    PendingTerms.objects.bulk_create(rows, batch_size=_BATCH)
    return sum(row.length for row in rows)


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


def _take_numbers(document: Document, count: int) -> int:
    """The first of so many numbers for chunks. Others that store chunks in the knowledge base wait for each other."""
    rows = KnowledgeBase.objects.filter(id=document.knowledge_base_id)
    rows.update(next_number=F("next_number") + count)
    base = rows.only("next_number", "languages").get()
    if document.language not in base.languages:
        rows.update(languages=[*base.languages, document.language])
    return base.next_number - count
