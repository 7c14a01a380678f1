"""Use cases: keep a question set, run a draft over it as a durable job."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.agents.errors import AgentNotFound
from apps.agents.evaluating import ATTACKS, Case, figures_of, is_cited, problems_of, read_cases
from apps.agents.events import EvaluationQueued
from apps.agents.models import Agent, AgentVersion, EvaluationResult, EvaluationRun, EvaluationSet
from apps.agents.policies import require
from apps.agents.selectors.agents import config_of, get_agent
from apps.agents.selectors.evaluations import evaluation_info, get_run, get_set
from apps.agents.services.answering import answer
from apps.agents.services.budgets import cost_micro_usd
from apps.agents.types import (
    AgentConfig,
    AgentsPermission,
    Answer,
    ChatTarget,
    EvaluationInfo,
    EvaluationState,
    FinishReason,
)
from apps.core import clock, outbox
from apps.core.errors import Conflict, DomainError, InvalidInput
from apps.core.tenant import current_tenant_id, tenant_scope
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor


def save_evaluation_set(*, actor: Actor, name: str, cases: list[Any], set_id: UUID | None = None) -> EvaluationSet:
    """Keep a question set, or change one; evaluations that were made keep the cases they were made with.

    Raises:
        InvalidInput: with one line a bad case.
        NotFound: there is no such set.
    """
    require(actor, AgentsPermission.CREATE)
    name = " ".join(name.replace("\x00", "").split())[:120]
    read, problems = read_cases(cases)
    if not name:
        problems.append({"field": "name", "message": "Give it a name."})
    if problems:
        raise InvalidInput("invalid_evaluation_set", "Some cases are not valid.", errors=problems)
    plain = [case.model_dump(mode="json") for case in read]
    with transaction.atomic():
        if set_id is None:
            return EvaluationSet.objects.create(tenant_id=actor.organisation_id, name=name, cases=plain)
        row = get_set(actor, set_id)
        row.name, row.cases = name, plain
        row.save()
        return row


def delete_evaluation_set(*, actor: Actor, set_id: UUID) -> None:
    """Delete a set with the evaluations that were made with it: their questions are the set's. A draft that has it
    without waiting for it has none from then on.

    Raises:
        NotFound: the set is not the actor's.
        Conflict: an agent's publishing waits for it.
    """
    require(actor, AgentsPermission.EDIT)
    with transaction.atomic():
        row = get_set(actor, set_id)
        users = Agent.objects.select_for_update(of=("self",)).filter(checks__evaluation_set_id=str(set_id))
        waiting = [agent.name for agent in users.order_by("id") if agent.checks.get("required", True)]
        if waiting:
            names = ", ".join(waiting[:5])
            message = f"Publishing waits for this set: {names}. Choose another one there first, or none."
            raise Conflict("evaluation_set_in_use", message, agents=waiting)
        for agent in users:
            agent.checks = {**agent.checks, "evaluation_set_id": None}
            agent.revision += 1
            agent.save(update_fields=["checks", "revision", "updated_at"])
        record_audit(
            actor,
            action="agent.evaluation_set_deleted",
            target_type="evaluation_set",
            target_id=row.id,
            detail={"name": row.name, "evaluations": row.runs.count()},
        )
        row.delete()


def start_evaluation(
    *, actor: Actor, agent_id: UUID, set_id: UUID | None = None, number: int | None = None
) -> EvaluationInfo:
    """Run the draft as it is now over a set (its checks' set where left out) and the built-in attacks.

    Args:
        number: run this version instead of the draft.

    Raises:
        AgentNotFound, NotFound: the agent or the set is not the actor's.
        InvalidInput: no set is given or chosen.
    """
    with transaction.atomic():
        row = get_agent(actor, agent_id, AgentsPermission.EDIT)
        config = config_of(row)
        chosen = set_id or config.checks.evaluation_set_id
        if number is not None:
            config = _config_of_version(row, number)
            chosen = chosen or config.checks.evaluation_set_id
        if chosen is None:
            message = "Choose a question set."
            raise InvalidInput("no_evaluation_set", message, errors=[{"field": "set_id", "message": message}])
        cases = [*get_set(actor, chosen).cases, *(case.model_dump(mode="json") for case in ATTACKS)]
        run = EvaluationRun.objects.create(
            tenant_id=row.tenant_id,
            agent=row,
            evaluation_set_id=chosen,
            config=config.as_json(),
            config_hash=config.answering_digest(),
            cases=cases,
            user_id=actor.user_id,
        )
        record_audit(actor, action="agent.evaluated", target_type="agent", target_id=row.id)
        outbox.publish(EvaluationQueued(run_id=run.id))
        return evaluation_info(run)


def cancel_evaluation(*, actor: Actor, agent_id: UUID, run_id: UUID) -> EvaluationInfo:
    """Stop an evaluation after the case it is at. Raises NotFound."""
    with transaction.atomic():
        require(actor, AgentsPermission.EDIT)
        row = get_run(actor, agent_id, run_id)
        EvaluationRun.objects.filter(id=row.id, state__in=[EvaluationState.QUEUED, EvaluationState.RUNNING]).update(
            state=EvaluationState.CANCELLED, ended_at=clock.now()
        )
        row.refresh_from_db()
        return evaluation_info(row)


def run_evaluation(run_id: UUID) -> None:
    """Ask each case that has no result yet. Begun again after a killed worker, it goes on where that one was."""
    run = EvaluationRun.objects.filter(id=run_id).first()
    if run is None:
        return
    EvaluationRun.objects.filter(id=run_id, state=EvaluationState.QUEUED).update(state=EvaluationState.RUNNING)
    config = AgentConfig.from_json(run.config)
    target = _target(run, config)
    known = set(EvaluationResult.objects.filter(run=run).values_list("number", flat=True))
    for number, raw in enumerate(run.cases, start=1):
        if number in known:
            continue
        if not EvaluationRun.objects.filter(id=run_id, state=EvaluationState.RUNNING).exists():
            return
        _ask(run, target, number, Case.model_validate(raw))
    with transaction.atomic():
        results = list(EvaluationResult.objects.filter(run=run))
        EvaluationRun.objects.filter(id=run_id, state=EvaluationState.RUNNING).update(
            state=EvaluationState.DONE, figures=figures_of(results), ended_at=clock.now()
        )


def _config_of_version(row: Agent, number: int) -> AgentConfig:
    version = AgentVersion.objects.filter(agent=row, number=number).first()
    if version is None:
        raise AgentNotFound(f"{row.id} version {number}")
    return config_of(version)


def _target(run: EvaluationRun, config: AgentConfig) -> ChatTarget:
    agent = Agent.objects.filter(id=run.agent_id).first()
    if agent is None:
        raise AgentNotFound(str(run.agent_id))
    return ChatTarget(agent.id, agent.tenant_id, agent.slug, config, None, agent.asset_id, None)


def _ask(run: EvaluationRun, target: ChatTarget, number: int, case: Case) -> None:
    """One case. An error that trying again may cure goes up, so that the job is tried again; others are its result."""
    actor = Actor.system(run.tenant_id)
    try:
        given = answer(actor=actor, target=target, question=case.question, history=()).answer
    except DomainError as error:
        if error.retryable:
            raise
        given = _failed(error.message)
    cost = cost_micro_usd(target.config, given.prompt_tokens, given.completion_tokens)
    try:
        with tenant_scope(current_tenant_id() or run.tenant_id), transaction.atomic():
            EvaluationResult.objects.create(
                tenant_id=run.tenant_id,
                run=run,
                number=number,
                is_attack=case.attack,
                question=case.question,
                answer=given.text,
                problems=problems_of(case, given, instruction=target.config.instruction, micro_usd=cost),
                is_cited=is_cited(case, given) if case.citation else None,
                tokens=given.prompt_tokens + given.completion_tokens,
                micro_usd=cost,
                seconds=given.seconds,
            )
    except IntegrityError:
        return  # another worker was faster


def _failed(message: str) -> Answer:
    return Answer(
        text=message,
        finish=FinishReason.FAILED,
        sources=(),
        label=None,
        is_supported=False,
        prompt_tokens=0,
        completion_tokens=0,
        seconds=0.0,
        first_token_s=None,
        problem=message,
    )
