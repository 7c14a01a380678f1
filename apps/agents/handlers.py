"""Work that follows events."""

from __future__ import annotations

from apps.agents.events import TeamStepQueued
from apps.agents.services.teams import run_step
from apps.core.outbox import handles


@handles(TeamStepQueued, long_running=True)
def on_team_step_queued(event: TeamStepQueued) -> None:
    """Work on the step."""
    run_step(event.step_id, event.ticket)
