"""Pages of teams: the list, the builder (form, tables, picture), a node's form, and a run."""

from apps.agents.pages.teams.builder import (
    edge_add,
    edge_change,
    node_add,
    node_change,
    node_edit,
    team_agent,
    team_edit,
    team_list,
    team_new,
    team_publish,
)
from apps.agents.pages.teams.runs import (
    run_cancel,
    run_detail,
    run_live,
    run_retry,
    run_start,
    step_decide,
    step_settle,
)

__all__ = [
    "edge_add",
    "edge_change",
    "node_add",
    "node_change",
    "node_edit",
    "run_cancel",
    "run_detail",
    "run_live",
    "run_retry",
    "run_start",
    "step_decide",
    "step_settle",
    "team_agent",
    "team_edit",
    "team_list",
    "team_new",
    "team_publish",
]
