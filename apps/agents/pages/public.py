"""The public page of a published agent: `/a/<slug>/`."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.access import actor_required
from apps.agents import selectors
from apps.agents.errors import LicenceRequired
from apps.agents.pages.chat import attach, chat, chat_context, chat_log, public_routes, visitor_of
from apps.agents.snippets import snippets
from apps.tenancy.actors import actor_of, maybe_actor
from apps.tenancy.selectors import organisation


@require_safe
def public_agent(request: HttpRequest, slug: str) -> HttpResponse:
    """Chat for those who may use the agent; for others what it is and where to get it (402)."""
    actor = maybe_actor(request)
    try:
        agent, problem = selectors.access_to(actor, slug), None
    except LicenceRequired as error:
        agent, problem = selectors.public_agent(slug), error
    context = {
        "agent": agent,
        "owner": organisation(agent.organisation_id),
        "problem": problem,
        "snippets": snippets(agent.slug, agent.starters),
        **chat_context(
            request,
            actor,
            agent.agent_id,
            routes=public_routes(slug),
            starters=agent.starters,
            private=False,
        ),
    }
    return render(request, "agents/public.html", context, status=402 if problem else 200)


@require_POST
@actor_required
def public_chat(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Ask the published version."""
    actor = actor_of(request)
    target = selectors.published_target(actor, slug, visitor_of(request))
    return chat(request, actor, target, public_routes(slug))


@require_safe
@actor_required
def public_chat_log(request: HttpRequest, slug: str) -> HttpResponse:
    """The turns of a conversation (a fragment)."""
    actor = actor_of(request)
    agent = selectors.access_to(actor, slug)
    return chat_log(request, actor, agent.agent_id, public_routes(slug), private=False)


@require_POST
@actor_required
def public_attach(request: HttpRequest, slug: str) -> HttpResponse:
    """Attach a document to a conversation."""
    actor = actor_of(request)
    return attach(request, actor, selectors.published_target(actor, slug, visitor_of(request)), public_routes(slug))
