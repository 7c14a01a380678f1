"""Give up waiting for a model when somebody stops it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TypeVar

T = TypeVar("T")


async def until(stop: asyncio.Event | None, pieces: AsyncIterator[T]) -> AsyncIterator[T]:
    """The pieces, until the event is set: then the one that is waited for is given up."""
    if stop is None:
        async with aclosing(pieces) as coming_pieces:  # type: ignore[type-var]  # an async generator
            async for piece in coming_pieces:
                yield piece
        return
    # All of them in one task: the model's client must be left by the task that has entered it.
    ready: asyncio.Queue[T | Exception | None] = asyncio.Queue()
    writing = asyncio.create_task(_fill(ready, pieces))
    stopped = asyncio.ensure_future(stop.wait())
    try:
        while True:
            coming = asyncio.ensure_future(ready.get())
            await asyncio.wait((coming, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                coming.cancel()
                return
            ended = coming.result()
            if isinstance(ended, Exception):
                raise ended
            if ended is None:
                return
            yield ended
    finally:
        stopped.cancel()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def _fill(ready: asyncio.Queue[T | Exception | None], pieces: AsyncIterator[T]) -> None:
    try:
        async with aclosing(pieces) as coming:  # type: ignore[type-var]  # an async generator
            async for piece in coming:
                ready.put_nowait(piece)
    except Exception as error:  # raised again where the pieces are read
        ready.put_nowait(error)
    else:
        ready.put_nowait(None)
