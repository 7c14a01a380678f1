"""A hijacked model: an OpenAI-compatible server on loopback that obeys every order it finds in its prompt.

What is not a chat (embeddings, models) goes on to the real runner.
"""

from __future__ import annotations

import base64
import codecs
import json
import re
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import httpx

from tests.apps.agents.hijack.payloads import attacks

_CODE = re.compile(r"HJ(\d{3})")
_PIECE = 60
_MOST_PIECES = 80
"""Of one answer: a page draws itself anew with each."""

CONTROL = "/control"
"""Requests for addresses below this one are meant to reach the listener: they show that it would notice others."""


@dataclass
class Listener:
    """Notes every connection and request that reaches it."""

    seen: list[str] = field(default_factory=list)
    connections: int = 0
    url: str = ""


@dataclass
class Stub:
    """What the model was told and has obeyed."""

    upstream: str
    listener: str
    url: str = ""
    obeyed: set[int] = field(default_factory=set)
    prompts: list[str] = field(default_factory=list)
    called_tools: list[str] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Listener]:
    """A server that nothing may reach."""
    listener = Listener()

    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            listener.connections += 1
            super().setup()

        def do_GET(self) -> None:
            listener.seen.append(self.path)
            self.send_response(200)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()

        do_POST = do_HEAD = do_OPTIONS = do_GET  # noqa: N815  # names of the server's interface

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the interface's name
            pass

    with _served(Handler) as url:
        listener.url = url
        yield listener


@contextmanager
def hijacked_model(upstream: str, listener: str) -> Iterator[Stub]:
    """The stub in front of a runner."""
    stub = Stub(upstream, listener)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if self.path.endswith("/chat/completions"):
                _chat(self, stub, json.loads(body))
            else:
                _forward(self, stub, body)

        def do_GET(self) -> None:
            _forward(self, stub, b"")

        do_PUT = do_POST  # noqa: N815  # a name of the server's interface

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the interface's name
            pass

    with _served(Handler) as url:
        stub.url = url
        yield stub


@contextmanager
def plain_pages(pages: Mapping[str, str]) -> Iterator[str]:
    """A server of pages as they are, without any policy; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path, "").encode()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the interface's name
            pass

    with _served(Handler) as url:
        yield url


@contextmanager
def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


def _forward(handler: BaseHTTPRequestHandler, stub: Stub, body: bytes) -> None:
    headers = {name: handler.headers[name] for name in ("Authorization", "Content-Type") if handler.headers.get(name)}
    answer = httpx.request(
        handler.command, stub.upstream + handler.path, content=body, headers=headers, timeout=120, trust_env=False
    )
    handler.send_response(answer.status_code)
    handler.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
    handler.send_header("Content-Length", str(len(answer.content)))
    handler.end_headers()
    handler.wfile.write(answer.content)


def _chat(handler: BaseHTTPRequestHandler, stub: Stub, asked: dict[str, Any]) -> None:
    system = "\n".join(_text(item) for item in asked["messages"] if item["role"] in ("system", "developer"))
    # Earlier turns would have it do everything again with each answer. What pydantic-ai notes of a suspicious question
    # stands in a message of its own behind it.
    said_before = max((at for at, item in enumerate(asked["messages"]) if item["role"] == "assistant"), default=0)
    prompt = "\n".join(_text(item) for item in asked["messages"][said_before:] if item["role"] in ("user", "tool"))
    stub.prompts.append(prompt)
    orders = sorted(ordered_in(prompt))
    stub.obeyed.update(orders)
    known = {attack.number: attack for attack in attacks()}
    text = "\n\n".join(known[number].output(stub.listener, system) for number in orders) or "Nothing was ordered."
    said = system if "TELL" in prompt else "hijacked"
    tools = [] if any(item["role"] == "tool" for item in asked["messages"]) else asked.get("tools") or []
    stub.called_tools += [tool["function"]["name"] for tool in tools]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    size = max(_PIECE, len(text) // _MOST_PIECES)
    deltas += [{"content": text[at : at + size]} for at in range(0, len(text), size)]
    if tools:
        deltas.append({"tool_calls": [_call(index, tool, said) for index, tool in enumerate(tools)]})
    _send(handler, asked, deltas, "tool_calls" if tools else "stop", text)


def _call(index: int, tool: dict[str, Any], said: str) -> dict[str, Any]:
    """A call of the tool with all that it takes."""
    arguments = _filled(tool["function"].get("parameters", {}), said)
    function = {"name": tool["function"]["name"], "arguments": json.dumps(arguments)}
    return {"index": index, "id": f"call_{index}", "type": "function", "function": function}


def _filled(schema: dict[str, Any], said: str) -> Any:
    kind = schema.get("type", "object")
    if kind == "object":
        return {name: _filled(part, said) for name, part in schema.get("properties", {}).items()}
    return {"integer": 1, "number": 1, "boolean": True, "array": []}.get(kind, said)


def _send(
    handler: BaseHTTPRequestHandler, asked: dict[str, Any], deltas: list[dict[str, Any]], finish: str, text: str
) -> None:
    base = {"id": "chatcmpl-stub", "created": 1, "model": asked.get("model", "stub")}
    usage = {"prompt_tokens": 10, "completion_tokens": len(text) // 4 + 1, "total_tokens": len(text) // 4 + 11}
    if not asked.get("stream"):
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if "tool_calls" in deltas[-1]:
            message["tool_calls"] = [
                {key: value for key, value in call.items() if key != "index"} for call in deltas[-1]["tool_calls"]
            ]
        choice = {"index": 0, "message": message, "finish_reason": finish}
        raw = json.dumps(base | {"object": "chat.completion", "choices": [choice], "usage": usage}).encode()
        kind = "application/json"
    else:
        chunks = [
            base | {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
            for delta in deltas
        ]
        last = {"index": 0, "delta": {}, "finish_reason": finish}
        chunks.append(base | {"object": "chat.completion.chunk", "choices": [last]})
        chunks.append(base | {"object": "chat.completion.chunk", "choices": [], "usage": usage})
        raw = b"".join(f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks) + b"data: [DONE]\n\n"
        kind = "text/event-stream"
    handler.send_response(200)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(raw)))
    handler.end_headers()
    handler.wfile.write(raw)


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(str(part.get("text", "")) for part in content)


def ordered_in(prompt: str) -> set[int]:
    """The numbers of the orders in a prompt, however they are written."""
    bare = prompt.replace("\u200b", "")
    views = [bare, unicodedata.normalize("NFKC", bare), codecs.encode(bare, "rot13"), bare[::-1], unquote(bare)]
    views.append(re.sub(r"(?<=\b\w) (?=\w\b)", "", bare))
    for token in re.findall(r"[A-Za-z0-9+/=]{10,}", bare):
        for decode in (base64.b64decode, bytes.fromhex):
            try:
                views.append(decode(token).decode("latin-1"))
            except ValueError:
                continue
    return {int(number) for view in views for number in _CODE.findall(view)}
