"""One answer of a team that is published as an agent: a durable run is begun, followed, and told.

The run goes on without whoever asked. It is found again by its key (the stored question, the A2A task), so that the
same question waits for the same run; where nobody waits any more, the end is told in the conversation later.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import transaction

from apps.agents.errors import unsupported
from apps.agents.models import Conversation, Message, TeamRun, TeamStep
from apps.agents.selectors.access import published_target
from apps.agents.selectors.agents import draft_target
from apps.agents.selectors.conversations import Branch
from apps.agents.services.answering import answer
from apps.agents.services.begun import BegunAnswer
from apps.agents.services.progress import Progress
from apps.agents.services.teams.as_agent import AskedBy, start_run_for
from apps.agents.services.teams.runs import close_run
from apps.agents.specs import TeamModel
from apps.agents.teams.types import NodeKind, RunState, StepState
from apps.agents.types import ChatStep, FinishReason, Source, Step
from apps.core import clock, outbox
from apps.core.errors import DomainError, InvalidInput
from apps.core.tenant import all_tenants, tenant_scope
from apps.tenancy.types import Actor, Role

POLL_S = 0.25
WATCHED_FOR = timedelta(seconds=20)
"""Somebody who has not looked for so long does not wait any more."""

LEFT_AT_ONCE = 50
_MARK = re.compile(r"\s?\[\d+\]")
_helps: ContextVar[bool] = ContextVar("helps", default=False)


@contextmanager
def helping() -> Iterator[None]:
    """Within a worker: whoever waits for a run works on its steps meanwhile, instead of keeping a worker idle."""
    token = _helps.set(True)
    try:
        yield
    finally:
        _helps.reset(token)


@dataclass(frozen=True)
class _Seen:
    """A run as it is now: each step's id, name and state."""

    state: RunState
    steps: tuple[tuple[UUID, str, str], ...]


async def write_by_team(begun: BegunAnswer, progress: Progress) -> AsyncIterator[str | ChatStep]:
    """The team's steps as they come and go, then its answer, or that it waits for a person.

    Raises:
        GrantExceeded: the caller's grant does not allow a run.
        InvalidInput: the team cannot run, or has failed.
    """
    if begun.target.options.is_json:
        raise unsupported("response_format", "A team cannot answer in a given format.")
    run_id = await sync_to_async(_run_of)(begun)
    progress.by_tools, progress.members = True, ()
    shown: dict[UUID, str] = {}
    is_over = False
    try:
        while not is_over:
            seen = await sync_to_async(_look)(begun, run_id)
            for step_id, name, state in seen.steps:
                if shown.get(step_id) != state:
                    shown[step_id] = state
                    yield ChatStep(name, state)
            late = time.monotonic() - progress.started > begun.target.config.budget.max_seconds
            is_over = seen.state is not RunState.RUNNING or late
            if not is_over and not (_helps.get() and await sync_to_async(_help)(begun, run_id)):
                await asyncio.sleep(POLL_S)
    finally:
        # A reader who has left finds the run again by its conversation; nobody finds that of a call.
        if not is_over and (begun.place is None or progress.is_stopped):
            await asyncio.shield(sync_to_async(_cancel)(begun, run_id))
    text = await sync_to_async(_told)(begun, progress, run_id)
    progress.note_words(text)
    yield text


def tell_late(run_id: UUID) -> None:
    """Put the end of a run at the end of the conversation that it was asked in, unless somebody waits for it."""
    run = TeamRun.objects.filter(id=run_id).first()
    if run is None or run.is_told or RunState(run.state).is_open or not run.asked.get("conversation_id"):
        return
    if run.watched_at is not None and clock.now() - run.watched_at < WATCHED_FOR:
        return
    try:
        _answer_again(run.asked)
    except DomainError:  # the agent or the conversation is gone, or the team has failed: nothing more is to be told
        TeamRun.objects.filter(id=run_id).update(is_told=True)


def tell_left_runs() -> int:
    """Tell the ends that nobody has waited for. Returns how many there were."""
    with all_tenants(reason="every organisation's conversations get their answers"):
        left = TeamRun.objects.filter(is_told=False, ended_at__isnull=False, watched_at__lt=clock.now() - WATCHED_FOR)
        found = list(left.exclude(key="").order_by("ended_at").values_list("id", "tenant_id")[:LEFT_AT_ONCE])
    for run_id, tenant_id in found:
        with tenant_scope(tenant_id):
            tell_late(run_id)
            TeamRun.objects.filter(id=run_id, asked__conversation_id=None).update(key="")
    return len(found)


def _answer_again(asked: dict[str, Any]) -> None:
    user_id = UUID(asked["user_id"]) if asked["user_id"] else None
    actor = Actor(user_id, UUID(asked["organisation_id"]), Role.MEMBER, is_guest=asked["is_guest"])
    conversation_id, question_id = UUID(asked["conversation_id"]), UUID(asked["question_id"])
    with tenant_scope(actor.organisation_id):
        target = (
            draft_target(actor, UUID(asked["agent_id"]))
            if asked["is_draft"]
            else published_target(actor, asked["slug"])
        )
        before = Conversation.objects.filter(id=conversation_id).values_list("leaf_id", flat=True).first()
    finished = answer(
        actor=actor, target=target, question="", conversation_id=conversation_id, branch=Branch(retry=question_id)
    )
    with tenant_scope(actor.organisation_id):
        last = Message.objects.exclude(parent_id=question_id).exclude(id=question_id)
        went_on = before is not None and last.filter(id=before).exists()
        if went_on and finished.message_id is not None:
            # The conversation has gone on meanwhile: the answer comes behind that, and takes nothing away.
            Message.objects.filter(id=finished.message_id).update(parent_id=before)


def _run_of(begun: BegunAnswer) -> UUID:
    """The run for this question: the one that was begun for it, or a new one."""
    model = begun.target.config.model
    if not isinstance(model, TeamModel):
        raise TypeError("only a team's agent is answered by a team")
    with tenant_scope(begun.target.owner_id):
        if begun.run_key:
            known = TeamRun.objects.filter(key=begun.run_key, asked__agent_id=str(begun.target.agent_id), is_told=False)
            found = known.order_by("-id").values_list("id", flat=True).first()
            if found is not None:
                return found
        place = begun.place
        by = AskedBy(
            begun.actor,
            begun.reader_id,
            place.conversation_id if place is not None else None,
            place.question_id if place is not None else None,
            begun.run_key,
        )
        question = begun.found.question
        return start_run_for(target=begun.target, model=model, question=question, history=begun.history, by=by).id


def _look(begun: BegunAnswer, run_id: UUID) -> _Seen:
    with tenant_scope(begun.target.owner_id), transaction.atomic():
        TeamRun.objects.filter(id=run_id).update(watched_at=clock.now())
        steps = TeamStep.objects.filter(run_id=run_id).exclude(kind__in=[NodeKind.INPUT, NodeKind.OUTPUT])
        found = tuple(steps.order_by("id").values_list("id", "name", "state"))
        return _Seen(RunState(TeamRun.objects.values_list("state", flat=True).get(id=run_id)), found)


def _help(begun: BegunAnswer, run_id: UUID) -> bool:
    """Work on a step of the run that no worker has taken; whether there was one."""
    with tenant_scope(begun.target.owner_id):
        queued = TeamStep.objects.filter(run_id=run_id, state=StepState.QUEUED)
        ids = [str(one) for one in queued.values_list("id", flat=True)]
    delivery_id = outbox.claim_long_running(field="step_id", values=ids) if ids else None
    if delivery_id is not None:
        outbox.deliver_long_running(delivery_id)
    return delivery_id is not None


def _cancel(begun: BegunAnswer, run_id: UUID) -> None:
    with tenant_scope(begun.target.owner_id), transaction.atomic():
        run = TeamRun.objects.select_for_update().get(id=run_id)
        run.is_told = True
        if RunState(run.state).is_open:
            close_run(run, RunState.CANCELLED, "Nobody waits for it any more.")
        else:
            run.save(update_fields=["is_told"])


def _told(begun: BegunAnswer, progress: Progress, run_id: UUID) -> str:
    """The words that end the answer; what they rest on and what they cost is noted in `progress`."""
    with tenant_scope(begun.target.owner_id), transaction.atomic():
        run = TeamRun.objects.select_for_update(of=("self",)).get(id=run_id)
        steps = list(TeamStep.objects.filter(run=run).order_by("id"))
        is_open = RunState(run.state).is_open
        _note_cost(run, steps, progress)
        run.is_told = not is_open
        run.save(update_fields=["asked", "is_told"])
    progress.steps += [_traced(step, is_open=begun.rules.is_open) for step in steps if step.kind not in _ENDS]
    if is_open:
        return _waiting(begun, progress, run, steps)
    if run.state != RunState.SUCCEEDED:
        problem = run.problem if begun.rules.is_open else "The team could not finish its work. Ask again."
        raise InvalidInput("team_failed", problem or "The team has given no answer.")
    progress.finish = FinishReason.STOP
    text, progress.members = _with_sources(run.output, steps)
    return text


def _waiting(begun: BegunAnswer, progress: Progress, run: TeamRun, steps: Sequence[TeamStep]) -> str:
    is_working = run.state != RunState.WAITING
    if begun.place is None and (is_working or begun.actor.user_id is None):
        _cancel(begun, run.id)
        reason = "the time of the budget is over" if is_working else "nobody is there to decide what it waits for"
        progress.finish, progress.problem = FinishReason.LENGTH, f"Cut off: {reason}."
        return f"The team did not finish: {reason}."
    progress.finish = FinishReason.OPEN
    names = [step.name for step in steps if step.state in (StepState.WAITING, StepState.UNCERTAIN)]
    said = "The team is still at work."
    if names:
        said = f"The team waits for a person's decision: {', '.join(names)}."
    return f"{said} The answer comes here when it is there." if begun.place is not None else said


def _note_cost(run: TeamRun, steps: Sequence[TeamStep], progress: Progress) -> None:
    """What was used since it was last counted."""
    before = run.asked.get("counted", [0, 0])
    now = [sum(step.prompt_tokens for step in steps), sum(step.completion_tokens for step in steps)]
    progress.prompt_tokens, progress.completion_tokens = now[0] - before[0], now[1] - before[1]
    run.asked = {**run.asked, "counted": now}


def _traced(step: TeamStep, *, is_open: bool) -> Step:
    """A step for the trace; what was said inside the team is its owner's business."""
    inside = {"asked": step.input[:2000], "said": step.output[:2000], "problem": step.problem} if is_open else {}
    told = {name: value for name, value in inside.items() if value}
    return Step("team", step.name, round(step.seconds, 3), {"state": step.state, **told})


def _with_sources(text: str, steps: Sequence[TeamStep]) -> tuple[str, tuple[Source, ...]]:
    """The output with what it cites. Marks stay where they are one member's own; else they could mean two passages."""
    outputs = [step for step in steps if step.kind == NodeKind.OUTPUT and step.state == StepState.SUCCEEDED]
    cited = [raw for step in outputs for raw in step.sources]
    is_one = len(outputs) == 1 and len(outputs[0].arrivals) <= 1 and bool(cited)
    if is_one:
        return text, tuple(Source.from_json(raw) for raw in cited)
    everything = cited or [raw for step in steps if step.kind in _SPEAKING for raw in step.sources]
    found = {raw["chunk_id"]: Source.from_json(raw) for raw in everything}
    numbered = tuple(replace(source, number=number) for number, source in enumerate(found.values(), start=1))
    return _MARK.sub("", text), numbered


_ENDS = (NodeKind.INPUT, NodeKind.OUTPUT)
_SPEAKING = (NodeKind.AGENT, NodeKind.SUPERVISOR)
