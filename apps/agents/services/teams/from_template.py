"""Use case: start a team from a template, its agents included."""

from __future__ import annotations

from apps.agents.models import Agent
from apps.agents.policies import require
from apps.agents.services.create_agent import create_agent_from_template
from apps.agents.services.teams.edit import create_team
from apps.agents.teams.facts import TeamInfo
from apps.agents.teams.templates import BY_KEY
from apps.agents.types import AgentsPermission
from apps.core.errors import NotFound
from apps.tenancy.types import Actor


def create_team_from_template(*, actor: Actor, template_key: str, name: str = "") -> TeamInfo:
    """A team that can run at once. Agents that the organisation has from the same agent templates are taken again.

    Raises:
        NotFound: there is no such template.
    """
    require(actor, AgentsPermission.CREATE)
    template = BY_KEY.get(template_key)
    if template is None:
        raise NotFound("template_not_found", f"There is no team template {template_key}.", template=template_key)
    slugs: dict[str, str] = {}
    for key in template.graph.agents:
        own = Agent.objects.filter(template=key).order_by("id").first()
        slugs[key] = own.slug if own is not None else create_agent_from_template(actor=actor, template_key=key).slug
    return create_team(
        actor=actor,
        name=name or template.title,
        job=template.pitch,
        graph=template.graph_with(slugs),
        template=template.key,
    )
