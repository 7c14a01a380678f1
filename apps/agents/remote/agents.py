"""A foreign agent as a function: its card, and one question with one answer. What it says is not to be trusted.

`a2a` takes a while to load; it is loaded by the first call.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
from asgiref.sync import async_to_sync

from apps.agents.remote.reading import MAX_ANSWER_CHARACTERS, Reading, RemoteAnswer
from apps.agents.remote.transport import CheckedTransport
from apps.core.errors import DependencyFailed, InvalidInput

if TYPE_CHECKING:
    from a2a.types.a2a_pb2 import AgentCard, Message

MAX_ANSWER_BYTES = 1_000_000
MAX_SKILLS = 50
TIMEOUT_S = 60.0
DEPTH_KEY, TOKENS_KEY = "delegation_depth", "delegation_tokens"
"""Metadata of a message: how many further levels of agents the one who is asked may ask, and how much it may use.
Agents of this platform keep to them, so that a circle of agents comes to an end."""

_WELL_KNOWN = ("/.well-known/agent-card.json", "/.well-known/agent.json")


@dataclass(frozen=True)
class RemoteSkill:
    """Something that a foreign agent says it can do."""

    name: str
    description: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class RemoteCard:
    """What a foreign agent says of itself. `host` is where it is asked; it may be another than the card's."""

    name: str
    description: str
    version: str
    skills: tuple[RemoteSkill, ...]
    streams: bool
    host: str
    provider: str


def address_of(url: str) -> str:
    """An agent's address, whether that or the address of its card is given."""
    return next((url.removesuffix(end) for end in _WELL_KNOWN if url.endswith(end)), url).rstrip("/")


async def card_at(
    url: str, *, headers: Mapping[str, str], timeout_s: float = TIMEOUT_S, allow_loopback: bool = False
) -> RemoteCard:
    """The card of the agent at an address.

    Args:
        headers: with the secret; sent to the origin of `url` alone.

    Raises:
        InvalidInput: this is no address of an agent.
        DependencyFailed: it does not answer.
    """
    async with _client(url, headers, timeout_s, allow_loopback=allow_loopback) as http:
        return _shown(await _card(http, url))


async def ask(
    url: str,
    question: str,
    *,
    headers: Mapping[str, str],
    context_id: str = "",
    task_id: str = "",
    limits: Mapping[str, int] | None = None,
    key: str = "",
    timeout_s: float = TIMEOUT_S,
    allow_loopback: bool = False,
) -> RemoteAnswer:
    """Ask a foreign agent; streamed where it offers that.

    Args:
        url: of the agent or of its card.
        headers: with the secret; sent to the origin of `url` alone.
        context_id: of an earlier answer that this question continues.
        task_id: of an earlier answer that asked for more.
        key: the message's id, the same whenever this question is put again; empty for a new one.
        limits: sent along: DEPTH_KEY, TOKENS_KEY.
        allow_loopback: also this machine; for tests.

    Raises:
        InvalidInput: this is no address of an agent, or it refuses the question.
        DependencyFailed: it does not answer, fails, or answers too much.
    """
    async with _client(url, headers, timeout_s, allow_loopback=allow_loopback) as http:
        return await _ask(http, await _card(http, url), _message(question, context_id, task_id, limits or {}, key))


def remote_card(
    url: str, *, secret: str = "", timeout_s: float = TIMEOUT_S, allow_loopback: bool = False
) -> RemoteCard:
    """`card_at`, where nothing is asynchronous."""
    return async_to_sync(card_at)(url, headers=_bearer(secret), timeout_s=timeout_s, allow_loopback=allow_loopback)


def ask_remote_agent(
    url: str,
    question: str,
    *,
    secret: str = "",
    context_id: str = "",
    task_id: str = "",
    timeout_s: float = TIMEOUT_S,
    allow_loopback: bool = False,
) -> RemoteAnswer:
    """`ask`, where nothing is asynchronous. Must not be called inside a transaction."""
    return async_to_sync(ask)(
        url,
        question,
        headers=_bearer(secret),
        context_id=context_id,
        task_id=task_id,
        timeout_s=timeout_s,
        allow_loopback=allow_loopback,
    )


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"} if secret else {}


def _client(url: str, headers: Mapping[str, str], timeout_s: float, *, allow_loopback: bool) -> httpx.AsyncClient:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput("remote_agent_address", "An agent's address begins with https://.")
    transport = CheckedTransport(max_bytes=MAX_ANSWER_BYTES, timeout_s=timeout_s, allow_loopback=allow_loopback)
    own = httpx.URL(url)

    async def authorise(request: httpx.Request) -> None:
        # A card may name another host: the secret is not for it.
        if (request.url.scheme, request.url.host, request.url.port) == (own.scheme, own.host, own.port):
            request.headers.update(headers)

    return httpx.AsyncClient(
        transport=transport, timeout=timeout_s, trust_env=False, event_hooks={"request": [authorise]}
    )


async def _card(http: httpx.AsyncClient, url: str) -> AgentCard:
    from a2a.client import A2ACardResolver, AgentCardResolutionError  # loaded by the first call

    try:
        return await A2ACardResolver(http, address_of(url)).get_agent_card()
    except AgentCardResolutionError as error:
        raise InvalidInput("remote_agent_card", f"There is no agent card at this address. {error}"[:500]) from None
    except httpx.HTTPError as error:
        raise DependencyFailed("remote_agent_down", f"The agent does not answer. {error}"[:500]) from None
    except (ValueError, TypeError, AttributeError):  # whatever a stranger's card makes the library raise
        raise InvalidInput("remote_agent_card", "What is at this address is no agent card.") from None


def _shown(card: AgentCard) -> RemoteCard:
    skills = tuple(
        RemoteSkill(
            _line(skill.name, 120), _line(skill.description, 300), tuple(_line(one, 200) for one in skill.examples[:8])
        )
        for skill in card.skills[:MAX_SKILLS]
    )
    host = next((urlsplit(one.url).netloc for one in card.supported_interfaces), "")
    return RemoteCard(
        name=_line(card.name, 80),
        description=_line(card.description, 2000),
        version=_line(card.version, 40),
        skills=skills,
        streams=bool(card.capabilities.streaming),
        host=host[:200],
        provider=_line(card.provider.organization, 120),
    )


def _line(text: str, limit: int) -> str:
    return " ".join(text.replace("\x00", "").split())[:limit]


def _message(question: str, context_id: str, task_id: str, limits: Mapping[str, int], key: str) -> Message:
    from a2a.helpers.proto_helpers import new_text_message  # loaded by the first call
    from a2a.types.a2a_pb2 import Role

    message = new_text_message(question, role=Role.ROLE_USER)
    message.message_id = key or message.message_id
    message.context_id, message.task_id = context_id, task_id
    if limits:
        message.metadata.update(dict(limits))
    return message


async def _ask(http: httpx.AsyncClient, card: AgentCard, message: Message) -> RemoteAnswer:
    from a2a.client import A2AClientError, ClientConfig, ClientFactory  # loaded by the first call
    from a2a.types.a2a_pb2 import SendMessageRequest
    from a2a.utils.errors import A2AError

    reading = Reading()
    try:
        client = ClientFactory(ClientConfig(streaming=True, httpx_client=http)).create(card)
        request = SendMessageRequest(message=message)
        async with aclosing(client.send_message(request)) as replies:  # type: ignore[type-var]  # an async generator
            async for reply in replies:
                reading.take(reply)
                if reading.characters > MAX_ANSWER_CHARACTERS:
                    break
    except (A2AClientError, httpx.HTTPError) as error:  # the first is an A2AError, too
        raise DependencyFailed("remote_agent_down", f"The agent does not answer. {error}"[:500]) from None
    except (A2AError, ValueError) as error:
        raise InvalidInput("remote_agent_refused", f"The agent refuses this. {error}"[:500]) from None
    return reading.answer()
