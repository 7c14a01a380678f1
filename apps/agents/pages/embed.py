"""The widget: its script, the page in its frame, the questions of visitors, and its owner's settings.

The frame is of our origin and may stand in pages of the agent's origins only (`frame-ancestors`). It has no cookies of
ours: a signed ticket in the page lets it ask, on the account of the agent's owner and within the widget's key.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.access import actor_required
from apps.agents import selectors, services, wire
from apps.agents.rendering import to_html
from apps.agents.selectors import EmbeddedAgent
from apps.agents.types import Answer, ChatDelta, ChatEvent, ChatFinished, ChatStarted, Source, Visitor
from apps.core.errors import DomainError, InvalidInput, NotPermitted
from apps.core.problems import problem_response
from apps.core.tenant import tenant_scope
from apps.tenancy import quotas
from apps.tenancy.actors import actor_of

TICKET_HEADER = "X-Widget-Ticket"
TICKET_SALT = "agents.widget"
TICKET_S = 12 * 3600
MAX_BODY = 60_000
SCRIPT_CACHE_S = 3600
WIDGET = "src/agents/widget.ts"


class WidgetForm(forms.Form):
    """Where the widget may stand."""

    origins = forms.CharField(widget=forms.Textarea(attrs={"rows": 3, "placeholder": "https://www.example.org"}))


@require_safe
def widget_script(request: HttpRequest) -> HttpResponse:
    """`/widget.js`: the built script under an address that does not change."""
    built: Path = settings.BASE_DIR / "static" / "dist"
    manifest = json.loads((built / "manifest.json").read_text())
    script = built / manifest[WIDGET]["file"]
    response = HttpResponse(script.read_bytes(), content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = f"public, max-age={SCRIPT_CACHE_S}"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@require_safe
@never_cache
@xframe_options_exempt
def embed(request: HttpRequest, slug: str) -> HttpResponse:
    """The page in the frame."""
    found = selectors.embedded_agent(slug)
    ticket = signing.dumps({"agent": slug, "visitor": uuid4().hex}, salt=TICKET_SALT)
    response = render(request, "agents/embed.html", {"agent": found.agent, "ticket": ticket})
    # django-csp reads this; nothing else of the policy changes.
    response._csp_replace = {"frame-ancestors": list(found.origins)}  # type: ignore[attr-defined]
    return response


@csrf_exempt
@require_POST
def embed_chat(request: HttpRequest, slug: str) -> HttpResponseBase:
    """A visitor's question. The ticket proves that it comes from the frame; no cookie counts here."""
    try:
        found = selectors.embedded_agent(slug)
        visitor = _visitor(request, slug)
        quotas.admit(found.actor, request.path)
        with tenant_scope(found.actor.organisation_id):
            return _answer(request, found, visitor)
    except DomainError as error:
        return problem_response(error)


@require_http_methods(["GET", "POST"])
@actor_required
def agent_widget(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """The owner's settings: the origins, and the tag to copy."""
    actor = actor_of(request)
    agent = selectors.agent(actor, agent_id)
    widget = selectors.widget_of(actor, agent_id)
    form = WidgetForm(request.POST or None, initial={"origins": "\n".join(widget.origins) if widget else ""})
    if "remove" in request.POST:
        services.remove_widget(actor=actor, agent_id=agent_id)
        messages.success(request, "The widget is gone. Pages that have its tag show nothing.")
        return redirect("agent-widget", agent_id=agent_id)
    if form.is_bound and form.is_valid():
        try:
            services.set_widget(actor=actor, agent_id=agent_id, origins=form.cleaned_data["origins"].split())
            messages.success(request, "Copy the tag into your pages.")
            return redirect("agent-widget", agent_id=agent_id)
        except InvalidInput as error:
            form.add_error("origins", error.message)
    context = {"agent": agent, "widget": widget, "form": form, "tag": wire.widget_tag(agent.slug)}
    return render(request, "agents/widget.html", context, status=422 if form.is_bound else 200)


def _visitor(request: HttpRequest, slug: str) -> UUID:
    """Who asks: the one that the ticket was made for."""
    try:
        ticket = signing.loads(request.headers.get(TICKET_HEADER, ""), salt=TICKET_SALT, max_age=TICKET_S)
    except signing.BadSignature:
        ticket = {}
    if ticket.get("agent") != slug:
        raise NotPermitted("ticket_invalid", "This chat has expired. Open it again.")
    return UUID(ticket["visitor"])


def _answer(request: HttpRequest, found: EmbeddedAgent, visitor: UUID) -> HttpResponseBase:
    if len(request.body) > MAX_BODY:
        return JsonResponse({"detail": "The conversation is too long. Start again."}, status=413)
    try:
        body = json.loads(request.body)
    except ValueError:
        raise InvalidInput("invalid_request", "The request is not JSON.") from None
    history, question = wire.conversation(body.get("messages") if isinstance(body, dict) else None)
    target = selectors.published_target(found.actor, found.agent.slug, Visitor.of_widget(visitor))
    begun = services.begin_answer(
        actor=found.actor, target=target, question=question, history=history, reader_id=visitor
    )
    return wire.event_stream(_events(services.stream_answer(begun)))


async def _events(stream: AsyncIterator[ChatEvent]) -> AsyncIterator[bytes]:
    """What a visitor gets: the words, and the sentences they rest on; no passages and no ids."""
    try:
        async with aclosing(stream) as events:  # type: ignore[type-var]  # an async generator
            async for event in events:
                if isinstance(event, ChatStarted):
                    yield _sse("started", {"sources": [_shown(source) for source in event.sources if source.quote]})
                elif isinstance(event, ChatDelta):
                    yield _sse("delta", {"text": event.text})
                elif isinstance(event, ChatFinished):
                    yield _sse("finished", _finished(event.answer))
    except DomainError as error:
        yield _sse("failed", {"message": error.message})


def _finished(answer: Answer) -> dict[str, Any]:
    return {"text": answer.text, "html": to_html(answer.text), "supported": answer.is_supported}


def _shown(source: Source) -> dict[str, Any]:
    return {"number": source.number, "place": source.place, "quote": source.quote}


def _sse(event: str, value: dict[str, Any]) -> bytes:
    return f"event: {event}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
