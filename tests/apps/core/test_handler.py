"""The ASGI application under a server's messages: whole answers, streams, readers that leave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from apps.core.tenant import current_tenant_id
from sahara_platform.handler import Handler

ENDED: list[str] = []


def whole(request: HttpRequest) -> HttpResponse:
    threads = (threading.current_thread().name.split("_")[0], str(current_tenant_id()))
    return HttpResponse(f"{request.method} {request.body.decode()} {threads}")


def broken(request: HttpRequest) -> HttpResponse:
    raise ValueError("a bug")


async def _pieces() -> AsyncIterator[bytes]:
    try:
        for number in range(1_000):
            yield b"%d " % number
            await asyncio.sleep(0.001)
    finally:
        ENDED.append("closed")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(_pieces() if "long" in request.GET else iter([b"a", b"b"]))


urlpatterns = [path("whole/", whole), path("broken/", broken), path("stream/", stream)]


class Reader:
    """A client that sends one request and reads until it leaves."""

    def __init__(self, place: str, body: bytes = b"", leaves_after: int | None = None) -> None:
        self.place, _, self.query = place.partition("?")
        self.body, self.leaves_after = body, leaves_after
        self.answer: list[Any] = []
        self.left = asyncio.Event()
        self.asked = False

    async def receive(self) -> Any:
        if not self.asked:
            self.asked = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.answer.append(message)
        if self.leaves_after is not None and len(self.answer) > self.leaves_after:
            self.left.set()

    async def ask(self, handler: Handler) -> tuple[int, bytes]:
        scope = {"type": "http", "method": "POST", "path": self.place, "query_string": self.query.encode()}
        scope |= {"headers": [(b"host", b"localhost")], "server": ("localhost", 80), "http_version": "1.1"}
        await asyncio.wait_for(handler(scope, self.receive, self.send), 20)
        return self.answer[0]["status"], b"".join(part.get("body", b"") for part in self.answer[1:])


@pytest.fixture
def handler(settings: Any) -> Handler:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = []
    return Handler()


async def test_a_request_is_answered_whole_in_a_kept_thread(handler):
    assert await Reader("/whole/", b"text").ask(handler) == (200, b"POST text ('request', 'None')")
    found = await asyncio.gather(*(Reader("/whole/", b"%d" % number).ask(handler) for number in range(50)))
    assert [body.split()[1] for _, body in found] == [b"%d" % number for number in range(50)]


async def test_a_bug_in_a_view_is_an_answer_too(handler, settings):
    settings.DEBUG_PROPAGATE_EXCEPTIONS = False
    status, _ = await Reader("/broken/").ask(handler)
    assert status == 500


async def test_streams_are_sent_as_they_come(handler):
    ENDED.clear()
    with pytest.warns(Warning, match="synchronous iterators"):
        assert await Reader("/stream/").ask(handler) == (200, b"ab")
    status, body = await Reader("/stream/?long=1").ask(handler)
    assert (status, body.split()[-1], ENDED) == (200, b"999", ["closed"])


async def test_a_reader_that_leaves_ends_its_stream(handler):
    ENDED.clear()
    reader = Reader("/stream/?long=1", leaves_after=3)
    await reader.ask(handler)
    assert ENDED == ["closed"]
    assert len(reader.answer) < 100
