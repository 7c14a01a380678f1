"""An agent after it was made: versions, usage, where it answers, and the test chat's endpoint."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.access import actor_required
from apps.agents import selectors, services
from apps.agents.pages.builder import publish
from apps.agents.pages.chat import REASONS, attach, chat, chat_context, chat_log, draft_routes
from apps.agents.snippets import snippets
from apps.agents.types import AgentState, UsageSide
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor


@require_safe
@actor_required
def agent_detail(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """Versions, usage, address and snippets of an agent, and its test chat."""
    actor = actor_of(request)
    agent = selectors.agent(actor, agent_id)
    context = {
        "agent": agent,
        "versions": selectors.versions(actor, agent_id),
        "missing": selectors.missing_for_publishing(actor, agent_id),
        **_feedback(actor, agent_id),
        "usage": selectors.usage(actor, agent_id, UsageSide.SERVED),
        "public_url": f"{settings.PUBLIC_URL}{reverse('public-agent', args=[agent.slug])}",
        "snippets": snippets(agent.slug, agent.config.starters),
        **chat_context(
            request,
            actor,
            agent.id,
            routes=draft_routes(agent.id),
            starters=agent.config.starters,
            private=True,
        ),
    }
    return render(request, "agents/detail.html", context)


@require_POST
@actor_required
def agent_chat(request: HttpRequest, agent_id: UUID) -> HttpResponseBase:
    """Ask the draft."""
    actor = actor_of(request)
    target = selectors.draft_target(actor, agent_id)
    return chat(request, actor, target, draft_routes(agent_id))


@require_safe
@actor_required
def agent_chat_log(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """The turns of a test conversation (a fragment)."""
    actor = actor_of(request)
    agent = selectors.agent(actor, agent_id)
    return chat_log(request, actor, agent.id, draft_routes(agent.id), private=True)


@require_POST
@actor_required
def agent_attach(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """Attach a document to a test conversation."""
    actor = actor_of(request)
    return attach(request, actor, selectors.draft_target(actor, agent_id), draft_routes(agent_id))


@require_POST
@actor_required
def agent_publish(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """Publish the draft as it was saved."""
    return publish(request, actor_of(request), agent_id)


@require_POST
@actor_required
def agent_pause(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """Pause a published agent, or let a paused one go on."""
    actor = actor_of(request)
    if selectors.agent(actor, agent_id).state is AgentState.PAUSED:
        services.resume_agent(actor=actor, agent_id=agent_id)
        messages.success(request, "The agent answers again.")
    else:
        services.pause_agent(actor=actor, agent_id=agent_id)
        messages.success(request, "The agent is paused. Nobody else can use it until you resume it.")
    return redirect("agent", agent_id=agent_id)


def _feedback(actor: Actor, agent_id: UUID) -> dict[str, object]:
    found = selectors.feedback(actor, agent_id)
    rated = found.good + found.bad
    labels = {str(reason): label for reason, label in REASONS.items()}
    return {
        "feedback": found,
        "feedback_shown": [(labels.get(reason, reason), count) for reason, count in found.reasons.items()],
        "good_share": f"{100 * found.good // rated} %" if rated else "none",
        "good_hint": f"of {rated} rated" if rated else "nobody rated yet",
    }
