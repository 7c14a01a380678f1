"""Give an answer on its own, whoever reads it: start it, follow it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any
from uuid import UUID

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, async_to_sync, sync_to_async
from django.db import close_old_connections

from apps.agents import services, wire
from apps.agents.services import BegunAnswer
from apps.agents.streaming import log
from apps.agents.streaming.log import AnswerLog, LoggedEvent
from apps.agents.types import ChatTarget
from apps.core.errors import DomainError
from apps.core.ids import uuid7
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor

WAIT_MS = 4_000
WATCH_S = 0.25
WATCH_ENDS_S = 5.0
LOST = {
    "code": "answer_lost",
    "message": "The answer was interrupted. Ask again.",
    "retryable": True,
}
OVER = {
    "code": "answer_over",
    "message": "This answer does not go on. Reload the page to see where it ended.",
    "retryable": False,
}

logger = logging.getLogger(__name__)
_running: set[asyncio.Task[None]] = set()


def begin(
    *, actor: Actor, target: ChatTarget, conversation_id: UUID | None, **question: Any
) -> tuple[UUID, BegunAnswer]:
    """`services.begin_answer`, with an id under which the answer can be followed. Blocks.

    Raises:
        ConversationBusy: another answer is being given in the conversation.
        DomainError: as `services.begin_answer`.
    """
    answer_id = uuid7()
    log.register(actor, answer_id, conversation_id)
    try:
        with tenant_scope(actor.organisation_id):
            begun = services.begin_answer(actor=actor, target=target, conversation_id=conversation_id, **question)
    except BaseException:
        log.forget(answer_id, conversation_id)
        raise
    if conversation_id is None and begun.conversation_id is not None:
        log.take(answer_id, begun.conversation_id)
    return answer_id, begun


def start(answer_id: UUID, begun: BegunAnswer) -> asyncio.Task[None]:
    """Give the answer in the running event loop; it goes on when its reader leaves, until nobody comes back."""
    task = asyncio.create_task(_give(answer_id, begun))
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task


def go_on(paused_id: UUID, owner_id: UUID) -> None:
    """Give the rest of an answer that has waited, whether anybody reads it or not. Blocks until its end."""
    begun = services.begin_again(paused_id=paused_id, owner_id=owner_id)
    if begun is None:
        async_to_sync(_say_over)(paused_id)
        return
    log.expect(begun.actor, paused_id, begun.conversation_id)
    async_to_sync(_give)(paused_id, begun, is_watched=False)


async def _say_over(answer_id: UUID) -> None:
    """For whoever follows an answer that does not go on; one that has come to its end stays as it is."""
    async with log.opened(answer_id) as events:
        await events.write("failed", OVER)
        await events.close(None)


async def given(answer_id: UUID, begun: BegunAnswer) -> AsyncIterator[LoggedEvent | None]:
    """Start the answer and follow it."""
    task = start(answer_id, begun)
    async with aclosing(follow(answer_id, task=task)) as events:  # type: ignore[type-var]  # an async generator
        async for event in events:
            yield event


async def follow(
    answer_id: UUID, after: str = log.BEGINNING, task: asyncio.Task[None] | None = None
) -> AsyncIterator[LoggedEvent | None]:
    """The events behind `after`, as they come; None now and then while nothing comes, to keep connections open.

    Args:
        task: the one that gives the answer, where it is in this event loop: waited for at the end.
    """
    async with log.opened(answer_id) as events:
        while True:
            await events.say_seen()
            found = await events.read(after, WAIT_MS)
            for event in found:
                yield event
                after = event.id
                if event.is_last:
                    if task is not None:
                        await asyncio.wait({task})
                    return
            if not found:
                if not await events.is_alive():
                    yield LoggedEvent(after, "failed", LOST)
                    return
                yield None


async def _give(answer_id: UUID, begun: BegunAnswer, *, is_watched: bool = True) -> None:
    async with _own_thread(), log.opened(answer_id) as events:
        stop = asyncio.Event()
        watch = asyncio.create_task(_watch(events, stop, is_watched=is_watched))
        try:
            await _write(events, begun, stop)
        finally:
            stop.set()  # ends the watch also where a library swallows the cancellation
            watch.cancel()
            await asyncio.wait({watch}, timeout=WATCH_ENDS_S)
            await events.close(begun.conversation_id)


async def _write(events: AnswerLog, begun: BegunAnswer, stop: asyncio.Event) -> None:
    anchor = anchor_of(events.answer_id)
    try:
        async with aclosing(services.stream_answer(begun, stop)) as stream:  # type: ignore[type-var]  # a generator
            async for event in stream:
                name, data = wire.own_event(event, anchor)
                await events.write(name, data)
    except DomainError as error:
        await events.write("failed", {"code": error.code, "message": error.message, "retryable": error.retryable})
    except Exception:
        logger.exception("an answer failed")
        await events.write("failed", LOST)


async def _watch(events: AnswerLog, stop: asyncio.Event, *, is_watched: bool) -> None:
    while not stop.is_set():
        with contextlib.suppress(OSError):
            await events.say_alive()
            if not is_watched:
                await events.say_seen()
            if await events.is_to_stop():
                stop.set()
        await asyncio.sleep(WATCH_S)


def anchor_of(answer_id: UUID) -> str:
    """Prefix of the element ids of an answer's sources."""
    return f"answer-{answer_id.hex[-8:]}"


@asynccontextmanager
async def _own_thread() -> AsyncIterator[None]:
    """A thread for what blocks, where requests have one each: this work outlives its request's."""
    has_own: Callable[..., Any] = SyncToAsync.thread_sensitive_context.get
    if has_own(None) is None:
        yield
        return
    async with ThreadSensitiveContext():
        try:
            yield
        finally:
            await sync_to_async(close_old_connections)()
