"""Teams of the actor's organisation, their runs, and the agents that they may call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.agents.errors import AgentNotFound, LicenceRequired, TeamNotFound, TeamRunNotFound
from apps.agents.models import Agent, AgentVersion, Connection, Team, TeamRun, TeamStep, TeamVersion
from apps.agents.policies import require
from apps.agents.selectors.access import access_to, documents_of, published_target, usable_agents
from apps.agents.selectors.agents import draft_target, version_info
from apps.agents.selectors.parts import connection_info
from apps.agents.teams import checking
from apps.agents.teams.facts import AgentChoice, Check, RunInfo, StepInfo, TeamInfo, TeamVersionInfo
from apps.agents.teams.types import Graph, GraphProblem, NodeKind, RunState, StepState
from apps.agents.types import AgentsPermission, AgentState, ChatTarget, ConnectionInfo, ConnectionKind
from apps.core.tenant import tenant_scope
from apps.knowledge import selectors as knowledge
from apps.tenancy.types import Actor


def team_rows(actor: Actor) -> QuerySet[Team]:
    """The teams of the actor's organisation, newest first, for cursor pages."""
    require(actor, AgentsPermission.VIEW)
    return Team.objects.select_related("current_version")


def teams(actor: Actor) -> list[TeamInfo]:
    """The teams of the actor's organisation, newest first."""
    return [team_info(row) for row in team_rows(actor)]


def team(actor: Actor, team_id: UUID) -> TeamInfo:
    """One team with its draft. Raises TeamNotFound."""
    return team_info(get_team(actor, team_id, AgentsPermission.VIEW))


def team_versions(actor: Actor, team_id: UUID) -> list[TeamVersionInfo]:
    """The released versions, newest first."""
    row = get_team(actor, team_id, AgentsPermission.VIEW)
    found = TeamVersion.objects.filter(team=row).order_by("-number")
    return [TeamVersionInfo(one.id, one.number, one.digest, one.agents, one.created_at) for one in found]


def get_team(actor: Actor, team_id: UUID, permission: AgentsPermission) -> Team:
    """The row, after the permission check."""
    row = Team.objects.select_related("current_version").filter(id=team_id).first()
    if row is None:
        raise TeamNotFound
    require(actor, permission, row)
    return row


def team_info(row: Team) -> TeamInfo:
    """A team row as a plain value."""
    current = row.current_version
    graph = Graph.from_json(row.graph)
    return TeamInfo(
        id=row.id,
        slug=row.slug,
        template=row.template,
        name=row.name,
        job=row.job,
        graph=graph,
        tokens=row.tokens,
        tool_calls=row.tool_calls,
        minutes=row.minutes,
        revision=row.revision,
        current_version=current.number if current is not None else None,
        has_unpublished_changes=current is None or current.digest != graph.digest(),
        created_at=row.created_at,
    )


def run_rows(actor: Actor, team_id: UUID) -> QuerySet[TeamRun]:
    """The runs of a team, newest first."""
    row = get_team(actor, team_id, AgentsPermission.VIEW)
    return TeamRun.objects.filter(team=row).select_related("team", "version")


def team_run(actor: Actor, run_id: UUID) -> RunInfo:
    """A run with its steps. Raises TeamRunNotFound."""
    require(actor, AgentsPermission.VIEW)
    row = TeamRun.objects.select_related("team", "version").filter(id=run_id).first()
    if row is None:
        raise TeamRunNotFound
    return run_info(row, with_steps=True)


def run_info(row: TeamRun, *, with_steps: bool = False) -> RunInfo:
    """A run row as a plain value."""
    steps = TeamStep.objects.filter(run=row).order_by("id") if with_steps else ()
    return RunInfo(
        id=row.id,
        team_id=row.team_id,
        team_name=row.team.name,
        version=row.version.number if row.version is not None else None,
        question=row.question,
        state=RunState(row.state),
        output=row.output,
        problem=row.problem,
        tokens=row.tokens,
        spent_tokens=row.spent_tokens,
        expires_at=row.expires_at,
        created_at=row.created_at,
        ended_at=row.ended_at,
        graph=Graph.from_json(row.graph),
        steps=tuple(_step(step) for step in steps),
    )


def _step(row: TeamStep) -> StepInfo:
    return StepInfo(
        id=row.id,
        parent_id=row.parent_id,
        node=row.node,
        kind=NodeKind(row.kind),
        name=row.name,
        agent=row.agent,
        state=StepState(row.state),
        attempt=row.attempt,
        input=row.input,
        output=row.output,
        label=row.label,
        choice=row.choice,
        sources=tuple(row.sources),
        tokens=row.prompt_tokens + row.completion_tokens,
        seconds=row.seconds,
        problem=row.problem,
        problem_code=row.problem_code,
        approval=row.approval,
        begun_at=row.begun_at,
        ended_at=row.ended_at,
    )


def agent_choices(actor: Actor) -> list[AgentChoice]:
    """The agents that a team may call: the organisation's own ones, and published ones that it may use."""
    own = [
        AgentChoice(
            slug=row.slug,
            name=row.name,
            job=row.job,
            is_own=True,
            is_published=row.current_version_id is not None,
            knowledge_base_ids=tuple(row.knowledge_base_ids),
        )
        for row in Agent.objects.order_by("name", "id")
    ]
    slugs = {choice.slug for choice in own}
    others = [one for one in usable_agents(actor) if one.slug not in slugs]
    return own + [AgentChoice(one.slug, one.name, one.job, is_own=False, is_published=True) for one in others]


def check(actor: Actor, graph: Graph, *, for_publishing: bool = False) -> Check:
    """What keeps the graph from running (or from being published) in the actor's organisation."""
    found = checking.problems(graph)
    choices = {choice.slug: choice for choice in agent_choices(actor)}
    for node in graph.nodes:
        for slug in node.agents:
            message = _agent_problem(actor, choices.get(slug), slug, for_publishing=for_publishing)
            if message:
                found.append(GraphProblem(node.key, "agent" if slug == node.agent else "workers", message))
        if node.connection and node.kind is NodeKind.REMOTE and not _is_agent(node.connection):
            message = "There is no such foreign agent among the connections of this organisation."
            found.append(GraphProblem(node.key, "connection", message))
        if node.knowledge:
            found += _knowledge_problems(actor, node.key, node.knowledge)
    return Check(tuple(found))


def _is_agent(connection_id: str) -> bool:
    try:
        return Connection.objects.filter(id=UUID(connection_id), kind=ConnectionKind.AGENT).exists()
    except ValueError:
        return False


def foreign_agents(actor: Actor) -> list[ConnectionInfo]:
    """The foreign agents that a team may ask: the organisation's connections of that kind."""
    require(actor, AgentsPermission.VIEW)
    return [connection_info(row) for row in Connection.objects.filter(kind=ConnectionKind.AGENT).order_by("name")]


def _agent_problem(actor: Actor, choice: AgentChoice | None, slug: str, *, for_publishing: bool) -> str:
    if Agent.objects.filter(slug=slug, model__kind="team").exists():
        return f"{slug} is a team itself; a team calls agents."
    if choice is None:
        try:
            access_to(actor, slug)
        except LicenceRequired as error:
            return error.message
        except AgentNotFound:
            return f"There is no agent {slug} that this organisation may use."
        return ""
    if for_publishing and not choice.is_published:
        return f"Publish {choice.name} first: a published team calls published agents."
    return ""


def _knowledge_problems(actor: Actor, key: str, ids: tuple[str, ...]) -> list[GraphProblem]:
    known = {str(base.id) for base in knowledge.knowledge_bases(actor)}
    return [
        GraphProblem(key, "knowledge", f"There is no knowledge base {one} in this organisation.")
        for one in ids
        if one not in known
    ]


def pins(actor: Actor, graph: Graph) -> dict[str, Any]:
    """The version of each agent that a run calls, by slug; None is the newest (a draft, where it has no other)."""
    found: dict[str, Any] = {}
    own = {row.slug: row for row in Agent.objects.filter(slug__in=graph.agents)}
    for slug in graph.agents:
        if slug in own:
            version_id = own[slug].current_version_id
            found[slug] = str(version_id) if version_id is not None else None
        else:
            found[slug] = str(access_to(actor, slug).version_id)
    return found


def step_target(actor: Actor, slug: str, agents: Mapping[str, Any]) -> ChatTarget:
    """What a step calls. Whether the organisation may use the agent is asked anew at each step.

    Raises:
        AgentNotFound, LicenceRequired: it may not (any more).
    """
    pinned = agents.get(slug)
    with tenant_scope(actor.organisation_id):
        own = Agent.objects.filter(slug=slug).first()
        if own is not None and pinned is None:
            return draft_target(actor, own.id)
    if own is not None and own.state == AgentState.PAUSED:
        raise AgentNotFound(slug)
    current = published_target(actor, slug)
    if pinned is None or current.version is None or str(current.version.id) == pinned:
        return current
    return _pinned(current, UUID(str(pinned)))


def _pinned(current: ChatTarget, version_id: UUID) -> ChatTarget:
    """An earlier version of the agent, with the documents of its time."""
    with tenant_scope(current.owner_id):
        version = version_info(AgentVersion.objects.get(id=version_id, agent_id=current.agent_id))
        documents = documents_of(current.owner_id, version)
    return ChatTarget(
        agent_id=current.agent_id,
        owner_id=current.owner_id,
        slug=current.slug,
        config=version.config,
        version=version,
        asset_id=current.asset_id,
        document_ids=documents,
    )
