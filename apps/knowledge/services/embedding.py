"""Passages into vectors, in full batches across documents, while the next ones are being prepared."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Subquery
from django.db.models.functions import Coalesce

from apps.compute import runner
from apps.knowledge.models import Chunk, Document
from apps.knowledge.types import DocumentState

EMBEDDING_BATCH = 64
_IN_FLIGHT = 2

_SET_VECTORS = """
UPDATE knowledge_chunk SET embedding = new.vector::vector
FROM unnest(%s::uuid[], %s::text[]) AS new (id, vector) WHERE knowledge_chunk.id = new.id
"""

_Batch = tuple[list[Chunk], "Future[list[list[float]]]"]


class Embedder:
    """Takes passages, sends them to the runner by the batch, and stores vectors as they come back.

    The runner works while this process reads, cuts and stores: only the network is in other threads, the database is
    used by the caller's thread alone. Documents become ready with their last vector.

    Args:
        written: told of the documents whose passages were stored, inside the transaction.
    """

    def __init__(self, written: Callable[[Sequence[UUID]], None]) -> None:
        self._written = written
        self._waiting: list[Chunk] = []
        self._sent: deque[_Batch] = deque()
        self._pool = ThreadPoolExecutor(_IN_FLIGHT, thread_name_prefix="embedding")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        self._pool.shutdown(cancel_futures=True)

    def feed(self, chunks: Iterable[Chunk]) -> None:
        """Embed these passages, sooner or later.

        Raises:
            DependencyFailed: the runner does not answer; what was stored before stays.
        """
        for chunk in chunks:
            self._waiting.append(chunk)
            if len(self._waiting) == EMBEDDING_BATCH:
                self._send()

    def finish(self) -> None:
        """Embed and store everything that is left. Raises DependencyFailed."""
        if self._waiting:
            self._send()
        while self._sent:
            self._store()

    def _send(self) -> None:
        batch, self._waiting = self._waiting, []
        texts = [f"{chunk.heading}\n{chunk.text}" if chunk.heading else chunk.text for chunk in batch]
        self._sent.append((batch, self._pool.submit(runner.embed, texts)))
        while len(self._sent) > _IN_FLIGHT:
            self._store()

    def _store(self) -> None:
        batch, vectors = self._sent.popleft()
        found = vectors.result()
        documents = sorted({chunk.document_id for chunk in batch})
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(_SET_VECTORS, [[chunk.id for chunk in batch], [str(vector) for vector in found]])
            note_embedded(documents)
            self._written(documents)


def note_embedded(document_ids: Sequence[UUID]) -> None:
    """Count the embedded passages of documents; those without any left become ready."""
    mine = Chunk.objects.filter(document_id=OuterRef("id"))
    embedded = mine.filter(embedding__isnull=False).order_by().values("document_id")
    rows = Document.objects.filter(id__in=document_ids, state=DocumentState.EMBEDDING)
    rows.update(embedded_count=Coalesce(Subquery(embedded.annotate(n=Count("id")).values("n")), 0), cause="")
    rows.exclude(Exists(mine.filter(embedding__isnull=True))).update(state=DocumentState.READY)
