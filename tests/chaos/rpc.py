"""Nodes as the bridge meets them in the wild: answers that get lost, and a replica that lags behind."""

from __future__ import annotations

import json
import random
import threading
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from tests.chain_bridge.faulty_rpc import FaultyRpc

TIMEOUT_S = 20.0


class Node:
    """anvil itself, for those who watch and those who do harm. One connection a thread."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self._local = threading.local()

    def ask(self, method: str, *params: Any) -> Any:
        """The result of a call; RuntimeError with the node's own error."""
        answer = self._post({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def head(self) -> int:
        """Number of the newest block."""
        return int(self.ask("eth_blockNumber"), 16)

    def _post(self, request: dict[str, Any]) -> dict[str, Any]:
        connection: HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = HTTPConnection(self._address, timeout=TIMEOUT_S)
        try:
            connection.request("POST", "/", json.dumps(request), {"Content-Type": "application/json"})
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
        except (OSError, HTTPException):
            connection.close()
            self._local.connection = None
            raise
        return answer


def hush(proxy: FaultyRpc) -> None:
    """Say nothing of broken connections: a bridge that is killed leaves them behind."""
    proxy._server.handle_error = lambda *_: None  # type: ignore[method-assign]


class BalancedRpc(FaultyRpc):
    """One address before two nodes, as a load balancer: a share of the calls goes to a replica that lags behind.

    `faults.drop_answers` counts down with transactions that the node has *accepted* only; `lost` counts them up.
    """

    def __init__(self, upstream: str, *, lag_blocks: int, lag_share: float, seed: int) -> None:
        super().__init__(upstream)
        hush(self)
        self.faults.lag_blocks = lag_blocks
        self._lag_share = lag_share
        self._random = random.Random(seed)
        self.lost = 0
        self.lagged = 0

    def lose_an_answer(self) -> None:
        """Lose one more answer to an accepted transaction."""
        with self._lock:
            self.faults.drop_answers += 1

    def answer(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """What the bridge gets; None closes the connection instead."""
        method = str(request["method"])
        with self._lock:
            self.calls[method] += 1
            lags = self._random.random() < self._lag_share
            self.lagged += lags
        if method == "eth_sendRawTransaction":
            answer = self.forward(request)
            if "result" in answer and self._take("drop_answers"):
                self.lost += 1
                return None
            return answer
        return self._lagging(request) if lags else self.forward(request)
