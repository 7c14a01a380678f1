"""Use cases: start a run, cancel it, decide what waits, try a failed one again, end what takes too long."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.agents.errors import TeamRunNotFound
from apps.agents.models import Team, TeamRun, TeamStep
from apps.agents.policies import require
from apps.agents.selectors.teams import check, get_team, pins, run_info
from apps.agents.services.approvals import decide_call
from apps.agents.services.effects import settle_effect
from apps.agents.services.teams.advance import Advance
from apps.agents.services.teams.edit import require_sound
from apps.agents.services.teams.steps import lock
from apps.agents.teams.facts import RunInfo
from apps.agents.teams.flow import approval_way
from apps.agents.teams.grants import Grant
from apps.agents.teams.types import OPEN_STEPS, Graph, NodeKind, RunState, StepState
from apps.agents.types import AgentsPermission
from apps.core import clock
from apps.core.errors import Conflict, InvalidInput
from apps.core.tenant import all_tenants, tenant_scope
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

MAX_QUESTION = 8000
DEPTH = 3
"""Levels of delegation of a run: the step's agent, what it calls, and what that calls."""
DUE_AT_ONCE = 50


def start_run(*, actor: Actor, team_id: UUID, question: str, of_version: bool = False) -> RunInfo:
    """Begin a run of the draft, or of the released version.

    Raises:
        TeamNotFound: the team is not the actor's.
        InvalidInput: the question is empty or too long, or the team cannot run (`errors` says why, node by node).
        Conflict: there is no version yet.
    """
    question = question.replace("\x00", "").strip()
    if not 1 <= len(question) <= MAX_QUESTION:
        message = f"Write a question of 1 to {MAX_QUESTION:,} characters."
        raise InvalidInput("invalid_question", message, errors=[{"field": "question", "message": message}])
    with transaction.atomic():
        row = get_team(actor, team_id, AgentsPermission.CHAT)
        version = row.current_version if of_version else None
        if of_version and version is None:
            raise Conflict("team_not_published", "This team has no released version yet.")
        source: Team | Any = version if version is not None else row
        graph = Graph.from_json(source.graph)
        require_sound(check(actor, graph))
        expires_at = clock.now() + timedelta(minutes=source.minutes)
        run = TeamRun.objects.create(
            tenant_id=row.tenant_id,
            team=row,
            version=version,
            user_id=actor.user_id,
            question=question,
            graph=source.graph,
            agents=version.agents if version is not None else pins(actor, graph),
            grant=Grant(tool_calls=source.tool_calls, depth=DEPTH, expires_at=expires_at).as_json(),
            tokens=source.tokens,
            expires_at=expires_at,
        )
        Advance(run).start()
        record_audit(actor, action="team.run", target_type="team", target_id=row.id, detail={"run": str(run.id)})
    return run_info(run, with_steps=True)


def cancel_run(*, actor: Actor, run_id: UUID) -> RunInfo:
    """End a run. What a worker is doing right now is thrown away when it comes to its end."""
    with transaction.atomic():
        run = _lock(actor, run_id, AgentsPermission.CHAT)
        if RunState(run.state).is_open:
            close_run(run, RunState.CANCELLED, "Stopped.")
    return run_info(run, with_steps=True)


def retry_run(*, actor: Actor, run_id: UUID, more_tokens: int = 0) -> RunInfo:
    """Go on with a failed run where it failed: only the failed steps are begun again.

    Args:
        more_tokens: raises the budget first.

    Raises:
        Conflict: it has not failed.
    """
    with transaction.atomic():
        run = _lock(actor, run_id, AgentsPermission.CHAT)
        failed = list(TeamStep.objects.filter(run=run, state=StepState.FAILED).select_related("parent").order_by("id"))
        if run.state != RunState.FAILED or not failed:
            raise Conflict("run_not_failed", "Only a run that failed at a step can be tried again.")
        if not 0 <= more_tokens <= 1_000_000:
            message = "Choose a number from 0 to 1,000,000."
            raise InvalidInput("invalid_budget", message, errors=[{"field": "more_tokens", "message": message}])
        run.tokens += more_tokens
        run.state, run.problem, run.ended_at = RunState.RUNNING, "", None
        run.expires_at = max(run.expires_at, clock.now() + timedelta(minutes=run.team.minutes))
        run.grant = {**run.grant, "expires_at": run.expires_at.isoformat()}
        _renew_grants(run)
        advance = Advance(run)
        advance.queue([step for step in failed if step.parent_id is None])
        for step in failed:
            if step.parent is not None:
                advance.ask_for_worker(step, Grant.from_json(_renewed(step.grant, run)))
        for step in TeamStep.objects.filter(run=run, state=StepState.QUEUED).exclude(id__in=[one.id for one in failed]):
            advance.ask_for_worker(step)
        advance.conclude()
        detail = {"more_tokens": more_tokens}
        record_audit(actor, action="team.run_retried", target_type="team", target_id=run.team_id, detail=detail)
    return run_info(run, with_steps=True)


def decide_step(*, actor: Actor, step_id: UUID, approve: bool, text: str | None = None, seen: str = "") -> RunInfo:
    """A person approves or refuses what waits. The decision holds for exactly this text, by this person.

    Args:
        text: what shall go on instead (approvals only).
        seen: `approval_digest` of what the person has looked at; another one is refused.

    Raises:
        TeamRunNotFound: the step is not of the actor's organisation.
        Conflict: nothing waits there (any more), or it is not what the person has seen.
    """
    with transaction.atomic():
        run, step = _waiting(actor, step_id, StepState.WAITING)
        shown = what_is_decided(step.input, step.approval)
        if seen and seen != approval_digest(shown):
            raise Conflict("approval_changed", "This is not the text that you have looked at. Look again.")
        if text is not None and len(text) > 4 * MAX_QUESTION:
            raise InvalidInput("invalid_text", f"Write at most {4 * MAX_QUESTION:,} characters.")
        advance = Advance(run)
        if step.approval is not None and "call" in step.approval:
            _decide_call(actor, advance, step, approve=approve)
            return run_info(run, with_steps=True)
        step.approval = {
            "by": str(actor.user_id),
            "at": clock.now().isoformat(),
            "approved": approve,
            "text_sha256": approval_digest(shown),
        }
        action = "team.step_approved" if approve else "team.step_refused"
        detail = {"run": str(run.id), "node": step.node, "text_sha256": approval_digest(shown)}
        record_audit(actor, action=action, target_type="team", target_id=run.team_id, detail=detail)
        is_outside = step.kind in (NodeKind.SEND, NodeKind.REMOTE)
        if is_outside and approve:
            advance.queue([step])
            advance.conclude()
        else:
            _decided(advance, step, approve=approve, text=text)
    return run_info(run, with_steps=True)


def settle_step(*, actor: Actor, step_id: UUID, happened: bool, note: str = "") -> RunInfo:
    """A person has looked whether a side effect took place: go on with it, or make it again.

    Raises:
        TeamRunNotFound, Conflict: as `decide_step`.
    """
    with transaction.atomic():
        run, step = _waiting(actor, step_id, StepState.UNCERTAIN)
        asked = step.approval or {}
        if "effect" in asked:
            settle_effect(
                organisation_id=UUID(asked["effect_owner"]),
                effect_id=UUID(asked["effect"]),
                user_id=actor.user_id,
                happened=happened,
                result={"answer": note or "It took effect, as a person found."},
            )
        detail = {"run": str(run.id), "node": step.node, "happened": happened}
        record_audit(actor, action="team.effect_settled", target_type="team", target_id=run.team_id, detail=detail)
        advance = Advance(run)
        advance.ask_for_worker(step)
        advance.conclude()
    return run_info(run, with_steps=True)


def end_due_runs() -> int:
    """End runs whose time is over. Returns how many."""
    with all_tenants(reason="every organisation's runs end in time"):
        open_states = [RunState.RUNNING, RunState.WAITING]
        due = TeamRun.objects.filter(state__in=open_states, expires_at__lte=clock.now())
        found = list(due.order_by("expires_at").values_list("id", "tenant_id")[:DUE_AT_ONCE])
    for run_id, tenant_id in found:
        with tenant_scope(tenant_id), transaction.atomic():
            run = TeamRun.objects.select_for_update().get(id=run_id)
            if RunState(run.state).is_open and run.expires_at <= clock.now():
                close_run(run, RunState.EXPIRED, "The time for this run is over.")
    return len(found)


def approval_digest(text: str) -> str:
    """What a decision is bound to."""
    return hashlib.sha256(text.encode()).hexdigest()


def what_is_decided(text: str, asked: dict[str, Any] | None) -> str:
    """What a person looks at: the text, or the tool and its arguments."""
    if asked is None or "call" not in asked:
        return text
    return f"{asked['tool']}\n{json.dumps(asked['arguments'], sort_keys=True, ensure_ascii=False, indent=2)}"


def _decide_call(actor: Actor, advance: Advance, step: TeamStep, *, approve: bool) -> None:
    """A tool's call within a step: the decision is kept with the call, and the step is begun again and finds it."""
    asked = dict(step.approval or {})
    # What an outsider asked the team waits for nobody in particular: whoever may approve for the team decides.
    decider = replace(actor, user_id=None) if advance.run.asked and advance.run.user_id is None else actor
    record_audit(
        actor,
        action="team.call_approved" if approve else "team.call_refused",
        target_type="team",
        target_id=advance.run.team_id,
        detail={"run": str(advance.run.id), "tool": asked["tool"]},
    )
    with suppress(Conflict):  # it waited too long: the step asks anew
        decide_call(actor=decider, call_id=UUID(asked["call"]), approve=approve)
    step.approval = {key: value for key, value in asked.items() if key not in ("call", "tool", "arguments")}
    advance.ask_for_worker(step)
    advance.conclude()


def _decided(advance: Advance, step: TeamStep, *, approve: bool, text: str | None) -> None:
    step.output = step.input if text is None or not text.strip() else text.replace("\x00", "").strip()
    way = approval_way(advance.graph.out(step.node), is_approved=approve)
    step.choice = "approved" if approve else "refused"
    step.state, step.ended_at = StepState.SUCCEEDED, clock.now()
    if step.kind in (NodeKind.SEND, NodeKind.REMOTE):
        way, step.state = None, StepState.CANCELLED
    step.save()
    if way is None and not approve:
        run = advance.run
        close_run(run, RunState.CANCELLED, f"Refused at {step.name}.")
        return
    advance.follow(step, [way] if way is not None else [])


def close_run(run: TeamRun, state: RunState, problem: str) -> None:
    """End a locked run."""
    now = clock.now()
    TeamStep.objects.filter(run=run, state__in=OPEN_STEPS).update(state=StepState.CANCELLED, ended_at=now)
    run.state, run.problem, run.reserved_tokens = state, problem, 0
    Advance(run).conclude()


def _renew_grants(run: TeamRun) -> None:
    """A person lets the run go on: what was open when it failed has the new time too."""
    for step in TeamStep.objects.filter(run=run, state__in=OPEN_STEPS):
        step.grant = _renewed(step.grant, run)
        step.save(update_fields=["grant", "updated_at"])


def _renewed(grant: dict[str, Any], run: TeamRun) -> dict[str, Any]:
    return {**grant, "expires_at": run.expires_at.isoformat()}


def _lock(actor: Actor, run_id: UUID, permission: AgentsPermission) -> TeamRun:
    rows = TeamRun.objects.select_for_update(of=("self",)).select_related("team", "version")
    run = rows.filter(id=run_id).first()
    if run is None:
        raise TeamRunNotFound
    require(actor, permission, run.team)
    return run


def _waiting(actor: Actor, step_id: UUID, state: StepState) -> tuple[TeamRun, TeamStep]:
    if not TeamStep.objects.filter(id=step_id).exists():
        raise TeamRunNotFound
    run, step = lock(step_id)
    require(actor, AgentsPermission.APPROVE, run.team)
    if step.state != state or not RunState(run.state).is_open:
        raise Conflict("nothing_to_decide", "There is nothing to decide here any more.")
    return run, step
