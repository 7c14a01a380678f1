"""The chat over a WebSocket: the same events as over server-sent events, and one socket for a whole conversation.

The client sends one of

- `{"ask": {"agent": "<id>"} or {"slug": "<slug>"} with "question", "conversation", "edit", "retry", "after"}`
- `{"resume": {"answer": "<id>", "after": "<event id>"}}`
- `{"stop": "<answer id>"}`

and hears `{"answer": "<id>", "id": "<event id>", "event": "<name>", "data": {…}}`; what is refused is a `failed`.
"""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import aclosing
from typing import Any
from uuid import UUID

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from apps.agents import selectors, streaming
from apps.agents.selectors import Branch
from apps.agents.streaming import BEGINNING, LoggedEvent
from apps.agents.types import Visitor
from apps.core.consumers import CLOSE_NOT_SIGNED_IN
from apps.core.errors import DomainError, InvalidInput
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor


class ChatConsumer(AsyncJsonWebsocketConsumer):
    """One socket; one answer at a time is given or followed on it."""

    async def connect(self) -> None:
        self.following: asyncio.Task[None] | None = None
        actor = self.scope.get("actor")
        if not isinstance(actor, Actor) or actor.is_guest:
            await self.close(code=CLOSE_NOT_SIGNED_IN)
            return
        await self.accept()

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        try:
            await self._handle(content if isinstance(content, dict) else {})
        except DomainError as error:
            data = {"code": error.code, "message": error.message, "retryable": error.retryable} | dict(error.context)
            await self.send_json({"answer": None, "id": None, "event": "failed", "data": data})

    async def disconnect(self, code: int) -> None:
        await self._leave()

    async def _handle(self, content: dict[str, Any]) -> None:
        if "stop" in content:
            await self._stop(_uuid(content["stop"]))
        elif isinstance(content.get("resume"), dict):
            wanted = content["resume"]
            answer_id = _uuid(wanted.get("answer"))
            await sync_to_async(streaming.check_owner)(self._actor, answer_id)
            await self._follow(answer_id, str(wanted.get("after") or BEGINNING), None)
        elif isinstance(content.get("ask"), dict):
            await self._ask(content["ask"])
        else:
            raise InvalidInput("invalid_request", "Send ask, resume or stop.")

    @property
    def _actor(self) -> Actor:
        actor: Actor = self.scope["actor"]  # type: ignore[typeddict-item]  # set by ActorChannelMiddleware
        return actor

    async def _ask(self, wanted: dict[str, Any]) -> None:
        async with ThreadSensitiveContext():
            answer_id, begun = await self._begin(wanted)
            task = streaming.start(answer_id, begun)
        await self._follow(answer_id, BEGINNING, task)

    async def _follow(self, answer_id: UUID, after: str, task: asyncio.Task[None] | None) -> None:
        await self._leave()
        self.following = asyncio.create_task(self._pass_on(answer_id, after, task))

    async def _pass_on(self, answer_id: UUID, after: str, task: asyncio.Task[None] | None) -> None:
        async with aclosing(streaming.follow(answer_id, after, task)) as events:  # type: ignore[type-var]  # a generator
            async for event in events:
                if event is not None:
                    await self._tell(answer_id, event)

    async def _tell(self, answer_id: UUID, event: LoggedEvent) -> None:
        await self.send_json({"answer": str(answer_id), "id": event.id, "event": event.name, "data": event.data})

    async def _stop(self, answer_id: UUID) -> None:
        await sync_to_async(streaming.check_owner)(self._actor, answer_id)
        await sync_to_async(streaming.ask_to_stop)(answer_id)

    async def _leave(self) -> None:
        if self.following is not None:
            self.following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.following

    @database_sync_to_async
    def _begin(self, wanted: dict[str, Any]) -> Any:
        actor = self._actor
        conversation_id = _uuid(wanted["conversation"]) if wanted.get("conversation") else None
        with tenant_scope(actor.organisation_id):
            if wanted.get("slug"):
                visitor = Visitor.in_conversation(conversation_id)
                target = selectors.published_target(actor, str(wanted["slug"]), visitor)
            else:
                target = selectors.draft_target(actor, _uuid(wanted.get("agent")))
        return streaming.begin(
            actor=actor,
            target=target,
            question=str(wanted.get("question") or ""),
            conversation_id=conversation_id,
            branch=Branch(**{name: _uuid(wanted[name]) for name in ("edit", "retry", "after") if wanted.get(name)}),
        )


def _uuid(raw: object) -> UUID:
    try:
        return UUID(str(raw))
    except ValueError:
        raise InvalidInput("invalid_id", f"{raw} is not an id.") from None
