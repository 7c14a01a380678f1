"""Who may follow what of agents live."""

from __future__ import annotations

from uuid import UUID

from apps.agents.selectors.teams import team_run
from apps.core.errors import DomainError
from apps.core.live import topic
from apps.tenancy.types import Actor


@topic("team-run")
def may_follow_run(actor: Actor, run_id: UUID) -> bool:
    """Members of the organisation that runs the team."""
    try:
        team_run(actor, run_id)
    except DomainError:
        return False
    return True
