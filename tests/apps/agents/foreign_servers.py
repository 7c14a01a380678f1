"""Servers of strangers on this machine: an HTTP service, an MCP server, a model that calls tools. Some behave badly."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

START_S = 60
Respond = Callable[["Seen"], Awaitable[tuple[int, bytes]] | tuple[int, bytes]]


@dataclass
class Seen:
    """One request that reached the server."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Stranger:
    """A server that remembers what reached it."""

    url: str
    seen: list[Seen] = field(default_factory=list)


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an ASGI application on a loopback port; gives its address."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the server did not start")
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.force_exit = True
        server.should_exit = True
        thread.join(timeout=30)
        listener.close()


@contextmanager
def stranger(respond: Respond, content_type: str = "application/json") -> Iterator[Stranger]:
    """An HTTP server that answers as told."""
    found = Stranger("")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        seen = Seen(scope["method"], scope["path"], scope["query_string"].decode(), headers, body)
        found.seen.append(seen)
        answer = respond(seen)
        status, content = await answer if asyncio.iscoroutine(answer) else answer  # type: ignore[misc]
        kind = content_type.encode()
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": content})

    with serving(app) as url:
        found.url = url
        yield found


async def _live(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def shop(seen: Seen) -> tuple[int, bytes]:
    """A small shop: stock to read, orders to place."""
    if seen.method == "GET":
        return 200, json.dumps({"item": seen.path.rpartition("/")[2], "left": 7}).encode()
    return 201, json.dumps({"order": 1, **seen.json()}).encode()


SHOP_DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1"},
    "servers": [{"url": "http://169.254.169.254/"}],
    "paths": {
        "/stock/{item}": {
            "get": {
                "operationId": "getStock",
                "summary": "How many of an item are in stock",
                "parameters": [{"name": "item", "in": "path", "required": True, "schema": {"type": "string"}}],
            }
        },
        "/orders": {
            "post": {
                "operationId": "placeOrder",
                "summary": "Place an order for an item",
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}},
            }
        },
    },
    "components": {
        "schemas": {
            "Order": {
                "type": "object",
                "properties": {"item": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
                "required": ["item", "count"],
                "additionalProperties": False,
            }
        }
    },
}


def chat_chunks(text: str = "", call: tuple[str, dict[str, Any]] | None = None) -> bytes:
    """A streamed answer of an OpenAI-compatible model: words, or one tool call."""
    delta: dict[str, Any] = {"role": "assistant", "content": text}
    if call is not None:
        function = {"name": call[0], "arguments": json.dumps(call[1])}
        delta = {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]}
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "stub"}
    finish = "tool_calls" if call is not None else "stop"
    usage = {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]},
        {"choices": [], "usage": usage},
    ]
    lines = [f"data: {json.dumps(base | chunk)}\n\n" for chunk in chunks]
    return ("".join(lines) + "data: [DONE]\n\n").encode()
