"""A proxy before a real node that answers as bad nodes do: late, wrongly, not at all, or for another chain.

Everything that a test does not spoil goes through to the node and back unchanged.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

LATEST = (None, "latest", "pending", "safe", "finalized")
#: Where the block stands among the parameters of methods that read a state.
BLOCK_PARAMETER = {
    "eth_getTransactionCount": 1,
    "eth_getBalance": 1,
    "eth_getCode": 1,
    "eth_call": 1,
    "eth_estimateGas": 1,
    "eth_getBlockByNumber": 0,
}
ABSENT = {"eth_getTransactionReceipt", "eth_getTransactionByHash", "eth_getBlockByHash"}
NOT_FOUND = {"code": -32000, "message": "header not found"}


@dataclass
class Faults:
    """What is wrong now; may be changed at any time. The zero of each field is a good node."""

    lag_blocks: int = 0
    """The node has not heard of the newest blocks, nor of their transactions."""
    drop_answers: int = 0
    """So many transactions more are taken and the connection is closed without an answer."""
    swallow: int = 0
    """So many transactions more are acknowledged and never reach the chain."""
    status: int = 0
    """Answer everything with this HTTP status: 429, 500, 503."""
    nonsense: bool = False
    """Answer everything with a page of HTML."""
    garbled: bool = False
    """Well-formed JSON-RPC whose results have the wrong type."""
    down: bool = False
    """Close every connection."""
    slow_s: float = 0.0
    """Wait before every answer."""
    other_history: bool = False
    """Blocks have other hashes, as on a fork."""
    hidden_logs: bool = False
    """`eth_getLogs` finds nothing."""
    answers: dict[str, Any] = field(default_factory=dict)
    """Results to give for a method instead of the node's."""
    refusals: dict[str, str] = field(default_factory=dict)
    """Error messages to give for a method."""


class FaultyRpc:
    """The running proxy: `url` to connect to, `faults` to set, `calls` that came in by method."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.faults = Faults()
        self.calls: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._session = threading.local()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Where the proxy listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def heal(self) -> None:
        """A good node again."""
        self.faults = Faults()

    def start(self) -> None:
        """Serve in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """What to answer to a request; None closes the connection instead."""
        method, faults = str(request["method"]), self.faults
        self.calls[method] += 1
        if method in faults.refusals:
            return _error(request, {"code": -32000, "message": faults.refusals[method]})
        if method in faults.answers:
            return _result(request, faults.answers[method])
        if method == "eth_sendRawTransaction" and self._take("swallow"):
            return _result(request, "0x" + "00" * 32)
        answer = self._lagging(request) if faults.lag_blocks else self.forward(request)
        if method == "eth_sendRawTransaction" and self._take("drop_answers"):
            return None
        return _spoiled(method, answer, faults)

    def forward(self, request: dict[str, Any]) -> dict[str, Any]:
        """The node's own answer."""
        if not hasattr(self._session, "http"):
            self._session.http = requests.Session()
            self._session.http.trust_env = False
        answer: dict[str, Any] = self._session.http.post(self.upstream, json=request, timeout=30).json()
        return answer

    def _take(self, name: str) -> bool:
        with self._lock:
            left = getattr(self.faults, name)
            if left > 0:
                setattr(self.faults, name, left - 1)
            return bool(left > 0)

    def _lagging(self, request: dict[str, Any]) -> dict[str, Any]:
        method, parameters = str(request["method"]), list(request.get("params") or [])
        head = int(self.forward({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []})["result"], 16)
        newest = max(head - self.faults.lag_blocks, 0)
        if method == "eth_blockNumber":
            return _result(request, hex(newest))
        if method in BLOCK_PARAMETER:
            return self._at_most(newest, request, parameters, BLOCK_PARAMETER[method])
        if method == "eth_getLogs":
            return self._logs_up_to(newest, request, dict(parameters[0]))
        answer = self.forward(request)
        if method in ABSENT and _block_of(answer) > newest:
            return _result(request, None)
        return answer

    def _at_most(self, newest: int, request: dict[str, Any], parameters: list[Any], index: int) -> dict[str, Any]:
        parameters += [None] * (index + 1 - len(parameters))
        if parameters[index] in LATEST:
            parameters[index] = hex(newest)
        elif int(parameters[index], 16) > newest:
            if request["method"] == "eth_getBlockByNumber":
                return _result(request, None)
            return _error(request, NOT_FOUND)
        return self.forward({**request, "params": parameters})

    def _logs_up_to(self, newest: int, request: dict[str, Any], query: dict[str, Any]) -> dict[str, Any]:
        last = newest if query.get("toBlock") in LATEST else min(int(query["toBlock"], 16), newest)
        if query.get("fromBlock") not in LATEST and int(query["fromBlock"], 16) > last:
            return _result(request, [])
        return self.forward({**request, "params": [{**query, "toBlock": hex(last)}]})


@contextmanager
def faulty_rpc(upstream: str) -> Iterator[FaultyRpc]:
    """Run a proxy before a node."""
    proxy = FaultyRpc(upstream)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()


def _block_of(answer: dict[str, Any]) -> int:
    result = answer.get("result") or {}
    number = result.get("blockNumber") or result.get("number")
    return int(number, 16) if number else -1


def _spoiled(method: str, answer: dict[str, Any], faults: Faults) -> dict[str, Any]:
    if faults.hidden_logs and method == "eth_getLogs":
        return {**answer, "result": []}
    if faults.garbled and "result" in answer:
        return {**answer, "result": {"unexpected": [1, None]} if isinstance(answer["result"], str) else "0xzz"}
    if faults.other_history:
        return {**answer, "result": _on_a_fork(answer.get("result"))}
    return answer


def _on_a_fork(result: Any) -> Any:
    if isinstance(result, list):
        return [_on_a_fork(item) for item in result]
    if not isinstance(result, dict):
        return result
    # A transaction's own `hash` stays; a block's has a parent beside it.
    names = ("hash", "parentHash") if "parentHash" in result else ("blockHash",)
    return {key: _other_hash(value) if key in names and value else value for key, value in result.items()}


def _other_hash(value: str) -> str:
    return "0xffffffff" + value[10:]


def _result(request: dict[str, Any], result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request.get("id"), "result": result}


def _error(request: dict[str, Any], error: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request.get("id"), "error": error}


def _handler(proxy: FaultyRpc) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            faults = proxy.faults
            if faults.slow_s:
                time.sleep(faults.slow_s)
            if faults.down:
                self.close_connection = True
            elif faults.status:
                self._write(faults.status, b"busy")
            elif faults.nonsense:
                self._write(200, b"<html><body>502 Bad Gateway</body></html>")
            elif (answer := proxy.answer(request)) is None:
                self.close_connection = True
            else:
                self._write(200, json.dumps(answer).encode())

        def _write(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
            """Silent."""

    return Handler
