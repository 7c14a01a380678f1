"""Use cases: make a team, change its draft, release a version."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils.text import slugify

from apps.agents.models import Team, TeamVersion
from apps.agents.policies import require
from apps.agents.selectors.teams import check, get_team, pins, team_info
from apps.agents.teams.facts import Check, TeamInfo, TeamVersionInfo
from apps.agents.teams.types import MAX_EDGES, MAX_NODES, Edge, Graph, Node, NodeKind
from apps.agents.types import AgentsPermission
from apps.core.errors import Conflict, FieldProblem, InvalidInput
from apps.core.ids import uuid7
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

LIMITS = {"tokens": (100, 1_000_000), "tool_calls": (0, 1000), "minutes": (1, 10_080)}

EMPTY = Graph(
    (Node("input", NodeKind.INPUT, "Question"), Node("output", NodeKind.OUTPUT, "Answer")),
    (Edge("input", "output"),),
)


@dataclass(frozen=True)
class TeamChanges:
    """What shall be different; None leaves it as it is."""

    name: str | None = None
    job: str | None = None
    graph: Graph | None = None
    tokens: int | None = None
    tool_calls: int | None = None
    minutes: int | None = None


def create_team(*, actor: Actor, name: str, job: str = "", graph: Graph = EMPTY, template: str = "") -> TeamInfo:
    """A team with a draft that may still be incomplete."""
    require(actor, AgentsPermission.CREATE)
    team_id = uuid7()
    row = Team(id=team_id, tenant_id=actor.organisation_id, template=template)
    row.slug = f"{slugify(name)[:80] or 'team'}-{team_id.hex[-8:]}"
    _apply(row, TeamChanges(name=name, job=job, graph=graph))
    with transaction.atomic():
        row.save(force_insert=True)
        record_audit(actor, action="team.created", target_type="team", target_id=row.id, detail={"name": row.name})
    return team_info(row)


def update_team(*, actor: Actor, team_id: UUID, changes: TeamChanges, revision: int | None = None) -> TeamInfo:
    """Change the draft. Runs that have begun keep the graph that they began with.

    Args:
        revision: the one that the caller has seen; a change on top of another's is refused.

    Raises:
        TeamNotFound: the team is not the actor's.
        InvalidInput: with one line a bad field; nothing is changed then.
        Conflict: somebody else has changed it meanwhile.
    """
    with transaction.atomic():
        get_team(actor, team_id, AgentsPermission.EDIT)
        row = Team.objects.select_for_update(of=("self",)).select_related("current_version").get(id=team_id)
        if revision is not None and revision != row.revision:
            message = "Somebody else has changed this team meanwhile. Look at it again, then repeat your change."
            raise Conflict("team_changed", message, revision=row.revision)
        _apply(row, changes)
        row.revision += 1
        row.save()
        record_audit(actor, action="team.changed", target_type="team", target_id=row.id, detail={"name": row.name})
    return team_info(row)


def publish_team(*, actor: Actor, team_id: UUID) -> TeamVersionInfo:
    """Freeze the draft as the next version, each agent at its present version; an unchanged draft gives the old one.

    Raises:
        TeamNotFound: the team is not the actor's.
        InvalidInput: `team_not_sound`, with what is wrong node by node.
    """
    with transaction.atomic():
        get_team(actor, team_id, AgentsPermission.PUBLISH)
        row = Team.objects.select_for_update(of=("self",)).select_related("current_version").get(id=team_id)
        graph = Graph.from_json(row.graph)
        require_sound(check(actor, graph, for_publishing=True))
        agents, current = pins(actor, graph), row.current_version
        settings = {name: getattr(row, name) for name in ("name", "job", "graph", "tokens", "tool_calls", "minutes")}
        if (
            current is None
            or (current.digest, current.agents) != (graph.digest(), agents)
            or any(getattr(current, name) != value for name, value in settings.items())
        ):
            last = TeamVersion.objects.filter(team=row).aggregate(last=Max("number"))["last"] or 0
            current = TeamVersion.objects.create(
                tenant_id=row.tenant_id, team=row, number=last + 1, agents=agents, digest=graph.digest(), **settings
            )
            row.current_version = current
            row.save()
            detail = {"number": current.number, "digest": current.digest}
            record_audit(actor, action="team.published", target_type="team", target_id=row.id, detail=detail)
    return TeamVersionInfo(current.id, current.number, current.digest, current.agents, current.created_at)


def require_sound(found: Check) -> None:
    """Refuse a graph that cannot run; each problem names its node and field."""
    if found.is_sound:
        return
    problems: list[FieldProblem] = [
        {"field": f"nodes.{one.node}.{one.field}" if one.node else one.field, "message": one.message}
        for one in found.problems
    ]
    raise InvalidInput("team_not_sound", f"This team cannot run yet: {problems[0]['message']}", errors=problems)


def _apply(row: Team, changes: TeamChanges) -> None:
    problems = [*_set_texts(row, changes), *_set_numbers(row, changes)]
    if changes.graph is not None:
        if len(changes.graph.nodes) > MAX_NODES or len(changes.graph.edges) > MAX_EDGES:
            message = f"A team has at most {MAX_NODES} nodes and {MAX_EDGES} connections."
            problems.append({"field": "graph", "message": message})
        row.graph = changes.graph.as_json()
    if problems:
        raise InvalidInput("invalid_team", "Some fields are not valid.", errors=problems)


def _set_texts(row: Team, changes: TeamChanges) -> list[FieldProblem]:
    problems: list[FieldProblem] = []
    if changes.name is not None:
        row.name = " ".join(changes.name.replace("\x00", "").split())
        if not 1 <= len(row.name) <= 80:
            problems.append({"field": "name", "message": "Write 1 to 80 characters."})
    if changes.job is not None:
        row.job = changes.job.replace("\x00", "").strip()
        if len(row.job) > 300:
            problems.append({"field": "job", "message": "Write at most 300 characters."})
    return problems


def _set_numbers(row: Team, changes: TeamChanges) -> list[FieldProblem]:
    problems: list[FieldProblem] = []
    for field, (low, high) in LIMITS.items():
        value = getattr(changes, field)
        if value is None:
            continue
        setattr(row, field, value)
        if not low <= value <= high:
            problems.append({"field": field, "message": f"Choose a number from {low} to {high}."})
    return problems
