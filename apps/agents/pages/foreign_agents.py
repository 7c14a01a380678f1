"""A foreign agent as a tool: its card with its skills, and what the owner lets the agent ask it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from apps.agents import services
from apps.agents.pages.tool_changes import UNPROCESSABLE, Plain, free_name, plain_of, saved
from apps.agents.pages.tool_forms import ForeignUseForm
from apps.agents.specs import RemoteTool
from apps.agents.types import AgentInfo, ConnectionInfo
from apps.core.errors import DomainError
from apps.core.problems import status_of
from apps.tenancy.types import Actor

TEMPLATE = "agents/tool_foreign_agent.html"


def choose_foreign_agent(
    request: HttpRequest, actor: Actor, agent: AgentInfo, connection: ConnectionInfo
) -> HttpResponse:
    """GET shows the card, POST saves what the agent may ask."""
    spec = _of(agent, connection.id)
    context: dict[str, Any] = {"agent": agent, "connection": connection, "spec": spec}
    try:
        card = services.foreign_card(actor=actor, connection_id=connection.id)
    except DomainError as error:
        return render(request, TEMPLATE, context | {"problem": error}, status=status_of(error))
    form = ForeignUseForm(request.POST if request.method == "POST" else None, card=card, spec=spec)
    if request.method == "POST" and form.is_valid():
        plain: Plain = {
            "kind": "remote",
            "name": spec.name if spec is not None else free_name(agent, connection.name),
            "purpose": form.cleaned_data["purpose"],
            "connection_id": str(connection.id),
            "harmless": not form.cleaned_data["asks_first"],
            "examples": form.lines(),
        }
        others = [plain_of(one) for one in agent.config.tools if spec is None or one.name != spec.name]
        if saved(actor, agent, [*others, plain], form):
            messages.success(request, f"The agent can ask {connection.name} now. Try it in the chat.")
            return redirect("agent-tools", agent_id=agent.id)
    is_elsewhere = bool(card.host) and card.host != connection.host
    context |= {"card": card, "form": form, "is_elsewhere": is_elsewhere}
    return render(request, TEMPLATE, context, status=UNPROCESSABLE if request.method == "POST" else 200)


def _of(agent: AgentInfo, connection_id: UUID) -> RemoteTool | None:
    found = (spec for spec in agent.config.tools if isinstance(spec, RemoteTool))
    return next((spec for spec in found if spec.connection_id == connection_id), None)
