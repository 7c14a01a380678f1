"""Use case: answer somebody, streamed or whole; keep the conversation, meter the call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from uuid import UUID

from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction

from apps.agents import guards, runtime, tracing
from apps.agents.output.guard import WITHHELD
from apps.agents.output.rules import OutputRules
from apps.agents.runtime import Attachments, Prepared, RunPlan, Written
from apps.agents.selectors.access import published_target
from apps.agents.selectors.attachments import searched_attachments
from apps.agents.selectors.conversations import Branch, Spot, branch_for
from apps.agents.selectors.output import output_rules, reader_of
from apps.agents.services.begun import BegunAnswer
from apps.agents.services.budgets import money_of, most_tokens, require_day_budget
from apps.agents.services.keeping import keep_answer, keep_question, token_payer
from apps.agents.services.progress import Progress
from apps.agents.services.stopping import until
from apps.agents.services.tool_runs import AskAgent, ToolRun, needs_tools, would_like, write_with_tools
from apps.agents.specs import TeamModel
from apps.agents.teams.grants import Grant
from apps.agents.types import (
    Answer,
    ChatApproval,
    ChatDelta,
    ChatEvent,
    ChatFinished,
    ChatFound,
    ChatStarted,
    ChatStep,
    ChatTarget,
    FinishReason,
    Paused,
    Source,
    Step,
    Turn,
)
from apps.core.errors import DomainError
from apps.core.tenant import tenant_scope
from apps.core.turns import away
from apps.knowledge import services as knowledge
from apps.knowledge.chunking import estimate_tokens
from apps.tenancy import limits, quotas
from apps.tenancy.limits import Limit
from apps.tenancy.types import Actor

_Piece = str | ChatApproval | ChatStep


def begin_answer(
    *,
    actor: Actor,
    target: ChatTarget,
    question: str,
    history: Sequence[Turn] | None = None,
    conversation_id: UUID | None = None,
    branch: Branch | None = None,
    reader_id: UUID | None = None,
    resume_key: str = "",
) -> BegunAnswer:
    """Look up what answers a question; `stream_answer` then answers it. Must not be called inside a transaction.

    Without `history` the answer belongs to a stored conversation: `conversation_id`, or a new one. With it (the
    OpenAI API, where the caller keeps the conversation) no text is stored.

    Args:
        branch: where in the conversation; None puts the question behind its last message.
        reader_id: whoever reads the answer, where that is not who asks.
        resume_key: names the question, so that a team's run for it is found again instead of begun anew.

    Raises:
        InvalidInput: empty or too long.
        DependencyFailed: the runner does not answer.
        NotFound: the conversation is not the actor's.
        DomainError: `quota_exceeded`: the plan of whoever pays for the tokens has none left.
    """
    require_budget(actor, target)
    at, attachments = stored(actor, target, conversation_id, branch) if history is None else (None, None)
    turns = tuple(at.turns if at is not None else history or ())
    asked = at.question if at is not None and at.question else question
    begun = replace(looked_up(actor, target, asked, turns, attachments, reader_id), resume_key=resume_key)
    if at is None:
        return begun
    place = keep_question(
        actor=actor,
        target=target,
        question=begun.found.question,
        conversation_id=conversation_id,
        parent_id=at.parent_id,
        question_id=at.question_id,
    )
    return replace(begun, place=place)


def require_budget(actor: Actor, target: ChatTarget) -> None:
    """Refuse where nobody could pay for an answer."""
    limits.require_room(organisation_id=token_payer(actor, target), limit=Limit.MODEL_TOKENS)
    require_day_budget(target)


def looked_up(
    actor: Actor, target: ChatTarget, asked: str, turns: tuple[Turn, ...], own: Attachments | None, reader: UUID | None
) -> BegunAnswer:
    """What answers the question, before it has a place to be stored at. Not inside a transaction."""
    started = time.monotonic()
    plan = RunPlan(
        target.owner_id, target.config, target.document_ids, target.grant, target.effect_scope, target.options, own
    )
    admitted = guards.admit(target.config.guard, asked)
    found = runtime.look_up(plan, admitted.question, turns)
    if admitted.refusal is not None:
        found = replace(found, passages=())
    reader = reader or reader_of(actor)
    rules = output_rules(actor=actor, reader_id=reader, target=target, plan=plan, found=found, history=turns)
    reservation = quotas.set_aside(actor, most_tokens(found))
    steps = (tracing.search_step(found, time.monotonic() - started),)
    return BegunAnswer(
        actor, target, plan, found, turns, None, steps, started, reader, rules, reservation, admitted.refusal
    )


async def stream_answer(begun: BegunAnswer, stop: asyncio.Event | None = None) -> AsyncIterator[ChatEvent]:
    """`ChatFound` and `ChatStarted` with the sources, `ChatDelta`s, `ChatFinished`.

    A reader who goes away stops the model; what was written until then is kept as cancelled.

    Args:
        stop: ends the answer where it is, and keeps that.

    Raises:
        DependencyFailed: the runner ceased to answer.
    """
    progress = Progress(started=begun.started, steps=list(begun.steps), stop=stop)
    place = begun.place
    found = begun.rules.found(begun.found.sources)
    yield ChatFound(found, begun.conversation_id, place.question_id if place is not None else None)
    kept: UUID | None = None
    is_held_back = guards.holds_back(begun.target.config.guard)
    try:
        prepared = progress.prepared = await sync_to_async(_prepare)(begun, progress)
        sources, quote = _beginning(begun, prepared)
        yield ChatStarted(sources, prepared.label, quote)
        pieces = until(stop, _pieces(begun, prepared, progress))
        async with aclosing(_shown(begun.rules, pieces, progress)) as shown:  # type: ignore[type-var]  # a generator
            async for piece in shown:
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
    reader_id: UUID | None = None,
) -> ChatFinished:
    """The whole answer at once; arguments and errors as `begin_answer`."""
    begun = begin_answer(
        actor=actor,
        target=target,
        question=question,
        history=history,
        conversation_id=conversation_id,
        branch=branch,
        reader_id=reader_id,
    )

    async def collect() -> ChatFinished:
        finished = [event async for event in stream_answer(begun) if isinstance(event, ChatFinished)]
        return finished[0]

    with away():  # for the model
        return async_to_sync(collect)()


async def _shown(rules: OutputRules, pieces: AsyncIterator[_Piece], progress: Progress) -> AsyncIterator[_Piece]:
    """What may be shown of the pieces; ends early where the model says what it must not."""
    guard = rules.guard()
    async with aclosing(pieces) as coming:  # type: ignore[type-var]  # an async generator
        async for piece in coming:
            words = guard.feed(piece) if isinstance(piece, str) else piece
            if isinstance(words, str):
                progress.shown += words
            if words:
                yield words
            if guard.is_withheld:
                rules.is_withheld = True
                progress.completion_tokens = progress.completion_tokens or estimate_tokens(progress.text)
                return
    if rest := guard.close():
        progress.shown += rest
        yield rest
    rules.is_withheld = rules.is_withheld or guard.is_withheld


def _beginning(begun: BegunAnswer, prepared: Prepared) -> tuple[tuple[Source, ...], str]:
    """The sources that may be seen, and the answer in their own words, which stands until the model has words."""
    sources = begun.rules.sources(prepared.sources)
    quote = prepared.quote if prepared.ready is None and begun.resumed is None else ""
    return sources, begun.rules.said(quote) if quote else ""


def _prepare(begun: BegunAnswer, progress: Progress) -> Prepared:
    began = time.monotonic()
    prepared = runtime.prepare(begun.plan, begun.found.question, begun.history, begun.found)
    if begun.refusal is not None:
        prepared = replace(prepared, ready=begun.refusal, finish=FinishReason.ABSTAINED)
    shown = replace(prepared, sources=begun.rules.sources(prepared.sources))
    progress.steps.append(tracing.read_step(shown, time.monotonic() - began))
    return prepared


async def _pieces(begun: BegunAnswer, prepared: Prepared, progress: Progress) -> AsyncIterator[_Piece]:
    """Words as they come, noted in `progress` before they are passed on."""
    if isinstance(begun.target.config.model, TeamModel) and begun.refusal is None:
        from apps.agents.services.team_answers import write_by_team  # its steps are answers, too

        async with aclosing(write_by_team(begun, progress)) as team:  # type: ignore[type-var]  # a generator
            async for step in team:
                yield step
        return
    if needs_tools(begun.target) and begun.refusal is None:
        async with aclosing(_with_tools(begun, prepared, progress)) as told:  # type: ignore[type-var]  # a generator
            async for said in told:
                yield said
        if progress.is_written:
            return
        progress.by_tools = False
    if prepared.ready is not None:
        progress.text, progress.finish = prepared.ready, prepared.finish
        progress.prompt_tokens = prepared.question_tokens
        progress.first_token_s = time.monotonic() - progress.started
        yield prepared.ready
        return
    # Closed here and not by the garbage collector, which would do it in another task.
    async with aclosing(runtime.write(prepared)) as written:  # type: ignore[type-var]  # an async generator
        async for piece in written:
            if isinstance(piece, Written):
                progress.note_written(piece)
                continue
            progress.note_words(piece)
            yield piece
            if time.monotonic() - progress.started > prepared.config.budget.max_seconds:
                progress.finish, progress.problem = FinishReason.LENGTH, "Cut off: the time of the budget is over."
                progress.prompt_tokens = prepared.question_tokens
                return


async def _with_tools(begun: BegunAnswer, prepared: Prepared, progress: Progress) -> AsyncIterator[_Piece]:
    """The answer where tools give it; nothing where the question is for none of them."""
    run = ToolRun(begun.actor, begun.target, prepared, _asker(begun), begun.rules, begun.conversation_id, begun.resumed)
    async with aclosing(write_with_tools(run)) as pieces:  # type: ignore[type-var]  # an async generator
        async for piece in pieces:
            if isinstance(piece, Step):
                progress.steps.append(begun.rules.traced(piece))
                progress.by_tools = progress.by_tools or piece.kind == "tool"
            elif isinstance(piece, ChatApproval):
                yield piece
            elif isinstance(piece, Paused):
                progress.paused = piece
            elif isinstance(piece, Written):
                progress.note_written(piece)
            else:
                progress.note_words(piece)
                yield piece


def _asker(begun: BegunAnswer) -> AskAgent:
    """Asks another agent by the right of this agent's owner, within a grant."""

    async def ask(slug: str, question: str, grant: Grant) -> str:
        owner = Actor.system(begun.target.owner_id)
        target = await sync_to_async(published_target)(owner, slug)
        asked = await sync_to_async(begin_answer)(
            actor=owner,
            target=replace(target, grant=grant),
            question=question,
            history=(),
            reader_id=begun.reader_id,
        )
        texts = [event.answer.text async for event in stream_answer(asked) if isinstance(event, ChatFinished)]
        return texts[0]

    return ask


def _answer(begun: BegunAnswer, progress: Progress) -> Answer:
    text, is_supported = progress.shown, True
    prepared, rules = progress.prepared, begun.rules
    rules.settle()
    if prepared is not None and progress.finish in (FinishReason.STOP, FinishReason.LENGTH, FinishReason.WAITING):
        if not progress.by_tools:
            text, is_supported = runtime.complete(prepared, progress.text)
        has_knowledge = bool(prepared.config.knowledge_base_ids) and not progress.by_tools
        text = rules.said(guards.released(prepared.config.guard, text, prepared.sources, has_knowledge=has_knowledge))
    if progress.finish is FinishReason.WAITING and guards.holds_back(begun.target.config.guard):
        text = would_like([])
    if rules.is_withheld:
        text, progress.finish, is_supported = WITHHELD, FinishReason.FILTERED, True
    return Answer(
        text=text,
        finish=progress.finish,
        sources=_sources(begun, progress),
        label=begun.found.label,
        is_supported=is_supported,
        prompt_tokens=progress.prompt_tokens,
        completion_tokens=progress.completion_tokens,
        seconds=round(time.monotonic() - progress.started, 3),
        first_token_s=None if progress.first_token_s is None else round(progress.first_token_s, 3),
        problem=progress.problem,
    )


def _sources(begun: BegunAnswer, progress: Progress) -> tuple[Source, ...]:
    if progress.members is not None:
        return progress.members
    prepared, rules = progress.prepared, begun.rules
    return rules.sources(prepared.sources) if prepared is not None else rules.found(begun.found.sources)


def _keep(begun: BegunAnswer, progress: Progress, answer: Answer) -> UUID | None:
    prepared = progress.prepared
    is_written = prepared is not None and prepared.ready is None
    if begun.rules.told:
        with tenant_scope(begun.target.owner_id):
            owner = Actor.system(begun.target.owner_id)
            knowledge.note_told(actor=owner, reader_id=begun.reader_id, told=begun.rules.told)
    money = money_of(begun.actor, begun.target, answer)
    last = tracing.answer_step(prepared, answer, sum(step.seconds for step in progress.steps), money)
    steps = progress.steps
    if begun.resumed is not None:  # what was looked up stands with the first part of the answer
        steps = [step for step in steps if step.kind not in ("search", "read")]
    return keep_answer(
        actor=begun.actor,
        target=begun.target,
        place=begun.place,
        prepared=prepared,
        answer=answer,
        steps=(*steps, last),
        prompt=tracing.prompt_of(prepared) if prepared is not None and is_written else (),
        reservation=begun.reservation,
        paused=progress.paused if answer.finish is FinishReason.WAITING else None,
        reader_id=begun.reader_id,
    )


def stored(
    actor: Actor, target: ChatTarget, conversation_id: UUID | None, branch: Branch | None
) -> tuple[Spot, Attachments | None]:
    """Where in a stored conversation, and the documents that are attached to it."""
    with tenant_scope(actor.organisation_id), transaction.atomic():
        at = branch_for(actor, conversation_id, target.agent_id, branch)
        return at, searched_attachments(actor, conversation_id)
