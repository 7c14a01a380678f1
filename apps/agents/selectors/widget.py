"""The widget of an agent, for its owner and for the pages that embed it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apps.agents.errors import AgentNotFound
from apps.agents.models import AgentWidget
from apps.agents.selectors.access import public_agent
from apps.agents.selectors.agents import get_agent
from apps.agents.types import AgentsPermission, PublicAgent
from apps.core.errors import NotFound
from apps.core.tenant import tenant_scope
from apps.tenancy import selectors as tenancy
from apps.tenancy.types import Actor


@dataclass(frozen=True)
class EmbeddedAgent:
    """A published agent as visitors of other pages reach it: on behalf of its owner, by the widget's key."""

    agent: PublicAgent
    actor: Actor
    origins: tuple[str, ...]


def widget_of(actor: Actor, agent_id: UUID) -> AgentWidget | None:
    """The widget of the actor's agent, if it has one."""
    get_agent(actor, agent_id, AgentsPermission.VIEW)
    return AgentWidget.objects.select_related("key").filter(agent_id=agent_id, key__revoked=False).first()


def embedded_agent(slug: str) -> EmbeddedAgent:
    """The agent behind a widget.

    Raises:
        AgentNotFound: it is not published, is paused, has no widget, or the widget's key has ended.
    """
    found = public_agent(slug)
    with tenant_scope(found.organisation_id):
        widget = AgentWidget.objects.select_related("key").filter(agent_id=found.agent_id).first()
        if widget is None or found.is_paused:
            raise AgentNotFound(slug)
        try:
            actor = tenancy.actor_of_key(widget.key.user_id, found.organisation_id, str(widget.key_id))
        except NotFound:
            raise AgentNotFound(slug) from None
    return EmbeddedAgent(found, actor, tuple(widget.origins))
