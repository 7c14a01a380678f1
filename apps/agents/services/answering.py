"""Use case: answer somebody, streamed or whole; keep the conversation, meter the call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from uuid import UUID

from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction

from apps.agents import guards, runtime, tracing
from apps.agents.runtime import Attachments, Found, Prepared, RunPlan, Written
from apps.agents.selectors.access import published_target
from apps.agents.selectors.attachments import searched_attachments
from apps.agents.selectors.conversations import Branch, Spot, branch_for
from apps.agents.services.budgets import require_day_budget
from apps.agents.services.keeping import Place, keep_answer, keep_question, token_payer
from apps.agents.services.tool_runs import AskAgent, ToolRun, needs_tools, write_with_tools
from apps.agents.teams.grants import Grant
from apps.agents.types import (
    Answer,
    AnswerMode,
    ChatApproval,
    ChatDelta,
    ChatEvent,
    ChatFinished,
    ChatFound,
    ChatStarted,
    ChatTarget,
    FinishReason,
    Step,
    Turn,
)
from apps.core.errors import DomainError
from apps.core.tenant import tenant_scope
from apps.core.turns import away
from apps.knowledge.chunking import estimate_tokens
from apps.tenancy import limits, quotas
from apps.tenancy.limits import Limit
from apps.tenancy.quotas import Reservation
from apps.tenancy.types import Actor

MAX_PROMPT_TOKENS = 800
"""Of instruction, passages and earlier turns beside the question (`apps.agents.prompting` keeps to less)."""


_Piece = str | ChatApproval
_Coming = _Piece | Exception | None


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
    prepared: Prepared | None = None
    is_written: bool = False
    by_tools: bool = False
    steps: list[Step] = field(default_factory=list)


@dataclass(frozen=True)
class BegunAnswer:
    """A question that was looked up and can be answered. `place` is where the answer is stored; None: nowhere."""

    actor: Actor
    target: ChatTarget
    plan: RunPlan
    found: Found
    history: tuple[Turn, ...]
    place: Place | None
    steps: tuple[Step, ...]
    started: float
    reservation: Reservation | None = None
    refusal: str | None = None

    @property
    def conversation_id(self) -> UUID | None:
        """The stored conversation that it belongs to."""
        return self.place.conversation_id if self.place is not None else None


def begin_answer(
    *,
    actor: Actor,
    target: ChatTarget,
    question: str,
    history: Sequence[Turn] | None = None,
    conversation_id: UUID | None = None,
    branch: Branch | None = None,
) -> BegunAnswer:
    """Look up what answers a question; `stream_answer` then answers it. Must not be called inside a transaction.

    Without `history` the answer belongs to a stored conversation: `conversation_id`, or a new one. With it (the
    OpenAI API, where the caller keeps the conversation) no text is stored.

    Args:
        branch: where in the conversation; None puts the question behind its last message.

    Raises:
        InvalidInput: empty or too long.
        DependencyFailed: the runner does not answer.
        NotFound: the conversation is not the actor's.
        DomainError: `quota_exceeded`: the plan of whoever pays for the tokens has none left.
    """
    limits.require_room(organisation_id=token_payer(actor, target), limit=Limit.MODEL_TOKENS)
    require_day_budget(target)
    started = time.monotonic()
    at, attachments = _stored(actor, target, conversation_id, branch) if history is None else (None, None)
    turns = tuple(at.turns if at is not None else history or ())
    plan = RunPlan(
        target.owner_id,
        target.config,
        target.document_ids,
        target.grant,
        target.effect_scope,
        target.options,
        attachments,
    )
    asked = at.question if at is not None and at.question else question
    admitted = guards.admit(target.config.guard, asked)
    found = runtime.look_up(plan, admitted.question, turns)
    if admitted.refusal is not None:
        found = replace(found, passages=())
    reservation = quotas.set_aside(actor, _most_tokens(found))
    steps = (tracing.search_step(found, time.monotonic() - started),)
    place = None
    if at is not None:
        place = keep_question(
            actor=actor,
            target=target,
            question=found.question,
            conversation_id=conversation_id,
            parent_id=at.parent_id,
            question_id=at.question_id,
        )
    return BegunAnswer(actor, target, plan, found, turns, place, steps, started, reservation, admitted.refusal)


async def stream_answer(begun: BegunAnswer, stop: asyncio.Event | None = None) -> AsyncIterator[ChatEvent]:
    """`ChatFound` and `ChatStarted` with the sources, `ChatDelta`s, `ChatFinished`.

    A reader who goes away stops the model; what was written until then is kept as cancelled.

    Args:
        stop: ends the answer where it is, and keeps that.

    Raises:
        DependencyFailed: the runner ceased to answer.
    """
    progress = _Progress(started=begun.started, steps=list(begun.steps))
    place = begun.place
    yield ChatFound(begun.found.sources, begun.conversation_id, place.question_id if place is not None else None)
    kept: UUID | None = None
    is_held_back = guards.holds_back(begun.target.config.guard)
    try:
        prepared = progress.prepared = await sync_to_async(_prepare)(begun, progress)
        yield ChatStarted(prepared.sources, prepared.label, prepared.quote if prepared.ready is None else "")
        async with aclosing(_until(stop, _pieces(begun, prepared, progress))) as pieces:  # type: ignore[type-var]  # a generator
            async for piece in pieces:
                if not isinstance(piece, str):
                    yield piece
                elif not is_held_back:
                    yield ChatDelta(piece)
    except DomainError as error:
        progress.finish, progress.problem = FinishReason.FAILED, error.message
        raise
    finally:
        answer = _answer(begun, progress)
        # Shielded: a cancelled request must not lose the record of what it cost.
        kept = await asyncio.shield(sync_to_async(_keep)(begun, progress, answer))
    if is_held_back:
        yield ChatDelta(answer.text)
    yield ChatFinished(answer, begun.conversation_id, kept)


def answer(
    *,
    actor: Actor,
    target: ChatTarget,
    question: str,
    history: Sequence[Turn] | None = None,
    conversation_id: UUID | None = None,
    branch: Branch | None = None,
) -> ChatFinished:
    """The whole answer at once; arguments and errors as `begin_answer`."""
    begun = begin_answer(
        actor=actor, target=target, question=question, history=history, conversation_id=conversation_id, branch=branch
    )

    async def collect() -> ChatFinished:
        finished = [event async for event in stream_answer(begun) if isinstance(event, ChatFinished)]
        return finished[0]

    with away():  # for the model
        return async_to_sync(collect)()


def _prepare(begun: BegunAnswer, progress: _Progress) -> Prepared:
    began = time.monotonic()
    prepared = runtime.prepare(begun.plan, begun.found.question, begun.history, begun.found)
    if begun.refusal is not None:
        prepared = replace(prepared, ready=begun.refusal, finish=FinishReason.ABSTAINED)
    progress.steps.append(tracing.read_step(prepared, time.monotonic() - began))
    return prepared


async def _until(stop: asyncio.Event | None, pieces: AsyncIterator[_Piece]) -> AsyncIterator[_Piece]:
    """The pieces, until the event is set: then the one that is waited for is given up."""
    if stop is None:
        async for piece in pieces:
            yield piece
        return
    # All of them in one task: the model's client must be left by the task that has entered it.
    ready: asyncio.Queue[_Coming] = asyncio.Queue()
    writing = asyncio.create_task(_fill(ready, pieces))
    stopped = asyncio.ensure_future(stop.wait())
    try:
        while True:
            coming = asyncio.ensure_future(ready.get())
            await asyncio.wait((coming, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                coming.cancel()
                return
            said = coming.result()
            if isinstance(said, Exception):
                raise said
            if said is None:
                return
            yield said
    finally:
        stopped.cancel()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def _fill(ready: asyncio.Queue[_Coming], pieces: AsyncIterator[_Piece]) -> None:
    try:
        async for piece in pieces:
            ready.put_nowait(piece)
    except Exception as error:  # raised again where the pieces are read
        ready.put_nowait(error)
    else:
        ready.put_nowait(None)


async def _pieces(begun: BegunAnswer, prepared: Prepared, progress: _Progress) -> AsyncIterator[_Piece]:
    """Words as they come, noted in `progress` before they are passed on."""
    if needs_tools(begun.target) and begun.refusal is None:
        async for said in _with_tools(begun, prepared, progress):
            yield said
        if progress.is_written:
            return
    if prepared.ready is not None:
        progress.text, progress.finish = prepared.ready, prepared.finish
        progress.prompt_tokens = prepared.question_tokens
        progress.first_token_s = time.monotonic() - progress.started
        yield prepared.ready
        return
    async for piece in runtime.write(prepared):
        if isinstance(piece, Written):
            _note_written(progress, piece)
            continue
        _note_words(progress, piece)
        yield piece
        if time.monotonic() - progress.started > prepared.config.budget.max_seconds:
            progress.finish, progress.problem = FinishReason.LENGTH, "Cut off: the time of the budget is over."
            progress.prompt_tokens = prepared.question_tokens
            return


async def _with_tools(begun: BegunAnswer, prepared: Prepared, progress: _Progress) -> AsyncIterator[_Piece]:
    """The answer where tools give it; nothing where the question is for none of them."""
    run = ToolRun(begun.actor, begun.target, prepared, _asker(begun), begun.conversation_id)
    async for piece in write_with_tools(run):
        if isinstance(piece, Step):
            progress.steps.append(piece)
            progress.by_tools = progress.by_tools or piece.kind == "tool"
        elif isinstance(piece, ChatApproval):
            yield piece
        elif isinstance(piece, Written):
            _note_written(progress, piece)
        else:
            _note_words(progress, piece)
            yield piece


def _asker(begun: BegunAnswer) -> AskAgent:
    """Asks another agent by the right of this agent's owner, within a grant."""

    async def ask(slug: str, question: str, grant: Grant) -> str:
        owner = Actor.system(begun.target.owner_id)
        target = await sync_to_async(published_target)(owner, slug)
        asked = await sync_to_async(begin_answer)(
            actor=owner, target=replace(target, grant=grant), question=question, history=()
        )
        texts = [event.answer.text async for event in stream_answer(asked) if isinstance(event, ChatFinished)]
        return texts[0]

    return ask


def _note_words(progress: _Progress, words: str) -> None:
    if progress.first_token_s is None:
        progress.first_token_s = time.monotonic() - progress.started
    progress.text += words


def _note_written(progress: _Progress, written: Written) -> None:
    progress.prompt_tokens, progress.completion_tokens = written.prompt_tokens, written.completion_tokens
    progress.finish, progress.is_written = written.finish, True


def _answer(begun: BegunAnswer, progress: _Progress) -> Answer:
    text, is_supported = progress.text, True
    prepared = progress.prepared
    if prepared is not None and progress.finish in (FinishReason.STOP, FinishReason.LENGTH):
        if not progress.by_tools:
            text, is_supported = runtime.complete(prepared, progress.text)
        has_knowledge = bool(prepared.config.knowledge_base_ids) and not progress.by_tools
        text = guards.released(prepared.config.guard, text, prepared.sources, has_knowledge=has_knowledge)
    return Answer(
        text=text,
        finish=progress.finish,
        sources=prepared.sources if prepared is not None else begun.found.sources,
        label=begun.found.label,
        is_supported=is_supported,
        prompt_tokens=progress.prompt_tokens,
        completion_tokens=progress.completion_tokens,
        seconds=round(time.monotonic() - progress.started, 3),
        first_token_s=None if progress.first_token_s is None else round(progress.first_token_s, 3),
        problem=progress.problem,
    )


def _keep(begun: BegunAnswer, progress: _Progress, answer: Answer) -> UUID | None:
    prepared = progress.prepared
    is_written = prepared is not None and prepared.ready is None
    return keep_answer(
        actor=begun.actor,
        target=begun.target,
        place=begun.place,
        prepared=prepared,
        answer=answer,
        steps=(*progress.steps, tracing.answer_step(prepared, answer, sum(step.seconds for step in progress.steps))),
        prompt=tracing.prompt_of(prepared) if prepared is not None and is_written else (),
        reservation=begun.reservation,
    )


def _most_tokens(found: Found) -> int:
    """What an answer takes at most, about: a key's spend cap sets so many aside."""
    tokens = estimate_tokens(found.question)
    if found.config.mode is not AnswerMode.GENERATE:
        return tokens
    return MAX_PROMPT_TOKENS + tokens + found.config.max_answer_tokens


def _stored(
    actor: Actor, target: ChatTarget, conversation_id: UUID | None, branch: Branch | None
) -> tuple[Spot, Attachments | None]:
    with tenant_scope(actor.organisation_id), transaction.atomic():
        at = branch_for(actor, conversation_id, target.agent_id, branch)
        return at, searched_attachments(actor, conversation_id)
