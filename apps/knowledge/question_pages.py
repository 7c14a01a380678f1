"""Pages of question sets: `/knowledge/<id>/questions/`."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from apps.accounts.access import actor_required
from apps.core.errors import Conflict, InvalidInput
from apps.core.problems import status_of
from apps.knowledge import selectors, services
from apps.tenancy.actors import actor_of

_MAX_FILE_BYTES = 2_000_000


@actor_required
def base_questions(request: HttpRequest, knowledge_base_id: UUID) -> HttpResponse:
    """GET shows the question sets (with `?part` their live list alone), POST adds one and asks it."""
    actor = actor_of(request)
    problem: InvalidInput | Conflict | None = None
    if request.method == "POST":
        try:
            name = request.POST.get("name", "")
            services.add_question_set(
                actor=actor, knowledge_base_id=knowledge_base_id, name=name, text=_questions(request)
            )
            return redirect("knowledge-questions", knowledge_base_id=knowledge_base_id)
        except (InvalidInput, Conflict) as error:
            problem = error
    context = {
        "base": selectors.knowledge_base(actor, knowledge_base_id),
        "back_url": reverse("knowledge-base", args=[knowledge_base_id]),
        "sets": selectors.question_sets(actor, knowledge_base_id),
        "problem": problem,
        "values": request.POST,
    }
    template = "knowledge/partials/questions.html" if "part" in request.GET else "knowledge/questions.html"
    return render(request, template, context, status=status_of(problem) if problem else 200)


@require_POST
@actor_required
def question_set_ask(request: HttpRequest, knowledge_base_id: UUID, set_id: UUID) -> HttpResponse:
    """Ask the questions again."""
    try:
        services.ask_question_set(actor=actor_of(request), knowledge_base_id=knowledge_base_id, set_id=set_id)
    except Conflict as error:
        messages.info(request, error.message)
    return redirect("knowledge-questions", knowledge_base_id=knowledge_base_id)


@require_POST
@actor_required
def question_set_remove(request: HttpRequest, knowledge_base_id: UUID, set_id: UUID) -> HttpResponse:
    """Delete the questions and what was found for them."""
    services.remove_question_set(actor=actor_of(request), knowledge_base_id=knowledge_base_id, set_id=set_id)
    messages.success(request, "The questions and their results were removed.")
    return redirect("knowledge-questions", knowledge_base_id=knowledge_base_id)


def _questions(request: HttpRequest) -> str:
    """What was typed, or the file's text."""
    file = request.FILES.get("file")
    if file is None:
        return str(request.POST.get("questions", ""))
    if (file.size or 0) > _MAX_FILE_BYTES:
        message = "The file is larger than 2 MB. Give at most 500 questions."
        raise InvalidInput("invalid_questions", message, errors=[{"field": "file", "message": message}])
    return bytes(file.read()).decode("utf-8", errors="replace")
