"""An agent's tools are saved whole, in place of those that the page was read with."""

from __future__ import annotations

import re
from typing import Any

from django import forms

from apps.agents import services
from apps.agents.services import AgentChanges
from apps.agents.specs import MAX_TOOLS, ToolSpec
from apps.agents.types import AgentInfo
from apps.core.errors import DomainError
from apps.tenancy.types import Actor

UNPROCESSABLE = 422
Plain = dict[str, Any]


def free_name(agent: AgentInfo, title: str) -> str:
    """A tool's name from a title: letters, digits and underscores, and no other tool's."""
    stem = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:36] or "tool"
    stem = stem if stem[0].isalpha() else f"t_{stem}"
    taken = {spec.name for spec in agent.config.tools}
    return next(name for name in (stem, *(f"{stem}_{n}" for n in range(2, MAX_TOOLS + 3))) if name not in taken)


def plain_of(spec: ToolSpec) -> Plain:
    """A tool as it is saved."""
    return spec.model_dump(mode="json")


def replace_tools(actor: Actor, agent: AgentInfo, tools: list[Plain]) -> None:
    """Save the tools in place of those that `agent` was read with; refused where somebody was faster."""
    services.update_agent(actor=actor, agent_id=agent.id, changes=AgentChanges(tools=tools, revision=agent.revision))


def saved(actor: Actor, agent: AgentInfo, tools: list[Plain], form: forms.Form) -> bool:
    """Whether the tools could be saved; the form says why not."""
    try:
        replace_tools(actor, agent, tools)
    except DomainError as error:
        tell(form, error, "")
        return False
    return True


def tell(form: forms.Form, error: DomainError, field: str) -> None:
    """What was refused, beside the field that it is about."""
    problems = getattr(error, "errors", None) or [{"field": field, "message": error.message}]
    for problem in problems:
        place = problem.get("field", "").rpartition(".")[2]
        form.add_error(place if place in form.fields else None, problem["message"])
