"""Question sets: cases added, changed and removed one by one, or many from a file."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from apps.accounts.access import actor_required
from apps.agents import selectors, services
from apps.agents.evaluating import cases_in_file
from apps.agents.models import EvaluationSet
from apps.agents.pages.evaluation_forms import CaseFileForm, CaseForm
from apps.core.errors import DomainError, InvalidInput
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor

UNPROCESSABLE = 422
MAX_FILE_BYTES = 2_000_000
FIRST = {"question": "What would somebody ask?", "expected": []}


@require_POST
@actor_required
def question_set_new(request: HttpRequest) -> HttpResponse:
    """Begin a set with one example question."""
    made = services.save_evaluation_set(
        actor=actor_of(request), name=request.POST.get("name", "") or "New question set", cases=[FIRST]
    )
    return redirect("question-set", evaluation_set_id=made.id)


@actor_required
def question_set(request: HttpRequest, evaluation_set_id: UUID) -> HttpResponse:
    """GET shows the cases, POST changes them."""
    actor = actor_of(request)
    row = selectors.get_set(actor, evaluation_set_id)
    if request.method != "POST":
        return _page(request, row)
    action = request.POST.get("action", "")
    if action == "add":
        return _add(request, actor, row)
    if action == "file":
        return _from_file(request, actor, row)
    if action == "delete":
        return _deleted(request, actor, row)
    if action == "remove":
        number = request.POST.get("number", "")
        left = [case for at, case in enumerate(row.cases, start=1) if str(at) != number]
        return _saved(request, actor, row, left, row.name, "The question is removed.")
    return _saved(request, actor, row, row.cases, request.POST.get("name", ""), "Saved.")


def _add(request: HttpRequest, actor: Actor, row: EvaluationSet) -> HttpResponse:
    form = CaseForm(request.POST)
    if form.is_valid():
        cases = [case for case in row.cases if case["question"] != FIRST["question"]]
        try:
            _save(actor, row, [*cases, form.case()], row.name)
        except InvalidInput as error:
            for problem in error.errors or [{"field": "", "message": error.message}]:
                field = problem["field"].rpartition("]")[0].rpartition("[")[2]
                form.add_error(field if field in form.fields else None, problem["message"])
        else:
            messages.success(request, "The question is added.")
            return redirect("question-set", evaluation_set_id=row.id)
    return _page(request, row, form=form)


def _from_file(request: HttpRequest, actor: Actor, row: EvaluationSet) -> HttpResponse:
    form = CaseFileForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            found = cases_in_file(form.cleaned_data["file"].read(MAX_FILE_BYTES))
            cases = [case for case in row.cases if case["question"] != FIRST["question"]]
            _save(actor, row, [*cases, *found], row.name)
        except ValueError:
            form.add_error("file", "This is neither CSV with a column question nor JSON lines.")
        except InvalidInput as error:
            for problem in (error.errors or [{"field": "", "message": error.message}])[:5]:
                form.add_error("file", f"{problem['field']}: {problem['message']}")
        else:
            messages.success(request, f"{len(found)} questions are added.")
            return redirect("question-set", evaluation_set_id=row.id)
    return _page(request, row, file_form=form)


def _saved(
    request: HttpRequest, actor: Actor, row: EvaluationSet, cases: list[Any], name: str, said: str
) -> HttpResponse:
    try:
        _save(actor, row, cases, name)
        messages.success(request, said)
    except InvalidInput as error:
        problem = "A set needs at least one question." if not cases else error.message
        messages.error(request, problem)
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("question-set", evaluation_set_id=row.id)


def _deleted(request: HttpRequest, actor: Actor, row: EvaluationSet) -> HttpResponse:
    try:
        services.delete_evaluation_set(actor=actor, set_id=row.id)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("question-set", evaluation_set_id=row.id)
    messages.success(request, f"{row.name} is deleted, with the evaluations that were made with it.")
    return redirect("agents")


def _save(actor: Actor, row: EvaluationSet, cases: list[Any], name: str) -> None:
    services.save_evaluation_set(actor=actor, set_id=row.id, name=name, cases=cases)


def _page(
    request: HttpRequest, row: EvaluationSet, *, form: CaseForm | None = None, file_form: forms.Form | None = None
) -> HttpResponse:
    context = {
        "set": row,
        "form": form or CaseForm(),
        "file_form": file_form or CaseFileForm(),
        "runs": row.runs.count(),
        "is_new": [case["question"] for case in row.cases] == [FIRST["question"]],
    }
    status = UNPROCESSABLE if form is not None or file_form is not None else 200
    return render(request, "agents/question_set.html", context, status=status)
