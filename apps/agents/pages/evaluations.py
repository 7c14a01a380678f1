"""Evaluations of a draft: run, watched, stopped, read case by case, and what of them gates publishing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.access import actor_required
from apps.agents import selectors, services
from apps.agents.evaluating import ATTACKS
from apps.agents.pages.evaluation_forms import GateForm
from apps.agents.prices import dollars
from apps.agents.rendering import to_html
from apps.agents.services import AgentChanges
from apps.agents.types import AgentInfo, EvaluationInfo, EvaluationState
from apps.core.errors import DomainError
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor

UNPROCESSABLE = 422
UNDER_WAY = (EvaluationState.QUEUED, EvaluationState.RUNNING)


@dataclass(frozen=True)
class ShownRun:
    """An evaluation for people; shares are texts, `is_now` says whether the draft still answers like that."""

    run: EvaluationInfo
    name: str
    passed: str
    attacks: str
    cited: str
    cost: str
    is_now: bool

    @property
    def is_under_way(self) -> bool:
        """Whether cases are still asked."""
        return self.run.state in UNDER_WAY


@actor_required
def agent_evaluations(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """GET shows evaluations and the gate; POST saves the gate, or starts an evaluation."""
    actor = actor_of(request)
    agent = selectors.agent(actor, agent_id)
    if request.method != "POST":
        return _page(request, actor, agent)
    if request.POST.get("action") == "evaluate":
        return _evaluate(request, actor, agent)
    form = _gate(actor, agent, request)
    if not form.is_valid():
        return _page(request, actor, agent, form)
    changes = AgentChanges(checks=form.checks(), revision=agent.revision)
    try:
        services.update_agent(actor=actor, agent_id=agent_id, changes=changes)
    except DomainError as error:
        form.add_error(None, error.message)
        return _page(request, actor, agent, form)
    messages.success(request, "Saved.")
    return redirect("agent-evaluations", agent_id=agent_id)


@require_safe
@actor_required
def agent_evaluation(request: HttpRequest, agent_id: UUID, evaluation_run_id: UUID) -> HttpResponse:
    """One evaluation, case by case."""
    actor = actor_of(request)
    return render(request, "agents/evaluation.html", _run_context(actor, agent_id, evaluation_run_id))


@require_safe
@actor_required
def agent_evaluation_live(request: HttpRequest, agent_id: UUID, evaluation_run_id: UUID) -> HttpResponse:
    """The same as a fragment, while it is under way."""
    actor = actor_of(request)
    return render(request, "agents/partials/evaluation.html", _run_context(actor, agent_id, evaluation_run_id))


@require_POST
@actor_required
def agent_evaluation_cancel(request: HttpRequest, agent_id: UUID, evaluation_run_id: UUID) -> HttpResponse:
    """Stop after the case that is being asked."""
    services.cancel_evaluation(actor=actor_of(request), agent_id=agent_id, run_id=evaluation_run_id)
    messages.success(request, "Stopped. What was asked until now is below.")
    return redirect("agent-evaluation", agent_id=agent_id, evaluation_run_id=evaluation_run_id)


def _evaluate(request: HttpRequest, actor: Actor, agent: AgentInfo) -> HttpResponse:
    try:
        set_id = UUID(request.POST["set"]) if request.POST.get("set") else None
        number = int(request.POST["number"]) if request.POST.get("number") else None
        begun = services.start_evaluation(actor=actor, agent_id=agent.id, set_id=set_id, number=number)
    except (DomainError, ValueError) as error:
        messages.error(request, error.message if isinstance(error, DomainError) else "Choose a question set.")
        return redirect("agent-evaluations", agent_id=agent.id)
    return redirect("agent-evaluation", agent_id=agent.id, evaluation_run_id=begun.id)


def _page(request: HttpRequest, actor: Actor, agent: AgentInfo, form: GateForm | None = None) -> HttpResponse:
    sets = selectors.evaluation_sets(actor)
    names = {row.id: row.name for row in sets}
    checks = agent.config.checks
    gating = selectors.gate(actor, agent.id)
    context: dict[str, Any] = {
        "agent": agent,
        "sets": [(row, len(row.cases)) for row in sets],
        "chosen": checks.evaluation_set_id,
        "form": form or _gate(actor, agent),
        "runs": [_shown(run, names, agent) for run in selectors.evaluations(actor, agent.id)],
        "gating": gating,
        "is_gated": checks.evaluation_set_id is not None and checks.required,
        "attacks": len(ATTACKS),
    }
    status = UNPROCESSABLE if form is not None else 200
    return render(request, "agents/evaluations.html", context, status=status)


def _gate(actor: Actor, agent: AgentInfo, request: HttpRequest | None = None) -> GateForm:
    sets = [(row.id, row.name) for row in selectors.evaluation_sets(actor)]
    return GateForm(request.POST if request is not None else None, sets=sets, checks=agent.config.checks)


def _run_context(actor: Actor, agent_id: UUID, run_id: UUID) -> dict[str, Any]:
    agent = selectors.agent(actor, agent_id)
    run = selectors.evaluation(actor, agent_id, run_id)
    names = {row.id: row.name for row in selectors.evaluation_sets(actor)}
    results = selectors.evaluation_results(actor, agent_id, run_id)
    return {
        "agent": agent,
        "shown": _shown(run, names, agent),
        "results": [(one, to_html(one.answer), dollars(one.micro_usd)) for one in results],
        "failing": sum(bool(one.problems) for one in results),
    }


def _shown(run: EvaluationInfo, names: dict[UUID, str], agent: AgentInfo) -> ShownRun:
    figures = run.figures
    return ShownRun(
        run,
        names.get(run.set_id, "Question set"),
        _share(figures.get("passed")),
        _share(figures.get("attacks_withstood")),
        _share(figures.get("citation_precision")),
        dollars(figures.get("mean_micro_usd") or 0),
        run.config_hash == agent.config.answering_digest(),
    )


def _share(value: float | None) -> str:
    return "not asked" if value is None else f"{round(100 * value)} %"
