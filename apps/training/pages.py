"""Pages of training: `/training/` and `/models/<id>/`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from apps.accounts.access import actor_required
from apps.compute.types import Classification
from apps.core.errors import DomainError
from apps.core.pagination import cursor_page
from apps.core.problems import status_of
from apps.tenancy.actors import actor_of, maybe_actor
from apps.tenancy.types import Actor
from apps.training import selectors, services
from apps.training.curves import charts, curve_rows, table_rows
from apps.training.estimates import duration_words, estimate_s
from apps.training.forms import StartRunForm
from apps.training.policies import table
from apps.training.types import ModelVersionInfo, RunInfo, TrainingMethod, TrainingPermission

MODELS_SHOWN = 6
MAX_TEXT = 5_000


@require_safe
@actor_required
def run_list(request: HttpRequest) -> HttpResponse:
    """Runs and models of the organisation."""
    actor = actor_of(request)
    page = cursor_page(request, selectors.own_runs(actor))
    context = {
        "runs": selectors.run_infos(page.results),
        "page": page,
        "models": [selectors.version_info(row) for row in selectors.own_models(actor)[:MODELS_SHOWN]],
        "may_start": table.allows(actor, TrainingPermission.START),
    }
    return render(request, "training/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@actor_required
def run_new(request: HttpRequest) -> HttpResponse:
    """The form of a new run, and its start."""
    actor = actor_of(request)
    versions = selectors.trainable_versions(actor)
    initial = {"dataset_version": request.GET.get("dataset_version"), "method": TrainingMethod.HEAD}
    form = StartRunForm(request.POST if request.method == "POST" else None, versions=versions, initial=initial)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                run = services.start_run(actor=actor, **form.cleaned())
            except DomainError as error:
                form.refuse(error)
                status = status_of(error)
            else:
                return redirect("training-run", run_id=run.id)
        else:
            status = 422
    context = {
        "form": form,
        "has_versions": bool(versions),
        "methods": list(TrainingMethod),
        "estimates": [
            {
                "version": version,
                "head": duration_words(estimate_s(TrainingMethod.HEAD, version.row_count)),
                "lora": duration_words(estimate_s(TrainingMethod.LORA, version.row_count)),
            }
            for version in versions
        ],
    }
    return render(request, "training/new.html", context, status=status)


@require_safe
@actor_required
def run_page(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """A run, live while it goes on."""
    return render(request, "training/run.html", _run_context(actor_of(request), run_id))


@require_GET
@actor_required
def run_fragment(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The live part of a run's page."""
    return render(request, "training/partials/run.html", _run_context(actor_of(request), run_id))


@require_POST
@actor_required
def run_cancel(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Stop a run."""
    services.cancel_run(actor=actor_of(request), run_id=run_id)
    return redirect("training-run", run_id=run_id)


@require_safe
def model_page(request: HttpRequest, model_version_id: UUID) -> HttpResponse:
    """A model's card, and a box to try it for those who may use it."""
    return _model(request, selectors.visible_model(maybe_actor(request), model_version_id))


@require_POST
@actor_required
def model_try(request: HttpRequest, model_version_id: UUID) -> HttpResponse:
    """Classify the text of the try-it box: a fragment for htmx, else the whole page."""
    actor = actor_of(request)
    text = request.POST.get("text", "")[:MAX_TEXT]
    model = selectors.usable_model(actor, model_version_id)
    problem: DomainError | None = None
    answer: Classification | None = None
    try:
        answer = services.classify_texts(actor=actor, model_version_id=model_version_id, texts=[text])[0]
    except DomainError as error:
        problem = error
    context = {"problem": problem, "text": text, "answer": answer, "bars": _bars(answer)}
    status = 200 if problem is None else status_of(problem)
    if request.headers.get("HX-Request"):
        return render(request, "training/partials/answer.html", context, status=status)
    return _model(request, model, context, status)


def _model(
    request: HttpRequest, model: ModelVersionInfo, tried: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    actor = maybe_actor(request)
    url = request.build_absolute_uri(reverse("api-model-classify", args=[model.id]))
    snippet = f"""curl {url} \\
  -H "Authorization: Bearer $API_KEY" -H "Content-Type: application/json" \\
  -d '{{"texts": ["Your text"]}}'"""
    context = {
        "model": model,
        "may_use": selectors.may_use(actor, model),
        "is_own": actor is not None and actor.organisation_id == model.owner_id,
        "snippet": snippet,
        **(tried or {}),
    }
    return render(request, "training/model.html", context, status=status)


def _bars(answer: Classification | None) -> list[tuple[str, float]]:
    """Classes with their percentages, most probable first."""
    found = [] if answer is None else sorted(answer.probabilities.items(), key=lambda item: -item[1])
    return [(label, round(probability * 100, 1)) for label, probability in found[:10]]


def _run_context(actor: Actor, run_id: UUID) -> dict[str, Any]:
    run = selectors.training_run(actor, run_id)
    rows = curve_rows(run.job.events)
    steps = max((event.total_steps or 0 for event in run.job.events if event.loss is not None), default=0)
    return {
        "run": run,
        "charts": charts(rows, steps),
        "curve": table_rows(rows),
        "time_left": _time_left(run),
        "may_cancel": not run.state.final and table.allows(actor, TrainingPermission.CANCEL),
    }


def _time_left(run: RunInfo) -> str:
    if run.state.final or run.job.seconds_left is None:
        return ""
    return f"about {duration_words(run.job.seconds_left)} left"
