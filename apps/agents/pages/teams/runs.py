"""A run of a team: begun, followed live, decided, stopped, tried again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.access import actor_required
from apps.agents.pages.teams.builder import UNPROCESSABLE, builder_page
from apps.agents.rendering import to_html
from apps.agents.selectors import teams as facts
from apps.agents.services import teams
from apps.agents.services.teams.runs import approval_digest, what_is_decided
from apps.agents.teams.facts import RunInfo, StepInfo
from apps.agents.teams.layout import HEIGHT, WIDTH, picture
from apps.core.errors import Conflict, InvalidInput
from apps.tenancy.actors import actor_of


@require_POST
@actor_required
def run_start(request: HttpRequest, team_id: UUID) -> HttpResponse:
    """Begin a run of the draft."""
    actor = actor_of(request)
    try:
        run = teams.start_run(actor=actor, team_id=team_id, question=request.POST.get("question", ""))
    except InvalidInput as error:
        team = facts.team(actor, team_id)
        return builder_page(request, actor, team, problem=error, status=UNPROCESSABLE)
    return redirect("team-run", run_id=run.id)


@require_safe
@actor_required
def run_detail(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """A run, live."""
    return render(request, "agents/teams/run.html", _context(facts.team_run(actor_of(request), run_id)))


@require_safe
@actor_required
def run_live(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """What changes of it (a fragment)."""
    return render(request, "agents/teams/partials/run.html", _context(facts.team_run(actor_of(request), run_id)))


@require_POST
@actor_required
def run_cancel(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Stop it."""
    teams.cancel_run(actor=actor_of(request), run_id=run_id)
    return redirect("team-run", run_id=run_id)


@require_POST
@actor_required
def run_retry(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Begin its failed steps again."""
    raw = request.POST.get("more_tokens", "")
    more = int(raw) if raw.isdecimal() else 0
    try:
        teams.retry_run(actor=actor_of(request), run_id=run_id, more_tokens=more)
    except (Conflict, InvalidInput) as error:
        messages.error(request, error.message)
    return redirect("team-run", run_id=run_id)


@require_POST
@actor_required
def step_decide(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """Approve or refuse what was shown."""
    return _decided(
        request,
        teams.decide_step,
        step_id=step_id,
        approve=request.POST.get("decision") == "approve",
        text=request.POST.get("text"),
        seen=request.POST.get("seen", ""),
    )


@require_POST
@actor_required
def step_settle(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """Say what became of a side effect."""
    happened = request.POST.get("happened") == "yes"
    return _decided(request, teams.settle_step, step_id=step_id, happened=happened)


def _decided(request: HttpRequest, service: Any, **values: Any) -> HttpResponse:
    try:
        run: RunInfo = service(actor=actor_of(request), **values)
    except Conflict as error:
        messages.error(request, error.message)
        return redirect("teams")
    return redirect("team-run", run_id=run.id)


def _shown(step: StepInfo) -> tuple[StepInfo, str, str]:
    """A step that waits, what a person looks at, and the digest that binds the decision to it."""
    shown = what_is_decided(step.input, step.approval)
    return step, shown, approval_digest(shown)


def _context(run: RunInfo) -> dict[str, Any]:
    return {
        "run": run,
        "answer": to_html(run.output),
        "steps": [(step, to_html(step.output)) for step in run.steps],
        "picture": picture(run.graph, run.node_states),
        "box": {"width": WIDTH, "height": HEIGHT},
        "waiting": [_shown(step) for step in run.waiting],
        "done": sum(not step.state.is_open for step in run.steps),
    }
