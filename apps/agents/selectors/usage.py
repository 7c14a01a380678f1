"""Metered calls, as the owner and as the caller see them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models import Count, Sum

from apps.agents.errors import AgentNotFound
from apps.agents.models import Agent, AgentUsage
from apps.agents.policies import require
from apps.agents.types import AgentsPermission, UsageSide, UsageSummary
from apps.core import clock
from apps.tenancy.types import Actor


def usage(actor: Actor, agent_id: UUID, side: UsageSide, days: int = 30) -> UsageSummary:
    """Calls of an agent in the last `days`: served by the actor's organisation, or used by it.

    Raises:
        AgentNotFound: the agent is neither the organisation's own nor was it ever used by it.
    """
    require(actor, AgentsPermission.VIEW)
    rows = AgentUsage.objects.filter(
        tenant_id=actor.organisation_id,
        agent_id=agent_id,
        side=side,
        created_at__gte=clock.now() - timedelta(days=days),
    )
    own = Agent.objects.filter(tenant_id=actor.organisation_id, id=agent_id)
    if not own.exists() and not AgentUsage.objects.filter(tenant_id=actor.organisation_id, agent_id=agent_id).exists():
        raise AgentNotFound(str(agent_id))
    totals = rows.aggregate(
        calls=Count("id"),
        prompt=Sum("prompt_tokens"),
        completion=Sum("completion_tokens"),
        callers=Count("caller_id", distinct=True),
    )
    return UsageSummary(totals["calls"], totals["prompt"] or 0, totals["completion"] or 0, totals["callers"])
