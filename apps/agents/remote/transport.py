"""httpx over the one client for addresses that users give, so that a library's requests reach public hosts only.

Each request, also to an address that an answer has named, is resolved, checked and limited by `apps.core.fetching`.
Redirects are not followed. What comes back is handed on as it comes, counted and timed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TypeVar

import httpx
import requests
from requests_hardened import ip_filter
from urllib3.exceptions import HTTPError, ReadTimeoutError

from apps.core import fetching

T = TypeVar("T")
_HOP_BY_HOP = {"content-encoding", "content-length", "transfer-encoding", "connection"}
_SET_BY_CLIENT = {"host", "content-length", "connection", "accept-encoding"}
_CHUNK = 1 << 16
_WAITING = ThreadPoolExecutor(max_workers=64, thread_name_prefix="foreign-agent")
"""Threads of their own: a foreign agent that hangs must not take those that answer requests, which it may need."""


class CheckedTransport(httpx.AsyncBaseTransport):
    """Sends by `fetching.session`.

    Args:
        max_bytes: of one answer.
        timeout_s: of one answer as a whole.
        allow_loopback: also this machine; for tests with a server of their own.
    """

    def __init__(self, *, max_bytes: int, timeout_s: float, allow_loopback: bool = False) -> None:
        self.max_bytes = max_bytes
        self.timeout_s = timeout_s
        self.allow_loopback = allow_loopback

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request in a thread.

        Raises:
            httpx.TransportError: the address is not allowed, does not answer, or answers too much or too long.
        """
        body = await request.aread()
        return await _in_thread(lambda: self._send(request, body))

    def _send(self, request: httpx.Request, body: bytes) -> httpx.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _SET_BY_CLIENT}
        deadline = time.monotonic() + self.timeout_s
        with ExitStack() as opening:
            try:
                session = opening.enter_context(fetching.session(allow_loopback=self.allow_loopback))
                answer = opening.enter_context(
                    session.request(
                        request.method,
                        str(request.url),
                        data=body or None,
                        headers=headers,
                        stream=True,
                        allow_redirects=False,
                        timeout=(fetching.CONNECT_S, self.timeout_s),
                    )
                )
            except ip_filter.InvalidIPAddress:
                raise httpx.ConnectError("The address leads to a private network.", request=request) from None
            except requests.Timeout:
                raise httpx.ReadTimeout("The server did not answer in time.", request=request) from None
            except requests.RequestException:
                raise httpx.ConnectError("The server did not answer.", request=request) from None
            kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP]
            stream = _Body(answer, opening.pop_all(), self.max_bytes, deadline)
            return httpx.Response(answer.status_code, headers=kept, stream=stream, request=request)
        raise AssertionError("an answer or an error")


class _Body(httpx.AsyncByteStream):
    """What a server says, piece by piece as it comes, within limits of size and time."""

    def __init__(self, answer: requests.Response, opened: ExitStack, max_bytes: int, deadline: float) -> None:
        self._answer, self._opened, self._max, self._deadline = answer, opened, max_bytes, deadline

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        while piece := await _in_thread(self._next):
            size += len(piece)
            if size > self._max:
                raise httpx.ReadError(f"The answer is larger than {self._max} bytes.")
            if time.monotonic() > self._deadline:
                raise httpx.ReadTimeout("The server did not come to an end in time.")
            yield piece

    def _next(self) -> bytes:
        try:
            return bytes(self._answer.raw.read1(_CHUNK, decode_content=True))
        except ReadTimeoutError:
            raise httpx.ReadTimeout("The server did not come to an end in time.") from None
        except (HTTPError, OSError):
            raise httpx.ReadError("The server broke off.") from None

    async def aclose(self) -> None:
        """Hang up."""
        await _in_thread(self._opened.close)


async def _in_thread(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_WAITING, work)
