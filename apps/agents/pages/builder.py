"""Making an agent: the gallery of templates, and one form beside the test chat."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.access import actor_required
from apps.accounts.selectors import names_of
from apps.agents import selectors, services
from apps.agents.catalogue import TEMPLATES
from apps.agents.errors import EditConflict
from apps.agents.pages.chat import chat_context, draft_routes
from apps.agents.pages.forms import AgentForm, initial_of
from apps.agents.pages.limit_words import limit_words
from apps.agents.pages.tool_words import shown_tools
from apps.agents.services import AgentChanges
from apps.agents.types import AgentInfo
from apps.core.errors import DomainError, InvalidInput
from apps.core.problems import CONTENT_TYPE, status_of
from apps.knowledge import selectors as knowledge
from apps.knowledge.services import uploads
from apps.knowledge.types import DocumentInfo
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor

# Fields of the form that the service calls otherwise.
_FORM_FIELDS = {"files": "file", "knowledge_base_ids": "knowledge", "classifier_version_id": "classifier"}


@require_safe
@actor_required
def agent_list(request: HttpRequest) -> HttpResponse:
    """The organisation's agents and the templates."""
    actor = actor_of(request)
    context = {
        "agents": selectors.agents(actor),
        "templates": TEMPLATES,
        "waiting": len(selectors.pending_calls(actor)),
    }
    return render(request, "agents/list.html", context)


@require_POST
@actor_required
def agent_new(request: HttpRequest) -> HttpResponse:
    """Start from a template."""
    agent = services.create_agent_from_template(actor=actor_of(request), template_key=request.POST.get("template", ""))
    return redirect("agent-edit", agent_id=agent.id)


@actor_required
def agent_edit(request: HttpRequest, agent_id: UUID) -> HttpResponseBase:
    """GET shows the form beside the test chat, POST saves the draft (204 to the page's own autosave)."""
    actor = actor_of(request)
    agent = selectors.agent(actor, agent_id)
    if request.method != "POST":
        return builder_page(request, actor, agent)
    form = _form(actor, agent, request)
    if not form.is_valid():
        return builder_page(request, actor, agent, form=form, status=422)
    try:
        services.update_agent(actor=actor, agent_id=agent_id, changes=_changes(form, request))
        if form.cleaned_data["file"] is not None:
            services.add_agent_documents(actor=actor, agent_id=agent_id, files=uploads([form.cleaned_data["file"]]))
    except InvalidInput as error:
        for problem in error.errors or [{"field": "", "message": error.message}]:
            field = _FORM_FIELDS.get(problem.get("field", ""), problem.get("field", ""))
            form.add_error(field if field in form.fields else None, problem["message"])
        return builder_page(request, actor, agent, form=form, status=422)
    except EditConflict as error:
        return _conflict(request, actor, agent, form, error)
    if request.headers.get("X-Autosave"):
        revision = selectors.agent(actor, agent_id).revision
        return HttpResponse(status=204, headers={"X-Revision": str(revision)})
    if request.POST.get("action") == "publish":
        return publish(request, actor, agent_id)
    messages.success(request, "Saved.")
    return redirect("agent-edit", agent_id=agent_id)


@require_safe
@actor_required
def agent_documents(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """The live list of the agent's documents (a fragment)."""
    actor = actor_of(request)
    context = {"documents": _documents(actor, selectors.agent(actor, agent_id)), "agent_id": agent_id}
    return render(request, "agents/partials/documents.html", context)


def _changes(form: AgentForm, request: HttpRequest) -> AgentChanges:
    """The form, with the draft that it was filled from: an older one is refused instead of overwriting others."""
    revision = request.POST.get("revision", "")
    return replace(form.changes(), revision=int(revision) if revision.isdigit() else None)


def _conflict(
    request: HttpRequest, actor: Actor, agent: AgentInfo, form: AgentForm, error: EditConflict
) -> HttpResponse:
    """Somebody else was quicker: the person chooses between theirs and hers, with hers still in the form."""
    changes = error.context.get("changes", [])
    ids = {UUID(change["by"]) for change in changes if change.get("by")}
    names = ["You, in another tab" if user_id == actor.user_id else name for user_id, name in names_of(ids).items()]
    who = " and ".join(names) or "Somebody else"
    what = ", ".join(dict.fromkeys(change["field"].partition(".")[0].replace("_", " ") for change in changes))
    message = f"{who} changed {what or 'this agent'} after you had opened it. Yours is not saved yet."
    if request.headers.get("X-Autosave"):
        body = {"detail": message, "revision": agent.revision, "code": error.code}
        return JsonResponse(body, status=status_of(error), content_type=CONTENT_TYPE)
    shown = EditConflict(error.code, message)
    return builder_page(request, actor, agent, form=form, problem=shown, status=status_of(error))


def publish(request: HttpRequest, actor: Actor, agent_id: UUID) -> HttpResponse:
    """Publish; what is missing is listed with links instead."""
    try:
        version = services.publish_agent(actor=actor, agent_id=agent_id)
    except DomainError as error:
        agent = selectors.agent(actor, agent_id)
        return builder_page(request, actor, agent, problem=error, status=status_of(error))
    messages.success(request, f"Version {version.number} is live.")
    return redirect("agent", agent_id=agent_id)


def builder_page(
    request: HttpRequest,
    actor: Actor,
    agent: AgentInfo,
    *,
    form: AgentForm | None = None,
    problem: DomainError | None = None,
    status: int = 200,
) -> HttpResponse:
    """The builder with what is wrong, if anything is."""
    context = {
        "agent": agent,
        "form": form or _form(actor, agent),
        "problem": problem,
        "is_conflict": isinstance(problem, EditConflict),
        "missing": selectors.missing_for_publishing(actor, agent.id),
        "documents": _documents(actor, agent),
        "tools": shown_tools(actor, agent),
        "limits": limit_words(agent.config),
        "topic": f"knowledge-base:{agent.config.knowledge_base_ids[0]}" if agent.config.knowledge_base_ids else "",
        **chat_context(
            request,
            actor,
            agent.id,
            routes=draft_routes(agent.id),
            starters=agent.config.starters,
            private=True,
        ),
    }
    return render(request, "agents/edit.html", context, status=status)


def _documents(actor: Actor, agent: AgentInfo) -> list[DocumentInfo]:
    return [document for base_id in agent.config.knowledge_base_ids for document in knowledge.documents(actor, base_id)]


def _form(actor: Actor, agent: AgentInfo, request: HttpRequest | None = None) -> AgentForm:
    return AgentForm(
        data=request.POST if request is not None else None,
        files=request.FILES if request is not None else None,
        initial=initial_of(agent.config),
        bases=knowledge.knowledge_bases(actor),
        classifiers=selectors.classifier_options(actor),
        language_models=selectors.language_model_options(actor),
    )
