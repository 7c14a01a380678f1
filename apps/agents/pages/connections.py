"""The organisation's connections: addresses that agents may call, each with its sealed secret."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from apps.accounts.access import actor_required
from apps.agents import selectors, services
from apps.agents.pages.tool_forms import KINDS, ServerForm
from apps.agents.types import ConnectionKind
from apps.core.errors import DomainError
from apps.tenancy.actors import actor_of

UNPROCESSABLE = 422


class AnyConnectionForm(ServerForm):
    """The address of a model, an MCP server or a foreign agent; web APIs are connected where a tool is added."""

    kind = forms.ChoiceField(
        label="What is there",
        choices=[
            (str(ConnectionKind.MODEL), "A language model (OpenAI-compatible)"),
            (str(ConnectionKind.MCP), "An MCP server"),
            (str(ConnectionKind.AGENT), "A foreign agent (A2A)"),
        ],
    )
    field_order = ("kind", "url", "name", "secret", "header")


@actor_required
def connection_list(request: HttpRequest) -> HttpResponse:
    """GET lists the connections with the agents that use them, POST adds one."""
    actor = actor_of(request)
    form = AnyConnectionForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        kind = ConnectionKind(values.pop("kind"))
        try:
            made = services.create_connection(
                actor=actor, kind=kind, **values | {"name": values["name"] or KINDS[kind]}
            )
        except DomainError as error:
            for problem in getattr(error, "errors", None) or [{"field": "name", "message": error.message}]:
                form.add_error(problem["field"] if problem["field"] in form.fields else None, problem["message"])
        else:
            messages.success(request, f"{made.name} is connected.")
            return redirect("agent-connections")
    users = selectors.connection_users(actor)
    context = {
        "rows": [(one, KINDS[one.kind], users.get(one.id, [])) for one in selectors.connections(actor)],
        "form": form,
    }
    status = UNPROCESSABLE if request.method == "POST" else 200
    return render(request, "agents/connections.html", context, status=status)


@require_POST
@actor_required
def connection_change(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Seal another secret, or remove the connection."""
    actor = actor_of(request)
    name = selectors.connection(actor, connection_id).name
    try:
        if request.POST.get("action") == "remove":
            services.delete_connection(actor=actor, connection_id=connection_id)
            messages.success(request, f"{name} is removed with its key.")
        else:
            services.replace_secret(actor=actor, connection_id=connection_id, secret=request.POST.get("secret", ""))
            messages.success(request, f"The key of {name} is replaced.")
    except DomainError as error:
        errors = getattr(error, "errors", None)
        messages.error(request, errors[0]["message"] if errors else error.message)
    return redirect("agent-connections")
