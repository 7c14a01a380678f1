"""HTTP: credentials, an Idempotency-Key on every unsafe call, retries that the key makes safe."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import httpx

from sahara.errors import Unreachable, error_of

API = "/api/v1/"
SAFE = ("GET", "HEAD", "OPTIONS")
RETRIED_STATUSES = (429, 502, 503, 504)

Json = dict[str, Any]


class Transport:
    """One connection pool to one platform with one set of credentials.

    Args:
        base_url: of the platform, e.g. https://platform.example.
        headers: credentials.
        retries: how often a call is repeated after a lost connection or a "try again" answer.
        http: a client of your own, with `base_url` and the headers set (proxies, certificates, tests).
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 60,
        retries: int = 4,
        http: httpx.Client | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.headers = dict(headers or {})
        self.timeout_s = timeout_s
        self.retries = retries
        self._http = http or httpx.Client(base_url=self.base_url, headers=self.headers, timeout=timeout_s)

    def with_headers(self, **headers: str) -> Transport:
        """The same platform with other credentials."""
        return Transport(self.base_url, headers, timeout_s=self.timeout_s, retries=self.retries)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def request(self, method: str, path: str, *, idempotency_key: str | None = None, **options: Any) -> httpx.Response:
        """Send a call until it is answered; raises ApiError for a refusal and Unreachable without an answer.

        Args:
            path: absolute, or relative to `/api/v1/`.
            idempotency_key: of an unsafe call; a new one where left out. Repeats of one call carry the same key, so
                none of them has a second effect.
            options: as in `httpx.Client.request` (json, params, data, files).
        """
        url = path if path.startswith(("/", "http")) else API + path
        headers = {} if method in SAFE else {"Idempotency-Key": idempotency_key or str(uuid4())}
        for attempt in range(self.retries + 1):
            last = attempt == self.retries
            _rewind(options.get("files"))
            try:
                response = self._http.request(method, url, headers=headers, **options)
            except httpx.TransportError as error:
                if last:
                    raise Unreachable(f"{self.base_url} does not answer: {error}") from error
                time.sleep(_pause(attempt))
                continue
            if response.is_success:
                return response
            if last or response.status_code not in RETRIED_STATUSES:
                raise error_of(response)
            time.sleep(max(_pause(attempt), _retry_after(response)))
        raise AssertionError("unreachable")

    def get(self, path: str, **params: Any) -> Any:
        """GET, as JSON; parameters that are None are left out."""
        return self.request("GET", path, params={k: v for k, v in params.items() if v is not None}).json()

    def post(self, path: str, body: Json | None = None, *, idempotency_key: str | None = None) -> Any:
        """POST JSON; None for an empty answer."""
        response = self.request("POST", path, json=body or {}, idempotency_key=idempotency_key)
        return response.json() if response.content else None

    def put(self, path: str, body: Json) -> Any:
        """PUT JSON."""
        return self.request("PUT", path, json=body).json()

    def stream(self, path: str, body: Json) -> Iterator[Json]:
        """POST JSON and read the server-sent events of the answer as they come. It is not repeated."""
        url = path if path.startswith("/") else API + path
        try:
            with self._http.stream("POST", url, json=body) as response:
                if not response.is_success:
                    response.read()
                    raise error_of(response)
                for line in response.iter_lines():
                    data = line.removeprefix("data: ")
                    if data != line and data != "[DONE]":
                        yield json.loads(data)
        except httpx.TransportError as error:
            raise Unreachable(f"{self.base_url} does not answer: {error}") from error

    def pages(self, path: str, **params: Any) -> Iterator[Json]:
        """All rows of a paged list, fetched as they are needed."""
        page = self.get(path, **{"limit": 100} | params)
        while True:
            yield from page["results"]
            if not page.get("next"):
                return
            page = self.request("GET", page["next"]).json()


def _pause(attempt: int) -> float:
    return float(min(0.25 * 2**attempt, 4))


def _retry_after(response: httpx.Response) -> float:
    value = response.headers.get("Retry-After", "")
    return min(float(value), 30) if value.replace(".", "", 1).isdigit() else 0


def _rewind(files: Any) -> None:
    """A repeated upload starts at the beginning of its files."""
    parts = files.values() if isinstance(files, Mapping) else [part for _, part in files or []]
    for part in parts:
        content = part[1] if isinstance(part, tuple) else part
        if hasattr(content, "seek"):
            content.seek(0)
