"""Making a team: forms and tables are the truth, the picture shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.access import actor_required
from apps.agents import selectors
from apps.agents.pages.teams.forms import AddEdgeForm, AddNodeForm, NodeForm, TeamForm, initial_of
from apps.agents.selectors import teams as facts
from apps.agents.services import teams
from apps.agents.services.teams import TeamChanges
from apps.agents.teams import editing
from apps.agents.teams.facts import TeamInfo
from apps.agents.teams.layout import HEIGHT, WIDTH, picture
from apps.agents.teams.templates import BY_KEY, TEMPLATES
from apps.agents.teams.types import Graph, NodeKind
from apps.core.errors import Conflict, InvalidInput, NotFound
from apps.knowledge import selectors as knowledge
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor

RUNS_SHOWN = 5
UNPROCESSABLE = 422


@require_safe
@actor_required
def team_list(request: HttpRequest) -> HttpResponse:
    """The organisation's teams and the templates."""
    return render(request, "agents/teams/list.html", {"teams": facts.teams(actor_of(request)), "templates": TEMPLATES})


@require_POST
@actor_required
def team_new(request: HttpRequest) -> HttpResponse:
    """Start from a template, or with question and answer alone."""
    actor, key = actor_of(request), request.POST.get("template", "")
    if key:
        team = teams.create_team_from_template(actor=actor, template_key=key)
    else:
        team = teams.create_team(actor=actor, name="New team")
    return redirect("team", team_id=team.id)


@actor_required
def team_edit(request: HttpRequest, team_id: UUID) -> HttpResponse:
    """GET shows the builder, POST saves the settings."""
    actor = actor_of(request)
    team = facts.team(actor, team_id)
    if request.method != "POST":
        return builder_page(request, actor, team)
    form = TeamForm(request.POST)
    if form.is_valid() and _saved(request, actor, team, form.changes(), form):
        messages.success(request, "Saved.")
        return redirect("team", team_id=team_id)
    return builder_page(request, actor, team, settings=form, status=UNPROCESSABLE)


@require_POST
@actor_required
def node_add(request: HttpRequest, team_id: UUID) -> HttpResponse:
    """Add a node; it is connected behind the chosen one."""
    actor = actor_of(request)
    team = facts.team(actor, team_id)
    form = AddNodeForm(request.POST, graph=team.graph, choices=facts.agent_choices(actor))
    if form.is_valid():
        node = form.node()
        graph = editing.with_node(team.graph, node, after=form.cleaned_data["after"])
        if _saved(request, actor, team, TeamChanges(graph=graph), form):
            messages.success(request, f"Added {node.name}.")
            return _back(team_id, "add-node")
    return builder_page(request, actor, team, add_node=form, status=UNPROCESSABLE)


@actor_required
def node_edit(request: HttpRequest, team_id: UUID, key: str) -> HttpResponse:
    """GET shows a node's form, POST saves it."""
    actor = actor_of(request)
    team = facts.team(actor, team_id)
    node = team.graph.node(key)
    if node is None:
        raise NotFound("node_not_found", "There is no such node in this team.")
    form = NodeForm(
        request.POST if request.method == "POST" else None,
        node=node,
        choices=facts.agent_choices(actor),
        bases=knowledge.knowledge_bases(actor) if node.kind is NodeKind.AGENT else [],
        classifiers=selectors.classifier_options(actor) if node.kind is NodeKind.ROUTER else [],
        foreign=facts.foreign_agents(actor) if node.kind is NodeKind.REMOTE else [],
    )
    if request.method == "POST" and form.is_valid():
        graph = editing.changed_node(team.graph, key, form.changed())
        if _saved(request, actor, team, TeamChanges(graph=graph), form):
            messages.success(request, f"Saved {form.changed().name}.")
            return _back(team_id, "nodes")
    context = {
        "team": team,
        "node": node,
        "form": form,
        "problems": facts.check(actor, team.graph).at(key),
        "ways": team.graph.out(key),
    }
    status = UNPROCESSABLE if request.method == "POST" else 200
    return render(request, "agents/teams/node.html", context, status=status)


@require_POST
@actor_required
def node_change(request: HttpRequest, team_id: UUID, key: str) -> HttpResponse:
    """Move a node up or down in the table, or remove it."""
    changes: dict[str, Callable[[Graph], Graph]] = {
        "up": lambda graph: editing.moved_node(graph, key, -1),
        "down": lambda graph: editing.moved_node(graph, key, 1),
        "remove": lambda graph: editing.without_node(graph, key),
    }
    return _changed(request, team_id, changes, "nodes")


@require_POST
@actor_required
def edge_add(request: HttpRequest, team_id: UUID) -> HttpResponse:
    """Connect two nodes."""
    actor = actor_of(request)
    team = facts.team(actor, team_id)
    form = AddEdgeForm(request.POST, graph=team.graph)
    if form.is_valid() and _saved(
        request, actor, team, TeamChanges(graph=editing.with_edge(team.graph, form.edge())), form
    ):
        return _back(team_id, "ways")
    return builder_page(request, actor, team, add_edge=form, status=UNPROCESSABLE)


@require_POST
@actor_required
def edge_change(request: HttpRequest, team_id: UUID, index: int) -> HttpResponse:
    """Move a way up or down, or remove it."""
    changes: dict[str, Callable[[Graph], Graph]] = {
        "up": lambda graph: editing.moved_edge(graph, index, -1),
        "down": lambda graph: editing.moved_edge(graph, index, 1),
        "remove": lambda graph: editing.without_edge(graph, index),
    }
    return _changed(request, team_id, changes, "ways")


@require_POST
@actor_required
def team_publish(request: HttpRequest, team_id: UUID) -> HttpResponse:
    """Release the draft."""
    actor = actor_of(request)
    try:
        version = teams.publish_team(actor=actor, team_id=team_id)
    except InvalidInput as error:
        return builder_page(request, actor, facts.team(actor, team_id), problem=error, status=UNPROCESSABLE)
    messages.success(request, f"Version {version.number} is released.")
    return redirect("team", team_id=team_id)


@require_POST
@actor_required
def team_agent(request: HttpRequest, team_id: UUID) -> HttpResponse:
    """Release the draft and put it behind an agent."""
    actor = actor_of(request)
    try:
        agent = teams.team_as_agent(actor=actor, team_id=team_id)
    except InvalidInput as error:
        return builder_page(request, actor, facts.team(actor, team_id), problem=error, status=UNPROCESSABLE)
    messages.success(request, "This agent answers by the team. Try it, then publish it.")
    return redirect("agent", agent_id=agent.id)


def builder_page(
    request: HttpRequest,
    actor: Actor,
    team: TeamInfo,
    *,
    settings: TeamForm | None = None,
    add_node: AddNodeForm | None = None,
    add_edge: AddEdgeForm | None = None,
    problem: InvalidInput | None = None,
    status: int = 200,
) -> HttpResponse:
    """The builder with what is wrong, if anything is."""
    choices = facts.agent_choices(actor)
    found = facts.check(actor, team.graph)
    runs = facts.run_rows(actor, team.id)[:RUNS_SHOWN]
    template = BY_KEY.get(team.template)
    names = {node.key: node.name for node in team.graph.nodes}
    context: dict[str, Any] = {
        "team": team,
        "settings_form": settings or TeamForm(initial=initial_of(team)),
        "node_form": add_node
        or AddNodeForm(initial={"after": _last_before_output(team.graph)}, graph=team.graph, choices=choices),
        "edge_form": add_edge or AddEdgeForm(graph=team.graph),
        "rows": [
            (
                node,
                found.at(node.key),
                [(names.get(way.target, way.target), way.when) for way in team.graph.out(node.key)],
            )
            for node in team.graph.nodes
        ],
        "edges": [
            (edge, names.get(edge.source, edge.source), names.get(edge.target, edge.target))
            for edge in team.graph.edges
        ],
        "whole": found.at(""),
        "check": found,
        "problem": problem,
        "picture": picture(team.graph, {one.node: "problem" for one in found.problems if one.node}),
        "box": {"width": WIDTH, "height": HEIGHT},
        "runs": [facts.run_info(row) for row in runs],
        "versions": facts.team_versions(actor, team.id),
        "has_agents": bool(choices),
        "starter": template.starter if template else "",
    }
    return render(request, "agents/teams/edit.html", context, status=status)


def _changed(
    request: HttpRequest, team_id: UUID, changes: dict[str, Callable[[Graph], Graph]], anchor: str
) -> HttpResponse:
    actor = actor_of(request)
    team = facts.team(actor, team_id)
    change = changes.get(request.POST.get("action", ""))
    if change is None:
        raise InvalidInput("unknown_action", "Choose up, down or remove.")
    try:
        teams.update_team(
            actor=actor, team_id=team_id, changes=TeamChanges(graph=change(team.graph)), revision=_revision(request)
        )
    except Conflict as error:
        messages.error(request, error.message)
    return _back(team_id, anchor)


def _saved(request: HttpRequest, actor: Actor, team: TeamInfo, changes: TeamChanges, form: forms.Form) -> bool:
    """Save; what is refused is said in the form."""
    try:
        teams.update_team(actor=actor, team_id=team.id, changes=changes, revision=_revision(request))
    except InvalidInput as error:
        for one in error.errors or [{"field": "", "message": error.message}]:
            field = one.get("field", "")
            form.add_error(field if field in form.fields else None, one["message"])
        return False
    except Conflict as error:
        form.add_error(None, error.message)
        return False
    return True


def _revision(request: HttpRequest) -> int | None:
    raw = request.POST.get("revision", "")
    return int(raw) if raw.isdecimal() else None


def _last_before_output(graph: Graph) -> str:
    """Where a chain goes on: what leads to the last output."""
    outputs = [node.key for node in graph.nodes if node.kind is NodeKind.OUTPUT]
    into = graph.into(outputs[-1]) if outputs else ()
    return into[-1].source if into else ""


def _back(team_id: UUID, anchor: str) -> HttpResponse:
    return redirect(f"{reverse('team', args=[team_id])}#{anchor}")
