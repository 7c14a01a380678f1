"""Downloads that are made while they are sent."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from apps.core.streaming import Download, file_chunks


def chunks(count: int, seen: list[int]) -> Iterator[bytes]:
    try:
        for number in range(count):
            seen.append(number)
            yield b"x%d" % number
    finally:
        seen.append(-1)


async def test_under_asgi_a_thread_makes_the_chunks_as_they_are_sent():
    seen: list[int] = []
    response = Download(chunks(100, seen), filename="a.txt", content_type="text/plain", size=290)
    assert (response["Content-Disposition"], response["Content-Length"]) == ('attachment; filename="a.txt"', "290")
    parts = []
    async for part in response:
        parts.append(part)
        if len(parts) == 1:
            await asyncio.sleep(0.05)
            assert len(seen) < 20
    assert b"".join(parts) == b"".join(b"x%d" % number for number in range(100))
    assert seen[-1] == -1


async def test_a_reader_that_leaves_ends_the_work():
    seen: list[int] = []
    content: Any = aiter(Download(chunks(10_000, seen), filename="a", content_type="text/plain"))
    assert await anext(content) == b"x0"
    await content.aclose()
    for thread in [one for one in threading.enumerate() if one.name == "download"]:
        thread.join(timeout=60)
    assert seen[-1] == -1
    assert len(seen) < 100


async def test_a_failure_reaches_whoever_sends():
    def broken() -> Iterator[bytes]:
        yield b"a"
        raise ValueError("no more")

    content = aiter(Download(broken(), filename="a", content_type="text/plain"))
    assert await anext(content) == b"a"
    with pytest.raises(ValueError, match="no more"):
        await anext(content)


def test_files_are_read_in_pieces_and_closed():
    file = io.BytesIO(b"z" * 600_000)
    assert [len(part) for part in file_chunks(file)] == [262_144, 262_144, 75_712]
    assert file.closed
