"""Question sets, evaluations and what stands between a draft and its gate."""

from __future__ import annotations

from uuid import UUID

from apps.agents.errors import AgentNotFound
from apps.agents.evaluating import shortfalls
from apps.agents.models import Agent, EvaluationResult, EvaluationRun, EvaluationSet
from apps.agents.policies import require
from apps.agents.types import AgentConfig, AgentsPermission, EvaluationInfo, EvaluationState
from apps.core.errors import NotFound
from apps.tenancy.types import Actor

NAMED_CASES = 5


def evaluation_sets(actor: Actor) -> list[EvaluationSet]:
    """The organisation's question sets, newest first."""
    require(actor, AgentsPermission.VIEW)
    return list(EvaluationSet.objects.all()[:200])


def get_set(actor: Actor, set_id: UUID) -> EvaluationSet:
    """The row. Raises NotFound."""
    require(actor, AgentsPermission.VIEW)
    row = EvaluationSet.objects.filter(id=set_id).first()
    if row is None:
        raise NotFound("evaluation_set_not_found", "There is no such question set.", set_id=str(set_id))
    return row


def evaluations(actor: Actor, agent_id: UUID) -> list[EvaluationInfo]:
    """The last 50 evaluations of an agent, newest first."""
    require(actor, AgentsPermission.VIEW)
    if not Agent.objects.filter(id=agent_id).exists():
        raise AgentNotFound(str(agent_id))
    return [evaluation_info(row) for row in EvaluationRun.objects.filter(agent_id=agent_id).order_by("-id")[:50]]


def evaluation(actor: Actor, agent_id: UUID, run_id: UUID) -> EvaluationInfo:
    """One evaluation with its progress. Raises NotFound."""
    return evaluation_info(get_run(actor, agent_id, run_id))


def evaluation_results(actor: Actor, agent_id: UUID, run_id: UUID) -> list[EvaluationResult]:
    """What each case came to so far."""
    return list(EvaluationResult.objects.filter(run=get_run(actor, agent_id, run_id)).order_by("number"))


def get_run(actor: Actor, agent_id: UUID, run_id: UUID) -> EvaluationRun:
    """The row. Raises NotFound."""
    require(actor, AgentsPermission.VIEW)
    row = EvaluationRun.objects.filter(id=run_id, agent_id=agent_id).first()
    if row is None:
        raise NotFound("evaluation_not_found", "There is no such evaluation.", run_id=str(run_id))
    return row


def gate_problems(row: Agent, config: AgentConfig) -> list[str]:
    """Why the draft may not be published by its own checks; nothing where they hold or there are none."""
    checks = config.checks
    if checks.evaluation_set_id is None or not checks.required:
        return []
    run = _last_run(row, config)
    if run is None:
        return ["Evaluate the draft as it is now: its checks ask for that before publishing."]
    missed = shortfalls(checks, run.figures)
    if not missed:
        return []
    failing = EvaluationResult.objects.filter(run=run).exclude(problems=[]).order_by("number")
    named = [f"“{one.question[:60]}” {one.problems[0]}" for one in failing[:NAMED_CASES]]
    return [f"The evaluation falls short. {'; '.join(missed)}. {'; '.join(named)}."]


def _last_run(row: Agent, config: AgentConfig) -> EvaluationRun | None:
    """The newest finished evaluation of the draft as it is now, over its checks' set."""
    runs = EvaluationRun.objects.filter(
        agent=row,
        evaluation_set_id=config.checks.evaluation_set_id,
        config_hash=config.answering_digest(),
        state=EvaluationState.DONE,
    )
    return runs.order_by("-id").first()


def evaluation_info(row: EvaluationRun) -> EvaluationInfo:
    """An evaluation as a plain value."""
    return EvaluationInfo(
        row.id,
        row.agent_id,
        row.evaluation_set_id,
        EvaluationState(row.state),
        len(row.cases),
        EvaluationResult.objects.filter(run=row).count(),
        row.figures,
        row.config_hash,
        row.created_at,
        row.ended_at,
    )
