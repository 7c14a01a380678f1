"""Use cases: put a team behind an agent, and begin the runs that answer its callers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from apps.agents.errors import GrantExceeded
from apps.agents.models import Agent, TeamRun, TeamVersion
from apps.agents.policies import require
from apps.agents.selectors.agents import agent_info
from apps.agents.selectors.teams import check, get_team
from apps.agents.services.create_agent import free_slug
from apps.agents.services.edit_agent import AgentChanges, update_agent
from apps.agents.services.teams.advance import Advance
from apps.agents.services.teams.edit import publish_team, require_sound
from apps.agents.services.teams.runs import DEPTH
from apps.agents.specs import Budget, Extras, TeamModel
from apps.agents.teams.grants import Grant
from apps.agents.teams.templates import BY_KEY
from apps.agents.teams.types import Graph
from apps.agents.types import AgentInfo, AgentsPermission, AnswerMode, ChatTarget, Turn
from apps.core import clock
from apps.core.errors import InvalidInput
from apps.core.ids import uuid7
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

MOST_SECONDS = 1_800
HISTORY_TURNS = 6


@dataclass(frozen=True)
class AskedBy:
    """Who asks a team's agent, and where the answer goes.

    Attributes:
        reader_id: the organisation that reads it.
        conversation_id, question_id: the stored conversation; None where the caller keeps it.
        key: by which the run is found again.
    """

    actor: Actor
    reader_id: UUID
    conversation_id: UUID | None
    question_id: UUID | None
    key: str


def team_as_agent(*, actor: Actor, team_id: UUID) -> AgentInfo:
    """Release the team's draft and put that version behind an agent's draft: the team's agent, or a new one. It is
    published like any other agent, after its evaluation where it has one.

    Raises:
        TeamNotFound: the team is not the actor's.
        InvalidInput: `team_not_sound`, with what is wrong node by node.
    """
    require(actor, AgentsPermission.CREATE)
    version = publish_team(actor=actor, team_id=team_id)
    team = get_team(actor, team_id, AgentsPermission.PUBLISH)
    model = TeamModel(team_id=team_id, version_id=version.id)
    known = Agent.objects.filter(model__kind="team", model__team_id=str(team_id)).order_by("id").first()
    if known is not None:
        changes = AgentChanges(model=model.model_dump(mode="json"))
        return update_agent(actor=actor, agent_id=known.id, changes=changes)
    budget = Budget(max_tokens=max(64, team.tokens), max_seconds=min(MOST_SECONDS, team.minutes * 60))
    template = BY_KEY.get(team.template)
    agent_id = uuid7()
    with transaction.atomic():
        row = Agent.objects.create(
            id=agent_id,
            tenant_id=actor.organisation_id,
            slug=free_slug(team.name, agent_id),
            name=team.name,
            job=team.job or f"Answers by the team {team.name}."[:300],
            instruction=f"The members of the team {team.name} answer.",
            mode=AnswerMode.GENERATE,
            starters=[template.starter] if template is not None and template.starter else [],
            **Extras(model=model, budget=budget).stored(),
        )
        detail = {"team": str(team_id), "name": row.name}
        record_audit(actor, action="agent.created", target_type="agent", target_id=row.id, detail=detail)
    return agent_info(row)


def start_run_for(
    *, target: ChatTarget, model: TeamModel, question: str, history: Sequence[Turn], by: AskedBy
) -> TeamRun:
    """Begin a run of the version behind an agent, in its owner's organisation (whose scope is entered): never for more
    than the caller's grant and the agent's budget allow.

    Raises:
        GrantExceeded: the chain of agents is too deep.
        InvalidInput: the version is gone, or cannot run any more.
    """
    owner = Actor.system(target.owner_id)
    version = TeamVersion.objects.select_related("team").filter(id=model.version_id, team_id=model.team_id).first()
    if version is None:
        raise InvalidInput("team_not_found", "The team behind this agent is not there any more.")
    graph = Graph.from_json(version.graph)
    require_sound(check(owner, graph))
    expires_at = clock.now() + timedelta(minutes=version.minutes)
    allowed = min(version.tokens, target.config.budget.max_tokens)
    wanted = Grant(tokens=allowed, tool_calls=version.tool_calls, expires_at=expires_at)
    deepest = Grant(depth=DEPTH + 1) if target.grant.depth is None else Grant()
    granted = target.grant.narrow(deepest).delegate(wanted)
    if not granted.tokens:
        raise GrantExceeded("budget_exceeded", "The token budget is spent.")
    is_own = by.actor.organisation_id == target.owner_id
    with transaction.atomic():
        run = TeamRun.objects.create(
            tenant_id=target.owner_id,
            team=version.team,
            version=version,
            user_id=by.actor.user_id if is_own else None,
            question=question,
            graph=version.graph,
            agents=version.agents,
            # Tokens are divided among the steps by the run itself.
            grant={name: value for name, value in granted.as_json().items() if name != "tokens"},
            tokens=granted.tokens,
            expires_at=granted.expires_at or expires_at,
            reader_id=by.reader_id,
            asked=_asked(target, history, by),
            key=by.key,
            watched_at=clock.now(),
        )
        Advance(run).start()
    return run


def _asked(target: ChatTarget, history: Sequence[Turn], by: AskedBy) -> dict[str, object]:
    """What telling the answer later needs; plain JSON."""
    return {
        "agent_id": str(target.agent_id),
        "slug": target.slug,
        "is_draft": target.is_test,
        "organisation_id": str(by.actor.organisation_id),
        "user_id": str(by.actor.user_id) if by.actor.user_id is not None else None,
        "is_guest": by.actor.is_guest,
        "conversation_id": str(by.conversation_id) if by.conversation_id is not None else None,
        "question_id": str(by.question_id) if by.question_id is not None else None,
        "history": [[turn.role, turn.text] for turn in history[-HISTORY_TURNS:]],
    }
