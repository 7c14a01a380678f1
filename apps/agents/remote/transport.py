"""httpx over the one client for addresses that users give, so that a library's requests reach public hosts only.

Each request, also to an address that an answer has named, is resolved, checked and limited by `apps.core.fetching`.
Redirects are not followed.
"""

from __future__ import annotations

import asyncio

import httpx
import requests
from requests_hardened import ip_filter

from apps.core import fetching

_HOP_BY_HOP = {"content-encoding", "content-length", "transfer-encoding", "connection"}
_SET_BY_CLIENT = {"host", "content-length", "connection", "accept-encoding"}
_CHUNK = 1 << 16


class CheckedTransport(httpx.AsyncBaseTransport):
    """Sends by `fetching.session`; an answer is read whole, up to a limit.

    Args:
        max_bytes: of one answer.
        timeout_s: of one request.
        allow_loopback: also this machine; for tests with a server of their own.
    """

    def __init__(self, *, max_bytes: int, timeout_s: float, allow_loopback: bool = False) -> None:
        self.max_bytes = max_bytes
        self.timeout_s = timeout_s
        self.allow_loopback = allow_loopback

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request in a thread.

        Raises:
            httpx.TransportError: the address is not allowed, does not answer, or answers too much.
        """
        body = await request.aread()
        return await asyncio.to_thread(self._send, request, body)

    def _send(self, request: httpx.Request, body: bytes) -> httpx.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _SET_BY_CLIENT}
        try:
            with (
                fetching.session(allow_loopback=self.allow_loopback) as session,
                session.request(
                    request.method,
                    str(request.url),
                    data=body or None,
                    headers=headers,
                    stream=True,
                    allow_redirects=False,
                    timeout=(fetching.CONNECT_S, self.timeout_s),
                ) as answer,
            ):
                content = self._read(answer)
                kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP]
                return httpx.Response(answer.status_code, headers=kept, content=content, request=request)
        except ip_filter.InvalidIPAddress:
            raise httpx.ConnectError("The address leads to a private network.", request=request) from None
        except requests.Timeout:
            raise httpx.ReadTimeout("The server did not answer in time.", request=request) from None
        except requests.RequestException:
            raise httpx.ConnectError("The server did not answer.", request=request) from None

    def _read(self, answer: requests.Response) -> bytes:
        content = b""
        for chunk in answer.iter_content(_CHUNK):
            content += chunk
            if len(content) > self.max_bytes:
                raise httpx.ReadError(f"The answer is larger than {self.max_bytes} bytes.")
        return content
