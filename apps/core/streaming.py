"""Downloads that are made while they are sent, whatever their size, by code that blocks.

Under ASGI Django would collect a blocking iterator whole before it sends the first byte. Here a thread fills a short
queue instead; the iterator is run in that thread alone, so that its database connection and tenant scope are its own.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Iterator
from queue import Empty, Full, Queue
from typing import IO, Any

from django.db import connections
from django.http import StreamingHttpResponse

_QUEUED = 4
_WAIT_S = 0.5
_CHUNK = 1 << 18


class Download(StreamingHttpResponse):
    """A file made of `chunks`, sent as an attachment. The iterator enters the tenant scope that it needs itself."""

    def __init__(self, chunks: Iterator[bytes], *, filename: str, content_type: str, size: int | None = None) -> None:
        super().__init__(chunks, content_type=content_type)
        self.chunks = chunks
        self["Content-Disposition"] = f'attachment; filename="{filename}"'
        if size is not None:
            self["Content-Length"] = str(size)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        producer = _Producer(self.chunks)
        try:
            while (chunk := await asyncio.to_thread(producer.next)) is not None:
                yield chunk
        finally:
            producer.stop()


class _Producer:
    """A thread that runs an iterator ahead of its reader, by a few chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks = chunks
        self.queue: Queue[bytes | BaseException | None] = Queue(maxsize=_QUEUED)
        self.stopped = threading.Event()
        context = contextvars.Context()
        self.thread = threading.Thread(target=context.run, args=(self._run,), daemon=True, name="download")
        self.thread.start()

    def next(self) -> bytes | None:
        """The next chunk, None at the end; raises what the iterator raised."""
        while True:
            try:
                found = self.queue.get(timeout=_WAIT_S)
            except Empty:
                if self.thread.is_alive():
                    continue
                return None
            if isinstance(found, BaseException):
                raise found
            return found

    def stop(self) -> None:
        """The reader has gone, or has everything."""
        self.stopped.set()

    def _run(self) -> None:
        try:
            for chunk in self.chunks:
                if not self._put(bytes(chunk)):
                    return
            self._put(None)
        except BaseException as error:  # raised again where the response is sent
            self._put(error)
        finally:
            close = getattr(self.chunks, "close", None)
            if close is not None:
                close()
            connections.close_all()

    def _put(self, item: Any) -> bool:
        while not self.stopped.is_set():
            try:
                self.queue.put(item, timeout=_WAIT_S)
            except Full:
                continue
            return True
        return False


def file_chunks(file: IO[bytes]) -> Iterator[bytes]:
    """A file's content in pieces; it is closed at the end."""
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk
