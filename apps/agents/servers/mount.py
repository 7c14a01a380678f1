"""The ASGI application beside Django: `/a/<slug>/a2a`, `/a/<slug>/mcp` and the agent cards of A2A.

The protocols' libraries take a second to load, so the first call loads them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http.request import split_domain_port, validate_host

from apps.agents.servers.calls import KeyRefused, identify, in_thread
from apps.core.errors import DomainError
from apps.core.problems import CONTENT_TYPE, problem, problem_of, retry_after, status_of

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 1_000_000
_AGENT = re.compile(r"^/a/(?P<slug>[-\w]+)/(?P<kind>a2a|mcp|\.well-known/agent-card\.json)/?$")
PLATFORM_CARD = "/.well-known/agent-card.json"
PLATFORM_A2A = "/a2a"


class TooLarge(Exception):
    """The body is longer than any message to an agent."""


class AgentProtocols:
    """Answers the protocols' addresses and gives everything else to Django.

    Args:
        django: the application for all other requests.
    """

    def __init__(self, django: Application) -> None:
        self.django = django

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        path = scope["path"]
        found = _AGENT.match(path)
        if found is None and path not in (PLATFORM_CARD, PLATFORM_A2A):
            await self.django(scope, receive, send)
            return
        try:
            _check_host(scope)
            kind = found["kind"] if found else path.removeprefix("/")
            await self._answer(kind, found["slug"] if found else "", scope, _limited(scope, receive), send)
        except KeyRefused as error:
            body = problem(401, error.code, error.message)
            await _respond(send, 401, body, [(b"www-authenticate", b"Bearer")])
        except DomainError as error:
            headers = [(b"retry-after", retry_after(error).encode())] if error.retryable else []
            await _respond(send, status_of(error), problem_of(error), headers)
        except DisallowedHost:
            await _respond(send, 400, problem(400, "bad_request", "This host is not served here."))
        except TooLarge:
            await _respond(send, 413, problem(413, "too_large", f"At most {MAX_BODY_BYTES} bytes."))

    async def _answer(self, kind: str, slug: str, scope: Scope, receive: Receive, send: Send) -> None:
        authorization = _header(scope, b"authorization")
        if kind.endswith("agent-card.json"):
            from apps.agents.servers.a2a import card  # loaded by the first call

            await card.serve(authorization, slug, scope, receive, send)
        elif kind == "a2a":
            from apps.agents.servers.a2a import server as a2a  # loaded by the first call

            await a2a.serve(authorization, slug, scope, receive, send)
        else:
            from apps.agents.servers import mcp  # loaded by the first call

            await mcp.serve(await in_thread(identify, authorization, slug, scope["path"]), scope, receive, send)


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _check_host(scope: Scope) -> None:
    domain, _ = split_domain_port(_header(scope, b"host"))
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        raise DisallowedHost(domain)


def _limited(scope: Scope, receive: Receive) -> Receive:
    """`receive` that stops at the limit."""
    length = _header(scope, b"content-length")
    if length.isdigit() and int(length) > MAX_BODY_BYTES:
        raise TooLarge
    seen = 0

    async def limited() -> dict[str, Any]:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_BODY_BYTES:
            raise TooLarge
        return message

    return limited


async def _respond(send: Send, status: int, body: dict[str, Any], headers: list[tuple[bytes, bytes]] = []) -> None:  # noqa: B006  # never changed
    raw = json.dumps(body, default=str).encode()
    content = [(b"content-type", CONTENT_TYPE.encode()), (b"content-length", str(len(raw)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": content})
    await send({"type": "http.response.body", "body": raw})
