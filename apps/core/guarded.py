"""The asynchronous counterpart of `apps.core.fetching`, for clients that bring their own protocol (OpenAI, MCP, HTTP).

The transport resolves the host once, checks the address, connects to exactly that address and counts what comes back.
Redirects are not followed, so that nothing secret in a header is sent on.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Mapping

import httpx2
import requests
from requests_hardened import ip_filter

from apps.core import fetching

CONNECT_S = 5.0
LOOPBACK_IS_REACHED = False
"""Set by tests that have a server of their own on this machine; nothing else sets it."""


class Refused(httpx2.TransportError):
    """The address leads to a private network, or more came back than is allowed; `was_sent` tells the two apart."""

    def __init__(self, message: str, *, was_sent: bool) -> None:
        super().__init__(message)
        self.was_sent = was_sent


class _Counted(httpx2.AsyncByteStream):
    """A response's body that ends with an error where it grows too large."""

    def __init__(self, inner: httpx2.AsyncByteStream, max_bytes: int) -> None:
        self._inner, self._left, self._max = inner, max_bytes, max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            self._left -= len(chunk)
            if self._left < 0:
                raise Refused(f"The answer is larger than {self._max // 1000} kB.", was_sent=True)
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """Reaches public addresses only.

    Args:
        max_bytes: of one response.
        allow_loopback: also this machine; for tests with a server of their own.
    """

    def __init__(self, *, max_bytes: int, allow_loopback: bool = False) -> None:
        super().__init__(trust_env=False, retries=0)
        self._max_bytes, self._allow_loopback = max_bytes, allow_loopback

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        host, port = request.url.host, request.url.port or (443 if request.url.scheme == "https" else 80)
        address = await asyncio.to_thread(_public_address, host, port, allow_loopback=self._allow_loopback)
        request.extensions = dict(request.extensions) | {"sni_hostname": host}
        request.url = request.url.copy_with(host=address)
        response = await super().handle_async_request(request)
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Counted(response.stream, self._max_bytes)
        return response


def guarded_client(
    *,
    max_bytes: int,
    timeout_s: float,
    headers: Mapping[str, str] | None = None,
    allow_loopback: bool = False,
) -> httpx2.AsyncClient:
    """A client that keeps to these rules; close it after use."""
    return httpx2.AsyncClient(
        transport=GuardedTransport(max_bytes=max_bytes, allow_loopback=allow_loopback),
        timeout=httpx2.Timeout(timeout_s, connect=CONNECT_S),
        headers={"Accept-Encoding": "identity", **(headers or {})},
        follow_redirects=False,
        trust_env=False,
    )


def _public_address(host: str, port: int, *, allow_loopback: bool) -> str:
    try:
        address, _ = ip_filter.get_ip_address(host.strip("[]"), port, allow_loopback)
    except ip_filter.InvalidIPAddress:
        message = "The address leads to a private network. Only public addresses are reached."
        raise Refused(message, was_sent=False) from None
    except (OSError, requests.RequestException, ValueError):
        raise httpx2.ConnectError("The host of the address is not known.") from None
    return str(ipaddress.ip_address(address))


# `fetching` adds the ranges that the library does not know; importing it here makes sure of that.
_RANGES_ADDED_BY = fetching
