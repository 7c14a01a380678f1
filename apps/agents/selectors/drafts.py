"""The draft's history and the differences between states of an agent."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apps.agents.differences import Difference, differences
from apps.agents.errors import AgentNotFound
from apps.agents.models import Agent, AgentRevision, AgentVersion
from apps.agents.selectors.agents import config_of, get_agent
from apps.agents.types import AgentsPermission, RevisionInfo
from apps.tenancy.types import Actor

DRAFT = 0
"""Stands for the draft where a version's number is asked for."""


def revisions(actor: Actor, agent_id: UUID, limit: int = 50) -> list[RevisionInfo]:
    """The draft's last changes, newest first."""
    row = get_agent(actor, agent_id, AgentsPermission.VIEW)
    found = AgentRevision.objects.filter(agent=row).order_by("-number")[:limit]
    return [RevisionInfo(one.number, tuple(one.fields), one.user_id, one.created_at) for one in found]


def version_differences(actor: Actor, agent_id: UUID, before: int, after: int) -> list[Difference]:
    """What is different between two versions; 0 stands for the draft.

    Raises:
        AgentNotFound: the agent is not the actor's or has no such version.
    """
    row = get_agent(actor, agent_id, AgentsPermission.VIEW)
    return differences(_state(row, before), _state(row, after))


def changes_since(row: Agent, revision: int) -> list[dict[str, Any]]:
    """What is different in the draft since a revision, each with who changed it last. Empty where it is too old."""
    base = AgentRevision.objects.filter(agent=row, number=revision).first()
    if base is None:
        return []
    later = list(AgentRevision.objects.filter(agent=row, number__gt=revision).order_by("number"))
    by = {field: one for one in later for field in one.fields}
    return [
        change.as_json()
        | {
            "by": str(by[change.field].user_id) if change.field in by and by[change.field].user_id else None,
            "at": by[change.field].created_at.isoformat() if change.field in by else None,
        }
        for change in differences(base.config, config_of(row).as_json())
    ]


def _state(row: Agent, number: int) -> dict[str, Any]:
    if number == DRAFT:
        return config_of(row).as_json()
    version = AgentVersion.objects.filter(agent=row, number=number).first()
    if version is None:
        raise AgentNotFound(f"{row.id} v{number}")
    return config_of(version).as_json()
