"""Writes of teams: the draft, its versions, runs and their steps."""

from apps.agents.services.teams.as_agent import team_as_agent
from apps.agents.services.teams.edit import TeamChanges, create_team, publish_team, update_team
from apps.agents.services.teams.from_template import create_team_from_template
from apps.agents.services.teams.runs import (
    cancel_run,
    decide_step,
    end_due_runs,
    retry_run,
    settle_step,
    start_run,
)
from apps.agents.services.teams.steps import run_step

__all__ = [
    "TeamChanges",
    "cancel_run",
    "create_team",
    "create_team_from_template",
    "decide_step",
    "end_due_runs",
    "publish_team",
    "retry_run",
    "run_step",
    "settle_step",
    "start_run",
    "team_as_agent",
    "update_team",
]
