"""Use cases of `/v1/responses`: answer now, stream, or in the background; keep, cancel, forget."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction

from apps.agents.events import ResponseQueued
from apps.agents.models import StoredResponse
from apps.agents.protocols import responses as shapes
from apps.agents.selectors.ab_tests import visitor_of_call
from apps.agents.selectors.access import published_target
from apps.agents.selectors.responses import KEPT_FOR, stored_response, turns_before
from apps.agents.services.answering import begin_answer, stream_answer
from apps.agents.services.begun import BegunAnswer
from apps.agents.services.taking_back import as_kept
from apps.agents.types import Answer, ChatDelta, ChatFinished, ChatTarget, FinishReason, Visitor
from apps.agents.wishes import CallWishes, checked_instructions
from apps.core import clock, outbox
from apps.core.errors import Conflict, DomainError
from apps.core.ids import uuid7
from apps.core.tenant import all_tenants, tenant_scope
from apps.tenancy import selectors as tenancy
from apps.tenancy.types import Actor

CHECK_EVERY_S = 1.0
"""How often a background answer looks whether it was cancelled."""


@dataclass(frozen=True)
class ResponseRequest:
    """A call of `/v1/responses`, checked."""

    slug: str
    items: list[dict[str, Any]]
    instructions: str = ""
    previous_id: UUID | None = None
    wishes: CallWishes = field(default_factory=CallWishes)
    metadata: dict[str, str] = field(default_factory=dict)
    user: str = ""
    is_kept: bool = True
    is_background: bool = False


@dataclass(frozen=True)
class BegunResponse:
    """A response that can be answered."""

    row: StoredResponse
    begun: BegunAnswer


def begin_response(*, actor: Actor, wanted: ResponseRequest) -> BegunResponse:
    """Look up what answers; errors as `begin_answer`, and NotFound for an unknown previous response."""
    row = _new_row(actor, wanted)
    return BegunResponse(row, _begin(actor, row))


def answer_response(*, actor: Actor, wanted: ResponseRequest) -> StoredResponse:
    """The whole response."""
    begun = begin_response(actor=actor, wanted=wanted)
    async_to_sync(_collect)(begun)
    return begun.row


def queue_response(*, actor: Actor, wanted: ResponseRequest) -> StoredResponse:
    """Have a worker answer; the caller asks for the response by its id."""
    row = _new_row(actor, wanted)
    published_target(actor, row.agent_slug)
    row.status = "queued"
    with transaction.atomic():
        row.save(force_insert=True)
        outbox.publish(ResponseQueued(response_id=row.id))
    return row


def run_response(response_id: UUID) -> None:
    """Answer a queued response, as its caller. Repeats, and a response that was cancelled or deleted, do nothing."""
    started = StoredResponse.objects.filter(id=response_id, status__in=("queued", "in_progress")).update(
        status="in_progress"
    )
    row = StoredResponse.objects.filter(id=response_id).first()
    if not started or row is None or row.user_id is None:
        return
    try:
        actor = tenancy.actor_of_key(row.user_id, row.tenant_id, row.key_id)
        async_to_sync(_collect)(BegunResponse(row, _begin(actor, row)))
    except DomainError as error:
        if error.retryable:
            raise
        _fail(row, error)


def cancel_response(*, actor: Actor, response_id: UUID) -> StoredResponse:
    """Stop a background response; one that was cancelled already stays so.

    Raises:
        Conflict: it is not a background response, or has ended.
    """
    row = stored_response(actor, response_id)
    if not row.is_background:
        raise Conflict("not_cancellable", "Only responses made with background=true can be cancelled.")
    live = StoredResponse.objects.filter(id=row.id, status__in=("queued", "in_progress"))
    if not live.update(status="cancelled", completed_at=clock.now()) and row.status != "cancelled":
        raise Conflict("not_cancellable", "The response has ended.")
    return stored_response(actor, response_id)


def delete_response(*, actor: Actor, response_id: UUID) -> None:
    """Forget a response."""
    stored_response(actor, response_id).delete()


def forget_old_responses() -> int:
    """Delete what is older than responses are kept; returns how many."""
    with all_tenants(reason="responses are kept for a limited time"):
        deleted, _ = StoredResponse.objects.filter(created_at__lt=clock.now() - KEPT_FOR).delete()
    return deleted


async def response_events(begun: BegunResponse) -> AsyncIterator[bytes]:
    """The response as server-sent events."""
    events = shapes.Events(begun.row)
    for chunk in events.begin():
        yield chunk
    try:
        async with aclosing(_answered(begun)) as pieces:  # type: ignore[type-var]  # an async generator
            async for piece in pieces:
                for chunk in events.words(piece):
                    yield chunk
    except DomainError as error:
        yield events.failed(error)
        return
    for chunk in events.end():
        yield chunk


async def _collect(begun: BegunResponse) -> None:
    """Run to the end, or until a background response is cancelled."""
    last = asyncio.get_running_loop().time()
    async with aclosing(_answered(begun)) as pieces:  # type: ignore[type-var]  # an async generator
        async for _ in pieces:
            now = asyncio.get_running_loop().time()
            if begun.row.is_background and now - last > CHECK_EVERY_S:
                last = now
                if await sync_to_async(_is_cancelled)(begun.row):
                    break


async def _answered(begun: BegunResponse) -> AsyncIterator[str]:
    """Words as they come; the row is written at the end, also where the reader goes away."""
    ended: Answer | None = None
    problem = ""
    try:
        async for event in stream_answer(begun.begun):
            if isinstance(event, ChatDelta):
                yield event.text
            elif isinstance(event, ChatFinished):
                ended = event.answer
    except DomainError as error:
        problem = error.message
        raise
    finally:
        await asyncio.shield(sync_to_async(_finish)(begun.row, ended, problem))


def _begin(actor: Actor, row: StoredResponse) -> BegunAnswer:
    previous = stored_response(actor, row.previous_id) if row.previous_id else None
    asked, question, extra = shapes.conversation(row.input)
    history = [*turns_before(actor, previous), *asked]
    return begin_answer(actor=actor, target=_target(actor, row, extra), question=question, history=history)


def _target(actor: Actor, row: StoredResponse, extra: Sequence[str]) -> ChatTarget:
    instructions = checked_instructions([row.instructions, *extra], "instructions")
    wishes = CallWishes.from_json(row.wishes | {"instructions": instructions})
    visitor = Visitor(row.visitor, keeps_version=row.previous_id is not None)
    return wishes.applied(published_target(actor, row.agent_slug, visitor))


def _new_row(actor: Actor, wanted: ResponseRequest) -> StoredResponse:
    previous = stored_response(actor, wanted.previous_id) if wanted.previous_id is not None else None
    shapes.conversation(wanted.items)
    target = published_target(actor, wanted.slug)
    return StoredResponse(
        id=uuid7(),
        tenant_id=actor.organisation_id,
        agent_id=target.agent_id,
        agent_slug=target.slug,
        user_id=actor.user_id,
        key_id=actor.key.id if actor.key is not None else "",
        previous_id=wanted.previous_id,
        is_background=wanted.is_background,
        is_kept=wanted.is_kept,
        input=wanted.items,
        instructions=wanted.instructions,
        wishes=wanted.wishes.as_json(),
        metadata=wanted.metadata,
        visitor=previous.visitor if previous is not None else _visitor(actor, wanted.user),
        created_at=clock.now(),
    )


def _visitor(actor: Actor, user: str) -> str:
    """Who asks, for A/B tests; a hash, as what callers call their users is not ours to keep."""
    return hashlib.sha256(visitor_of_call(actor, user).key.encode()).hexdigest()


def _finish(row: StoredResponse, answer: Answer | None, problem: str) -> None:
    row.completed_at = clock.now()
    row.status, row.problem = ("failed" if problem else "cancelled"), problem
    if answer is not None:
        row.status, row.finish, row.text = shapes.status_of(answer), answer.finish, answer.text
        row.sources = [source.as_json() for source in answer.sources]
        row.prompt_tokens, row.completion_tokens = answer.prompt_tokens, answer.completion_tokens
    if not row.is_kept:
        return
    with tenant_scope(row.tenant_id), transaction.atomic():
        if answer is not None:
            answer, _ = as_kept(answer, ())
            row.text, row.sources = answer.text, [source.as_json() for source in answer.sources]
        if not row.is_background:
            row.save(force_insert=True)
            return
        kept = StoredResponse.objects.select_for_update().filter(id=row.id).first()
        if kept is not None and kept.status == "in_progress":
            row.save()


def _fail(row: StoredResponse, error: DomainError) -> None:
    row.finish = FinishReason.FAILED
    _finish(row, None, error.message)


def _is_cancelled(row: StoredResponse) -> bool:
    with tenant_scope(row.tenant_id):
        return not StoredResponse.objects.filter(id=row.id, status="in_progress").exists()
