"""The one client for addresses that users give: it reaches public hosts only, within limits of size and time.

The host is resolved once, checked, and connected to by that address, so that a name cannot point elsewhere between the
check and the request; every redirect is checked alike.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import urlsplit

import requests
from requests_hardened import Config, HTTPSession, ip_filter
from urllib3.exceptions import NewConnectionError

from apps.core.errors import InvalidInput
from apps.core.turns import away

CONNECT_S = 5.0
READ_S = 20.0
MAX_REDIRECTS = 5
MAX_URL_CHARACTERS = 2_000
_CHUNK = 1 << 18

# Deprecated ranges that reach the own site, or an IPv4 address in disguise; the library does not know them.
ip_filter.EXTRA_BLOCKED_NET_RANGES += (ipaddress.ip_network("fec0::/10"), ipaddress.ip_network("::/96"))


class FetchFailed(InvalidInput):
    """An address did not give what was asked of it.

    `is_passing`: trying again later may help. `is_unheard`: surely nothing was done there, as the request did not get
    through or was refused.
    """

    def __init__(self, message: str, *, is_passing: bool = False, is_unheard: bool = False) -> None:
        super().__init__("fetch_failed", message)
        self.is_passing = is_passing
        self.is_unheard = is_unheard


@dataclass(frozen=True)
class Fetched:
    """What came back: its size in bytes and what the server called it (never to be trusted).

    `etag` names this version: the server's ETag, or else its Last-Modified date.
    """

    size: int
    content_type: str
    url: str
    status: int = 200
    etag: str = ""


@contextmanager
def session(*, allow_loopback: bool = False) -> Iterator[requests.Session]:
    """A session for several addresses; one a thread.

    Args:
        allow_loopback: also this machine; for tests with a server of their own.
    """
    config = Config(
        ip_filter_enable=True,
        ip_filter_allow_loopback_ips=allow_loopback,
        never_redirect=False,
        default_timeout=(CONNECT_S, READ_S),
        user_agent_override="sahara-import/1",
    )
    with away(), HTTPSession(config) as opened:
        # A proxy from the environment would resolve the name itself, past the check.
        opened.trust_env = False
        opened.max_redirects = MAX_REDIRECTS
        yield opened


def fetch(
    opened: requests.Session,
    url: str,
    target: IO[bytes],
    *,
    max_bytes: int,
    max_seconds: float = 120.0,
    headers: Mapping[str, str] | None = None,
    accepted: Container[int] = (requests.codes.ok,),
) -> Fetched:
    """GET an address into `target`.

    Raises:
        FetchFailed: no http(s) address, a private host, no answer, another status than `accepted`, too large or slow.
    """
    return _receive(
        lambda: opened.get(url, stream=True, headers=dict(headers or {})),
        url,
        target,
        max_bytes,
        max_seconds,
        accepted,
    )


def post_json(
    opened: requests.Session,
    url: str,
    body: Any,
    target: IO[bytes],
    *,
    max_bytes: int,
    max_seconds: float = 120.0,
    headers: Mapping[str, str] | None = None,
    accepted: Container[int] = (requests.codes.ok,),
) -> Fetched:
    """POST a JSON body to an address and take the answer into `target`. It is not sent on where the server redirects.

    Raises:
        FetchFailed: as `fetch`; other statuses than `accepted`.
    """

    def ask() -> requests.Response:
        return opened.post(url, json=body, stream=True, allow_redirects=False, headers=dict(headers or {}))

    return _receive(ask, url, target, max_bytes, max_seconds, accepted)


def _receive(
    ask: Callable[[], requests.Response],
    url: str,
    target: IO[bytes],
    max_bytes: int,
    max_seconds: float,
    accepted: Container[int] = (requests.codes.ok,),
) -> Fetched:
    _require_http(url)
    deadline = time.monotonic() + max_seconds
    try:
        with ask() as response:
            if response.status_code not in accepted:
                raise FetchFailed(
                    f"The server answered {response.status_code} {response.reason or ''}".strip() + ".",
                    is_passing=response.status_code in (408, 425, 429) or response.status_code >= 500,
                    is_unheard=400 <= response.status_code < 500 and response.status_code != 408,
                )
            size = 0
            for chunk in response.iter_content(_CHUNK):
                size += len(chunk)
                if size > max_bytes:
                    raise FetchFailed(f"The file is larger than {max_bytes // 1_000_000} MB.")
                if time.monotonic() > deadline:
                    raise FetchFailed(f"The file did not arrive within {max_seconds:.0f} seconds.", is_passing=True)
                target.write(chunk)
            etag = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
            return Fetched(
                size, response.headers.get("Content-Type", ""), response.url, response.status_code, etag[:300]
            )
    except ip_filter.InvalidIPAddress:
        message = "The address leads to a private network. Only public addresses are fetched."
        raise FetchFailed(message, is_unheard=True) from None
    except requests.TooManyRedirects:
        raise FetchFailed(f"The address redirects more than {MAX_REDIRECTS} times.") from None
    except (requests.Timeout, requests.ConnectionError) as error:
        reason = "in time" if isinstance(error, requests.Timeout) else "at all, or broke off"
        message = f"The server did not answer {reason}."
        raise FetchFailed(message, is_passing=True, is_unheard=_never_connected(error)) from None
    except requests.RequestException:
        raise FetchFailed("The address cannot be fetched. Check it in a browser.") from None


def _require_http(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or len(url) > MAX_URL_CHARACTERS or not url.isprintable():
        raise FetchFailed("This is no http:// or https:// address.", is_unheard=True)


def _never_connected(error: requests.RequestException) -> bool:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)
