"""Use case: answer somebody, streamed or whole; keep the conversation, meter the call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction

from apps.agents import runtime
from apps.agents.events import AgentCalled
from apps.agents.models import AgentUsage, Conversation, Message
from apps.agents.runtime import Prepared, RunPlan, Written
from apps.agents.selectors.conversations import conversation_turns, get_conversation
from apps.agents.types import (
    Answer,
    ChatDelta,
    ChatEvent,
    ChatFinished,
    ChatStarted,
    ChatTarget,
    FinishReason,
    Turn,
    UsageSide,
)
from apps.core import outbox
from apps.core.errors import DomainError
from apps.core.ids import uuid7
from apps.core.tenant import tenant_scope
from apps.tenancy import limits, quotas
from apps.tenancy.limits import Limit
from apps.tenancy.quotas import Reservation
from apps.tenancy.types import Actor

MAX_PROMPT_TOKENS = 800
"""Of instruction, passages and earlier turns beside the question (`apps.agents.prompting` keeps to less)."""


@dataclass
class _Progress:
    """What an answer has come to, so that it can be kept when the reader goes away."""

    started: float
    text: str = ""
    first_token_s: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish: FinishReason = FinishReason.CANCELLED
    problem: str = ""


@dataclass(frozen=True)
class BegunAnswer:
    """A question that was looked up and can be answered; `conversation_id` None begins a conversation."""

    actor: Actor
    target: ChatTarget
    prepared: Prepared
    conversation_id: UUID | None
    is_stored: bool
    started: float
    reservation: Reservation | None = None


def begin_answer(
    *,
    actor: Actor,
    target: ChatTarget,
    question: str,
    history: Sequence[Turn] | None = None,
    conversation_id: UUID | None = None,
) -> BegunAnswer:
    """Look up what answers a question; `stream_answer` then answers it. Must not be called inside a transaction.

    Without `history` the answer belongs to a stored conversation: `conversation_id`, or a new one. With it (the
    OpenAI API, where the caller keeps the conversation) no text is stored.

    Raises:
        InvalidInput: empty or too long.
        DependencyFailed: the runner does not answer.
        NotFound: the conversation is not the actor's.
        DomainError: `quota_exceeded`: the plan of whoever pays for the tokens has none left.
    """
    limits.require_room(organisation_id=_token_payer(actor, target), limit=Limit.MODEL_TOKENS)
    started = time.monotonic()
    turns = history if history is not None else _turns(actor, target, conversation_id)
    plan = RunPlan(
        target.owner_id, target.config, target.document_ids, target.grant, target.effect_scope, target.options
    )
    prepared = runtime.prepare(plan, question, turns)
    reservation = quotas.set_aside(actor, _most_tokens(prepared))
    return BegunAnswer(actor, target, prepared, conversation_id, history is None, started, reservation)


async def stream_answer(begun: BegunAnswer) -> AsyncIterator[ChatEvent]:
    """`ChatStarted` with the sources, `ChatDelta`s, `ChatFinished`.

    A reader who goes away stops the model; what was written until then is kept as cancelled.

    Raises:
        DependencyFailed: the runner ceased to answer.
    """
    progress = _Progress(started=begun.started)
    yield ChatStarted(begun.prepared.sources, begun.prepared.label)
    kept: UUID | None = None
    try:
        async for piece in _pieces(begun.prepared, progress):
            yield ChatDelta(piece)
    except DomainError as error:
        progress.finish, progress.problem = FinishReason.FAILED, error.message
        raise
    finally:
        answer = _answer(begun.prepared, progress)
        # Shielded: a cancelled request must not lose the record of what it cost.
        kept = await asyncio.shield(sync_to_async(_keep)(begun, answer))
    yield ChatFinished(answer, kept)


def answer(
    *,
    actor: Actor,
    target: ChatTarget,
    question: str,
    history: Sequence[Turn] | None = None,
    conversation_id: UUID | None = None,
) -> ChatFinished:
    """The whole answer at once; arguments and errors as `begin_answer`."""
    begun = begin_answer(
        actor=actor, target=target, question=question, history=history, conversation_id=conversation_id
    )

    async def collect() -> ChatFinished:
        finished = [event async for event in stream_answer(begun) if isinstance(event, ChatFinished)]
        return finished[0]

    return async_to_sync(collect)()


async def _pieces(prepared: Prepared, progress: _Progress) -> AsyncIterator[str]:
    """Words as they come, noted in `progress` before they are passed on."""
    if prepared.ready is not None:
        progress.text, progress.finish = prepared.ready, prepared.finish
        progress.prompt_tokens = prepared.question_tokens
        progress.first_token_s = time.monotonic() - progress.started
        yield prepared.ready
        return
    async for piece in runtime.write(prepared):
        if isinstance(piece, Written):
            progress.prompt_tokens, progress.completion_tokens = piece.prompt_tokens, piece.completion_tokens
            progress.finish = piece.finish
            continue
        if progress.first_token_s is None:
            progress.first_token_s = time.monotonic() - progress.started
        progress.text += piece
        yield piece


def _answer(prepared: Prepared, progress: _Progress) -> Answer:
    text, is_supported = progress.text, True
    if progress.finish in (FinishReason.STOP, FinishReason.LENGTH):
        text, is_supported = runtime.complete(prepared, progress.text)
    return Answer(
        text=text,
        finish=progress.finish,
        sources=prepared.sources,
        label=prepared.label,
        is_supported=is_supported,
        prompt_tokens=progress.prompt_tokens,
        completion_tokens=progress.completion_tokens,
        seconds=round(time.monotonic() - progress.started, 3),
        first_token_s=None if progress.first_token_s is None else round(progress.first_token_s, 3),
        problem=progress.problem,
    )


def _turns(actor: Actor, target: ChatTarget, conversation_id: UUID | None) -> Sequence[Turn]:
    if conversation_id is None:
        return ()
    with tenant_scope(actor.organisation_id), transaction.atomic():
        return conversation_turns(actor, conversation_id, target.agent_id)


def _keep(begun: BegunAnswer, answer: Answer) -> UUID | None:
    """Store the two messages in the asker's organisation and the metering rows in both."""
    kept: UUID | None = None
    with transaction.atomic():
        if begun.is_stored:
            with tenant_scope(begun.actor.organisation_id):
                kept = _store(begun, answer)
        call_id = uuid7()
        limits.note_usage(
            organisation_id=_token_payer(begun.actor, begun.target),
            limit=Limit.MODEL_TOKENS,
            amount=answer.prompt_tokens + answer.completion_tokens,
            key=f"answer:{call_id}",
        )
        quotas.settle(begun.reservation, answer.prompt_tokens + answer.completion_tokens)
        _meter(begun.actor, begun.target, answer, call_id)
    return kept


def _store(begun: BegunAnswer, answer: Answer) -> UUID:
    actor, target, prepared = begun.actor, begun.target, begun.prepared
    if begun.conversation_id is not None:
        conversation = get_conversation(actor, begun.conversation_id, target.agent_id)
    else:
        conversation = Conversation.objects.create(
            tenant_id=actor.organisation_id,
            agent_id=target.agent_id,
            agent_name=target.config.name,
            agent_owner_id=target.owner_id,
            user_id=actor.user_id,
            is_test=target.is_test,
        )
    common = {"tenant_id": actor.organisation_id, "conversation": conversation}
    Message.objects.create(role="user", text=prepared.question, **common)
    Message.objects.create(
        role="assistant",
        text=answer.text,
        sources=[source.as_json() for source in answer.sources],
        label=answer.label.as_json() if answer.label is not None else None,
        finish=answer.finish,
        is_supported=answer.is_supported,
        problem=answer.problem,
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
        seconds=answer.seconds,
        first_token_s=answer.first_token_s,
        agent_version_id=target.version.id if target.version is not None else None,
        config_hash=target.config.digest(),
        language_model=prepared.model.name,
        classifier=prepared.classifier.name if prepared.classifier is not None else "",
        knowledge=[pin.as_json() for pin in target.version.knowledge] if target.version is not None else [],
        **common,
    )
    return conversation.id


def _most_tokens(prepared: Prepared) -> int:
    """What an answer takes at most, about: a key's spend cap sets so many aside."""
    if prepared.ready is not None:
        return prepared.question_tokens
    return MAX_PROMPT_TOKENS + prepared.question_tokens + prepared.config.max_answer_tokens


def _token_payer(actor: Actor, target: ChatTarget) -> UUID:
    """Who asks pays for the tokens; for a visitor without an account, the agent's owner does."""
    return target.owner_id if actor.is_guest else actor.organisation_id


def _meter(actor: Actor, target: ChatTarget, answer: Answer, call_id: UUID) -> None:
    if target.version is None or target.asset_id is None:
        return
    sides = [(UsageSide.SERVED, target.owner_id)]
    if actor.organisation_id != target.owner_id:
        sides.append((UsageSide.USED, actor.organisation_id))
    for side, tenant_id in sides:
        with tenant_scope(tenant_id):
            AgentUsage.objects.create(
                tenant_id=tenant_id,
                call_id=call_id,
                side=side,
                agent_id=target.agent_id,
                asset_id=target.asset_id,
                agent_slug=target.slug,
                version_number=target.version.number,
                owner_id=target.owner_id,
                caller_id=actor.organisation_id,
                prompt_tokens=answer.prompt_tokens,
                completion_tokens=answer.completion_tokens,
                seconds=answer.seconds,
            )
    outbox.publish(
        AgentCalled(
            agent_id=target.agent_id,
            asset_id=target.asset_id,
            caller_organisation_id=actor.organisation_id,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
        ),
        tenant_id=target.owner_id,
    )
