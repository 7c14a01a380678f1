"""The events of an answer that is being given, in Valkey, so that any process can read them and go on reading."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import redis as blocking
from django.conf import settings
from redis.asyncio import Redis

from apps.agents.errors import ConversationBusy
from apps.core.errors import NotFound
from apps.tenancy.types import Actor

KEPT_S = 900
"""How long the events of an answer can be read again."""
ALIVE_S = 15
"""An answer whose writer says nothing for so long was lost with its process."""
EXPECTED_S = 90
"""A worker begins an answer that was left to it within this time, or the reader is told that it was interrupted."""
SEEN_S = 20
"""An answer that nobody has read for so long is stopped."""
MOST_EVENTS = 20_000
BEGINNING = "0-0"


_Streams = list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]


@dataclass(frozen=True)
class LoggedEvent:
    """An event of an answer; reading goes on behind `id`."""

    id: str
    name: str
    data: dict[str, Any]

    @property
    def is_last(self) -> bool:
        """Whether nothing comes after it."""
        return self.name in ("finished", "failed")


class AnswerLog:
    """The log of one answer. Several readers, one writer."""

    def __init__(self, client: Redis, answer_id: UUID) -> None:
        self.client = client
        self.answer_id = answer_id

    def _key(self, name: str) -> str:
        return _key(self.answer_id, name)

    async def write(self, name: str, data: dict[str, Any]) -> None:
        """Append an event."""
        value = json.dumps(data, ensure_ascii=False, default=str)
        await self.client.xadd(self._key("events"), {"name": name, "data": value}, maxlen=MOST_EVENTS)
        if name in ("found", "finished", "failed"):
            await self.client.expire(self._key("events"), KEPT_S)

    async def read(self, after: str, wait_ms: int) -> list[LoggedEvent]:
        """Events behind `after`; waits for the next where there are none, and may return with none."""
        answer = await self.client.xread({self._key("events"): after}, count=500, block=wait_ms)
        return [
            LoggedEvent(_text(key), _text(fields[b"name"]), json.loads(fields[b"data"]))
            for _, entries in cast("_Streams", answer or [])
            for key, fields in entries
        ]

    async def say_alive(self) -> None:
        """The writer is at work."""
        await self.client.set(self._key("alive"), 1, ex=ALIVE_S)

    async def is_alive(self) -> bool:
        """Whether a writer is at work."""
        return bool(await self.client.exists(self._key("alive")))

    async def say_seen(self) -> None:
        """Somebody is reading."""
        await self.client.set(self._key("seen"), 1, ex=SEEN_S)

    async def is_to_stop(self) -> bool:
        """Whether somebody asked for it to stop, or nobody reads any more."""
        asked, seen = await self.client.mget(self._key("stop"), self._key("seen"))
        return asked is not None or seen is None

    async def close(self, conversation_id: UUID | None) -> None:
        """The writer is done: the conversation is free for the next question."""
        await self.client.delete(self._key("alive"))
        if conversation_id is not None:
            busy = f"chat:conversation:{conversation_id}"
            if _text(await self.client.get(busy) or b"") == str(self.answer_id):
                await self.client.delete(busy)


@asynccontextmanager
async def opened(answer_id: UUID) -> AsyncIterator[AnswerLog]:
    """The log, over a connection of its own: one belongs to the event loop that it was made in."""
    async with Redis.from_url(settings.CELERY_BROKER_URL) as client:
        yield AnswerLog(client, answer_id)


def register(actor: Actor, answer_id: UUID, conversation_id: UUID | None) -> None:
    """Note whose answer it is, and that its conversation is taken. Blocks.

    Raises:
        ConversationBusy: another answer is being given in the conversation; `answer` is its id.
    """
    with _client() as client:
        if conversation_id is not None:
            busy = f"chat:conversation:{conversation_id}"
            if not client.set(busy, str(answer_id), nx=True, ex=KEPT_S):
                current = UUID(_text(client.get(busy) or str(answer_id).encode()))
                if client.exists(_key(current, "alive")):
                    raise ConversationBusy(str(current))
                client.set(busy, str(answer_id), ex=KEPT_S)
        client.set(_key(answer_id, "owner"), _owner(actor), ex=KEPT_S)
        client.set(_key(answer_id, "alive"), 1, ex=ALIVE_S)
        client.set(_key(answer_id, "seen"), 1, ex=SEEN_S)


def expect(actor: Actor, answer_id: UUID, conversation_id: UUID | None) -> None:
    """A worker will give this answer: it can be followed from now on, and the conversation shows it. Blocks."""
    with _client() as client:
        client.set(_key(answer_id, "owner"), _owner(actor), ex=KEPT_S)
        client.set(_key(answer_id, "alive"), 1, ex=EXPECTED_S)
        client.set(_key(answer_id, "seen"), 1, ex=SEEN_S)
        if conversation_id is not None:
            client.set(f"chat:conversation:{conversation_id}", str(answer_id), nx=True, ex=KEPT_S)


def take(answer_id: UUID, conversation_id: UUID) -> None:
    """Note that an answer has begun the conversation that it is in. Blocks."""
    with _client() as client:
        client.set(f"chat:conversation:{conversation_id}", str(answer_id), ex=KEPT_S)


def forget(answer_id: UUID, conversation_id: UUID | None) -> None:
    """The answer could not begin. Blocks."""
    with _client() as client:
        names = [_key(answer_id, name) for name in ("owner", "alive", "seen")]
        client.delete(*names, *([f"chat:conversation:{conversation_id}"] if conversation_id else []))


def answering_in(conversation_id: UUID) -> UUID | None:
    """The answer that is being given in a conversation, if one is. Blocks."""
    with _client() as client:
        found = client.get(f"chat:conversation:{conversation_id}")
        if found is None:
            return None
        answer_id = UUID(_text(found))
        return answer_id if client.exists(_key(answer_id, "alive")) else None


def check_owner(actor: Actor, answer_id: UUID) -> None:
    """Let only the asker read or stop an answer. Blocks.

    Raises:
        NotFound: it is another's, or it is over for too long.
    """
    with _client() as client:
        if _text(client.get(_key(answer_id, "owner")) or b"") != _owner(actor):
            raise NotFound("answer_not_found", "This answer is over. Reload the page to see it.")


def ask_to_stop(answer_id: UUID) -> None:
    """End an answer where it is. Blocks."""
    with _client() as client:
        client.set(_key(answer_id, "stop"), 1, ex=KEPT_S)


def _client() -> blocking.Redis:
    return blocking.Redis.from_url(settings.CELERY_BROKER_URL, socket_timeout=5)


def _key(answer_id: UUID, name: str) -> str:
    return f"chat:{answer_id}:{name}"


def _owner(actor: Actor) -> str:
    return f"{actor.organisation_id}/{actor.user_id}"


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
