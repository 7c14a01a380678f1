"""Questions to running parts, asked in threads so that the supervisor never waits on one."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

# Parts on this machine are never behind the caller's proxy.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


async def http(url: str, timeout_s: float = 5) -> tuple[int, bytes]:
    """Status and body of a GET; status 0 when nobody answers."""
    return await asyncio.to_thread(_http, url, None, timeout_s)


async def answers(url: str, status: int = 200) -> bool:
    """Whether a GET gives this status."""
    return (await http(url))[0] == status


async def rpc(url: str, method: str, *params: object) -> Any:
    """Result of a JSON-RPC call to an EVM node; OSError when it does not answer or refuses."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    status, answer = await asyncio.to_thread(_http, url, body, 5)
    if status != 200:
        raise OSError(f"{url} answered {status} to {method}")
    parsed: dict[str, Any] = json.loads(answer)
    if "error" in parsed:
        raise OSError(f"{method}: {parsed['error']}")
    return parsed["result"]


def _http(url: str, body: bytes | None, timeout_s: float) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310  # our own addresses
    try:
        with _DIRECT.open(request, timeout=timeout_s) as response:
            return int(response.status), response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""
