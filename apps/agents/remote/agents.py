"""A foreign agent as a function: its card, and one question with one answer. What it says is not to be trusted.

`a2a` takes a while to load; it is loaded by the first call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
from asgiref.sync import async_to_sync

from apps.agents.remote.transport import CheckedTransport
from apps.core.errors import DependencyFailed, InvalidInput

if TYPE_CHECKING:
    from a2a.types.a2a_pb2 import AgentCard

MAX_ANSWER_BYTES = 1_000_000
MAX_ANSWER_CHARACTERS = 20_000
MAX_SKILLS = 50
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class RemoteCard:
    """What a foreign agent says of itself."""

    name: str
    description: str
    version: str
    skills: tuple[str, ...]


@dataclass(frozen=True)
class RemoteAnswer:
    """What a foreign agent answered. `is_final` False: it wants more input (`context_id` goes on with it)."""

    text: str
    is_final: bool
    context_id: str
    task_id: str


def remote_card(
    url: str, *, secret: str = "", timeout_s: float = TIMEOUT_S, allow_loopback: bool = False
) -> RemoteCard:
    """The card of the agent at an address (without `/.well-known/…`).

    Raises:
        InvalidInput: this is no address of an agent.
        DependencyFailed: it does not answer.
    """

    async def read() -> RemoteCard:
        async with _client(url, secret, timeout_s, allow_loopback=allow_loopback) as http:
            card = await _card(http, url)
            skills = tuple(skill.name[:200] for skill in card.skills[:MAX_SKILLS])
            return RemoteCard(card.name[:200], card.description[:2000], card.version[:40], skills)

    return async_to_sync(read)()


def ask_remote_agent(
    url: str,
    question: str,
    *,
    secret: str = "",
    context_id: str = "",
    timeout_s: float = TIMEOUT_S,
    allow_loopback: bool = False,
) -> RemoteAnswer:
    """Ask a foreign agent. Must not be called inside a transaction.

    Args:
        url: of the agent, without `/.well-known/…`.
        secret: sent as a bearer token, to the origin of `url` alone.
        context_id: of an earlier answer that this question continues.
        allow_loopback: also this machine; for tests.

    Raises:
        InvalidInput: this is no address of an agent, or it refuses the question.
        DependencyFailed: it does not answer, fails, or answers too much.
    """

    async def ask() -> RemoteAnswer:
        async with _client(url, secret, timeout_s, allow_loopback=allow_loopback) as http:
            return await _ask(http, await _card(http, url), question, context_id)

    return async_to_sync(ask)()


def _client(url: str, secret: str, timeout_s: float, *, allow_loopback: bool) -> httpx.AsyncClient:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput("remote_agent_address", "An agent's address begins with https://.")
    transport = CheckedTransport(max_bytes=MAX_ANSWER_BYTES, timeout_s=timeout_s, allow_loopback=allow_loopback)
    own = httpx.URL(url)

    async def authorise(request: httpx.Request) -> None:
        # A card may name another host: the secret is not for it.
        if secret and (request.url.scheme, request.url.host, request.url.port) == (own.scheme, own.host, own.port):
            request.headers["Authorization"] = f"Bearer {secret}"

    return httpx.AsyncClient(
        transport=transport, timeout=timeout_s, trust_env=False, event_hooks={"request": [authorise]}
    )


async def _card(http: httpx.AsyncClient, url: str) -> AgentCard:
    from a2a.client import A2ACardResolver, AgentCardResolutionError  # loaded by the first call

    try:
        return await A2ACardResolver(http, url.rstrip("/")).get_agent_card()
    except AgentCardResolutionError as error:
        raise InvalidInput("remote_agent_card", f"There is no agent card at this address. {error}"[:500]) from None
    except httpx.HTTPError as error:
        raise DependencyFailed("remote_agent_down", f"The agent does not answer. {error}"[:500]) from None


async def _ask(http: httpx.AsyncClient, card: AgentCard, question: str, context_id: str) -> RemoteAnswer:
    from a2a.client import A2AClientError, ClientConfig, ClientFactory  # loaded by the first call
    from a2a.helpers.proto_helpers import new_text_message
    from a2a.types.a2a_pb2 import Role, SendMessageRequest
    from a2a.utils.errors import A2AError

    message = new_text_message(question, role=Role.ROLE_USER)
    if context_id:
        message.context_id = context_id
    try:
        client = ClientFactory(ClientConfig(streaming=False, httpx_client=http)).create(card)
        replies = [reply async for reply in client.send_message(SendMessageRequest(message=message))]
    except (A2AError, ValueError) as error:
        raise InvalidInput("remote_agent_refused", f"The agent refuses this. {error}"[:500]) from None
    except (A2AClientError, httpx.HTTPError) as error:
        raise DependencyFailed("remote_agent_down", f"The agent does not answer. {error}"[:500]) from None
    if not replies:
        raise DependencyFailed("remote_agent_silent", "The agent answered nothing.")
    return _answer(replies[-1])


def _answer(reply: Any) -> RemoteAnswer:
    from a2a.helpers.proto_helpers import get_artifact_text, get_message_text
    from a2a.types.a2a_pb2 import TaskState

    if reply.HasField("message"):
        said = reply.message
        text = get_message_text(said)[:MAX_ANSWER_CHARACTERS]
        return RemoteAnswer(text, is_final=True, context_id=said.context_id, task_id=said.task_id)
    task = reply.task
    note = get_message_text(task.status.message)
    if task.status.state in (TaskState.TASK_STATE_REJECTED, TaskState.TASK_STATE_AUTH_REQUIRED):
        raise InvalidInput("remote_agent_refused", f"The agent refuses this. {note}"[:500])
    if task.status.state in (TaskState.TASK_STATE_FAILED, TaskState.TASK_STATE_CANCELED):
        raise DependencyFailed("remote_agent_failed", f"The agent has failed. {note}"[:500])
    texts = [text for artifact in task.artifacts if (text := get_artifact_text(artifact))]
    text = "\n\n".join(texts) or note
    is_final = task.status.state == TaskState.TASK_STATE_COMPLETED
    return RemoteAnswer(text[:MAX_ANSWER_CHARACTERS], is_final, task.context_id, task.id)
