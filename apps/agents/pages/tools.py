"""The tools of an agent: what it may do besides answering from documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from apps.accounts.access import actor_required
from apps.agents import selectors, services
from apps.agents.pages.foreign_agents import choose_foreign_agent
from apps.agents.pages.tool_changes import UNPROCESSABLE, Plain, free_name, plain_of, replace_tools, saved, tell
from apps.agents.pages.tool_forms import (
    AgentToolForm,
    ApiForm,
    ForeignAgentForm,
    OperationsForm,
    ServerForm,
    TableForm,
)
from apps.agents.pages.tool_words import shown_tools
from apps.agents.selectors.teams import agent_choices
from apps.agents.specs import MAX_TOOLS, CalculatorTool, HttpTool, KnowledgeTool, McpTool
from apps.agents.types import AgentInfo, AnswerMode, ConnectionKind
from apps.core.errors import DomainError, NotFound
from apps.core.problems import status_of
from apps.knowledge.services import uploads
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor


@actor_required
def agent_tools(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """GET shows the agent's tools and the forms that add one, POST adds one."""
    actor = actor_of(request)
    agent = selectors.agent(actor, agent_id)
    if request.method != "POST":
        return _page(request, actor, agent)
    add = _ADD.get(request.POST.get("kind", ""))
    if add is None:
        raise NotFound("unknown_tool_kind", "There is no such kind of tool.")
    return add(request, actor, agent)


@require_POST
@actor_required
def tool_remove(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """Take a tool away from the draft; its table or connection stays."""
    actor = actor_of(request)
    agent = selectors.agent(actor, agent_id)
    name = request.POST.get("name", "")
    left = [spec for spec in agent.config.tools if spec.name != name]
    try:
        replace_tools(actor, agent, [plain_of(spec) for spec in left])
        messages.success(request, "The tool is removed. Visitors keep it until you publish.")
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("agent-tools", agent_id=agent_id)


@actor_required
def tool_connection(request: HttpRequest, agent_id: UUID, connection_id: UUID) -> HttpResponse:
    """GET shows what a connection offers, POST saves what the agent may use of it."""
    actor = actor_of(request)
    agent = selectors.agent(actor, agent_id)
    connection = selectors.connection(actor, connection_id)
    if connection.kind is ConnectionKind.AGENT:
        return choose_foreign_agent(request, actor, agent, connection)
    spec = _of_connection(agent, connection_id)
    context: dict[str, Any] = {"agent": agent, "connection": connection, "spec": spec}
    try:
        offers = services.connection_offers(actor=actor, connection_id=connection_id)
    except DomainError as error:
        status = status_of(error)
        return render(request, "agents/tool_connection.html", context | {"problem": error}, status=status)
    form = OperationsForm(request.POST if request.method == "POST" else None, offers=offers, spec=spec)
    if request.method == "POST" and form.is_valid():
        plain = _connection_tool(agent, connection.kind, connection.name, connection_id, form, spec)
        others = [plain_of(one) for one in agent.config.tools if spec is None or one.name != spec.name]
        if saved(actor, agent, [*others, plain], form):
            messages.success(request, f"The agent can use {connection.name} now. Try it in the chat.")
            return redirect("agent-tools", agent_id=agent_id)
    status = UNPROCESSABLE if request.method == "POST" else 200
    return render(request, "agents/tool_connection.html", context | {"form": form}, status=status)


def _page(request: HttpRequest, actor: Actor, agent: AgentInfo, **forms_: forms.Form) -> HttpResponse:
    shown = shown_tools(actor, agent)
    kinds = {tool.kind for tool in agent.config.tools}
    choices = [one for one in agent_choices(actor) if one.slug != agent.slug and one.is_published]
    context: dict[str, Any] = {
        "agent": agent,
        "tools": shown,
        "has_calculator": "calculator" in kinds,
        "has_search": "knowledge" in kinds or not agent.config.knowledge_base_ids,
        "is_full": len(shown) >= MAX_TOOLS,
        "most": MAX_TOOLS,
        "is_unused": agent.config.mode is not AnswerMode.GENERATE and bool(shown),
        "table_form": TableForm(tables=selectors.tables(actor), auto_id="table_%s"),
        "agent_form": AgentToolForm(choices=choices, auto_id="agent_%s") if choices else None,
        "api_form": ApiForm(auto_id="api_%s"),
        "mcp_form": ServerForm(auto_id="mcp_%s"),
        "remote_form": ForeignAgentForm(auto_id="remote_%s"),
        "connections": [one for one in selectors.connections(actor) if one.kind is not ConnectionKind.MODEL],
        **forms_,
    }
    status = UNPROCESSABLE if forms_ else 200
    return render(request, "agents/tools.html", context, status=status)


def _add_plain(kind: type[CalculatorTool | KnowledgeTool]) -> Callable[[HttpRequest, Actor, AgentInfo], HttpResponse]:
    def add(request: HttpRequest, actor: Actor, agent: AgentInfo) -> HttpResponse:
        try:
            replace_tools(actor, agent, [*map(plain_of, agent.config.tools), plain_of(kind())])
            messages.success(request, "Added. Try it in the chat.")
        except DomainError as error:
            messages.error(request, error.message)
        return redirect("agent-tools", agent_id=agent.id)

    return add


def _add_table(request: HttpRequest, actor: Actor, agent: AgentInfo) -> HttpResponse:
    form = TableForm(request.POST, request.FILES, tables=selectors.tables(actor), auto_id="table_%s")
    if form.is_valid():
        try:
            if form.cleaned_data["file"]:
                file = uploads([form.cleaned_data["file"]])[0]
                table = services.upload_table(actor=actor, filename=file.name, file=file.content)
            else:
                table = selectors.table(actor, UUID(form.cleaned_data["table"]))
            name = free_name(agent, table.name.rpartition(".")[0] or table.name)
            plain: Plain = {"kind": "table", "name": name, "table_id": str(table.id), "examples": form.lines()}
            replace_tools(actor, agent, [*map(plain_of, agent.config.tools), plain])
        except DomainError as error:
            tell(form, error, "file")
        else:
            messages.success(request, f"The agent can ask {table.name} now: {table.rows:,} rows. Try it in the chat.")
            return redirect("agent-tools", agent_id=agent.id)
    return _page(request, actor, agent, table_form=form)


def _add_agent(request: HttpRequest, actor: Actor, agent: AgentInfo) -> HttpResponse:
    choices = [one for one in agent_choices(actor) if one.slug != agent.slug and one.is_published]
    form = AgentToolForm(request.POST, choices=choices, auto_id="agent_%s")
    if form.is_valid():
        slug = form.cleaned_data["slug"]
        chosen = next(one for one in choices if one.slug == slug)
        plain = {
            "kind": "agent",
            "name": free_name(agent, chosen.name),
            "slug": slug,
            "purpose": chosen.job[:300],
            "examples": form.lines(),
        }
        if saved(actor, agent, [*map(plain_of, agent.config.tools), plain], form):
            messages.success(request, f"The agent can ask {chosen.name} now. Try it in the chat.")
            return redirect("agent-tools", agent_id=agent.id)
    return _page(request, actor, agent, agent_form=form)


def _add_api(request: HttpRequest, actor: Actor, agent: AgentInfo) -> HttpResponse:
    form = ApiForm(request.POST, auto_id="api_%s")
    if form.is_valid():
        try:
            made = services.connect_api(actor=actor, **form.cleaned_data)
        except DomainError as error:
            tell(form, error, "document_url")
        else:
            return redirect("agent-tool-connection", agent_id=agent.id, connection_id=made.id)
    return _page(request, actor, agent, api_form=form)


def _add_server(request: HttpRequest, actor: Actor, agent: AgentInfo) -> HttpResponse:
    form = ServerForm(request.POST, auto_id="mcp_%s")
    if form.is_valid():
        try:
            values = form.cleaned_data | {"name": form.cleaned_data["name"] or "MCP server"}
            made = services.create_connection(actor=actor, kind=ConnectionKind.MCP, **values)
        except DomainError as error:
            tell(form, error, "url")
        else:
            return redirect("agent-tool-connection", agent_id=agent.id, connection_id=made.id)
    return _page(request, actor, agent, mcp_form=form)


def _add_foreign_agent(request: HttpRequest, actor: Actor, agent: AgentInfo) -> HttpResponse:
    form = ForeignAgentForm(request.POST, auto_id="remote_%s")
    if form.is_valid():
        try:
            values = form.cleaned_data | {"name": form.cleaned_data["name"] or "Foreign agent"}
            made = services.create_connection(actor=actor, kind=ConnectionKind.AGENT, **values)
        except DomainError as error:
            tell(form, error, "url")
        else:
            return redirect("agent-tool-connection", agent_id=agent.id, connection_id=made.id)
    return _page(request, actor, agent, remote_form=form)


_ADD: dict[str, Callable[[HttpRequest, Actor, AgentInfo], HttpResponse]] = {
    "calculator": _add_plain(CalculatorTool),
    "knowledge": _add_plain(KnowledgeTool),
    "table": _add_table,
    "agent": _add_agent,
    "http": _add_api,
    "mcp": _add_server,
    "remote": _add_foreign_agent,
}


def _connection_tool(
    agent: AgentInfo,
    kind: ConnectionKind,
    title: str,
    connection_id: UUID,
    form: OperationsForm,
    spec: HttpTool | McpTool | None,
) -> Plain:
    chosen = "operations" if kind is ConnectionKind.HTTP else "tools"
    accepted = {"accepted": form.accepted()} if kind is ConnectionKind.MCP else {}
    return accepted | {
        "kind": str(kind),
        "name": spec.name if spec is not None else free_name(agent, title),
        "purpose": spec.purpose if spec is not None else "",
        "connection_id": str(connection_id),
        chosen: form.used(),
        "harmless": form.harmless(),
        "examples": form.lines(),
    }


def _of_connection(agent: AgentInfo, connection_id: UUID) -> HttpTool | McpTool | None:
    found = (spec for spec in agent.config.tools if isinstance(spec, HttpTool | McpTool))
    return next((spec for spec in found if spec.connection_id == connection_id), None)
