"""Calls of the SDK over real HTTP to web processes that are killed: balanced, with answers that get lost."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

import httpx

from sahara.errors import ApiError, Unreachable
from sahara.transport import Transport
from sahara_platform.embedded.process import LOOPBACK

Result = TypeVar("Result")
RETRY_S = 0.3
TIMEOUT_S = 30.0
#: What the SDK leaves to its caller and a person would simply try again.
PASSING = "idempotency_in_progress"


class StoppedError(Exception):
    """The run ended before a call was answered."""


class Balancer(httpx.BaseTransport):
    """Sends each call to one of the web processes that answers, as a load balancer does, and loses some answers."""

    def __init__(self, ports: Sequence[int], rng: random.Random, *, lost_share: float, counts: Counter[str]) -> None:
        self._ports = ports
        self._rng = rng
        self._lost_share = lost_share
        self._counts = counts
        self._http = httpx.HTTPTransport(verify=False)  # plain HTTP on this machine

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Try one process after the other, a random one first."""
        for port in self._rng.sample(self._ports, len(self._ports)):
            request.url = request.url.copy_with(port=port)
            try:
                response = self._http.handle_request(request)
            except httpx.ConnectError:
                continue
            self._counts[f"status {response.status_code}"] += 1
            if self._rng.random() < self._lost_share:
                response.close()
                self._counts["answers lost"] += 1
                raise httpx.ReadError("the answer was lost", request=request)
            return response
        self._counts["nobody there"] += 1
        raise httpx.ConnectError("no web process answers", request=request)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class Line:
    """One person's connection: the SDK's transport, with patience."""

    def __init__(self, balancer: Balancer, key: str, ending: threading.Event, counts: Counter[str]) -> None:
        base_url = f"http://{LOOPBACK}"
        headers = {"Authorization": f"Bearer {key}"}
        http = httpx.Client(base_url=base_url, headers=headers, transport=balancer, timeout=TIMEOUT_S)
        self.transport = Transport(base_url, headers, http=http)
        self._ending = ending
        self._counts = counts

    def ask(self, call: Callable[[], Result]) -> Result:
        """Call until there is an answer; ApiError for a refusal, StoppedError at the end of the run."""
        while not self._ending.is_set():
            try:
                return call()
            except Unreachable:
                self._counts["gave up, asked again"] += 1
            except ApiError as error:
                if error.status < 500 and error.code != PASSING:
                    raise
                self._counts[f"{error.status} {error.code}"] += 1
            time.sleep(RETRY_S)
        raise StoppedError

    def close(self) -> None:
        """Close the connections."""
        self.transport.close()
