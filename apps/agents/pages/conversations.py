"""Conversations and answers: list, rename, delete, export; follow, stop, rate and trace an answer."""

from __future__ import annotations

import json
from uuid import UUID

from django.contrib import messages as notices
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_POST, require_safe

from apps.accounts.access import actor_required
from apps.agents import selectors, services, streaming
from apps.agents.errors import AgentNotFound
from apps.agents.pages.chat import answer_stream
from apps.agents.pages.trace_words import price_of, shown_steps
from apps.agents.rendering import to_html
from apps.agents.types import ConversationInfo, MessageInfo
from apps.core.errors import DomainError, InvalidInput
from apps.core.problems import CONTENT_TYPE, problem_of, status_of
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor


@require_safe
@actor_required
def conversation_list(request: HttpRequest) -> HttpResponse:
    """The signed-in person's conversations with all agents."""
    actor = actor_of(request)
    words = request.GET.get("q", "")
    found = [(item, page_of_conversation(actor, item)) for item in selectors.conversations(actor, words=words)]
    return render(request, "agents/conversations.html", {"conversations": found, "words": words})


@require_POST
@actor_required
def conversation_rename(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """Give it another title."""
    actor = actor_of(request)
    try:
        services.rename_conversation(actor=actor, conversation_id=conversation_id, title=request.POST.get("title", ""))
    except InvalidInput as error:
        notices.error(request, error.message)
    return redirect("conversations")


@require_POST
@actor_required
def conversation_delete(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """Delete it with its messages and attached documents."""
    services.delete_conversation(actor=actor_of(request), conversation_id=conversation_id)
    notices.success(request, "The conversation is deleted.")
    return redirect("conversations")


@require_safe
@actor_required
def conversation_export(request: HttpRequest, conversation_id: UUID, kind: str) -> HttpResponse:
    """The shown branch as a download: Markdown to read, JSON with sources and figures to work with."""
    actor = actor_of(request)
    found = selectors.conversation(actor, conversation_id)
    messages = selectors.messages(actor, conversation_id, found.agent_id)
    name = slugify(found.title)[:60] or "conversation"
    if kind == "json":
        body, content_type = _as_json(found, messages), "application/json"
    else:
        body, content_type = _as_markdown(found, messages), "text/markdown; charset=utf-8"
    response = HttpResponse(body, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return response


@require_safe
@actor_required
def attachment_list(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """The documents of a conversation and how far they were read (a fragment)."""
    actor = actor_of(request)
    found = selectors.conversation(actor, conversation_id)
    context = {"chat_attachments": selectors.attachments(actor, found.id), "chat_conversation": found.id}
    return render(request, "agents/partials/attachments.html", context)


@require_POST
@actor_required
def attachment_remove(request: HttpRequest, conversation_id: UUID, attachment_id: UUID) -> HttpResponse:
    """Take a document away from a conversation."""
    actor = actor_of(request)
    services.detach_document(actor=actor, conversation_id=conversation_id, attachment_id=attachment_id)
    return redirect(page_of_conversation(actor, selectors.conversation(actor, conversation_id)) or "conversations")


@require_GET
@actor_required
def answer_events(request: HttpRequest, answer_id: UUID) -> HttpResponseBase:
    """An answer that is being given, from the beginning or behind `Last-Event-ID`."""
    try:
        streaming.check_owner(actor_of(request), answer_id)
    except DomainError as error:
        return HttpResponse(json.dumps(problem_of(error)), status=status_of(error), content_type=CONTENT_TYPE)
    after = request.headers.get("Last-Event-ID", "")
    known = [part.isdigit() for part in after.split("-")] == [True, True]
    return answer_stream(streaming.follow(answer_id, after if known else "0-0"))


@require_POST
@actor_required
def answer_stop(request: HttpRequest, answer_id: UUID) -> HttpResponse:
    """End an answer where it is; what was written is kept."""
    streaming.check_owner(actor_of(request), answer_id)
    streaming.ask_to_stop(answer_id)
    return HttpResponse(status=204)


@require_POST
@actor_required
def message_rate(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """A thumb for an answer, with a reason."""
    actor = actor_of(request)
    raw = request.POST.get("rating", "")
    services.rate_answer(
        actor=actor,
        message_id=message_id,
        rating=int(raw) if raw in ("-1", "0", "1") else 9,
        reason=request.POST.get("reason", ""),
        comment=request.POST.get("comment", ""),
    )
    if request.headers.get("X-Autosave"):
        return HttpResponse(status=204)
    notices.success(request, "Thank you. The agent's owner sees your rating, not your conversation.")
    found = selectors.trace(actor, message_id).conversation
    return redirect(page_of_conversation(actor, found) or "conversations")


@require_safe
@actor_required
def message_trace(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """How an answer came about."""
    actor = actor_of(request)
    found = selectors.trace(actor, message_id)
    is_own = _is_own(actor, found.conversation)
    price, hint = price_of(found, is_own=is_own)
    context = {
        "trace": found,
        "steps": shown_steps(actor, found.steps),
        "html": to_html(found.message.text),
        "back": page_of_conversation(actor, found.conversation),
        "is_own": is_own,
        "price": price,
        "price_hint": hint,
        "slowest": max([step.seconds for step in found.steps] + [found.message.seconds, 0.001]),
    }
    return render(request, "agents/trace.html", context)


def page_of_conversation(actor: Actor, found: ConversationInfo) -> str | None:
    """The page that goes on with a conversation; None where the agent is gone or no longer the actor's to use."""
    if found.is_test:
        try:
            page = reverse("agent-edit", args=[selectors.agent(actor, found.agent_id).id])
        except DomainError:
            return None
    else:
        slug = selectors.slug_of(found.agent_id)
        if slug is None:
            return None
        page = reverse("public-agent", args=[slug])
    return f"{page}?conversation={found.id}#chat"


def _is_own(actor: Actor, found: ConversationInfo) -> bool:
    try:
        selectors.agent(actor, found.agent_id)
    except AgentNotFound:
        return False
    return True


def _as_json(found: ConversationInfo, messages: list[MessageInfo]) -> str:
    body = {
        "id": str(found.id),
        "title": found.title,
        "agent": found.agent_name,
        "created_at": found.created_at.isoformat(),
        "messages": [
            {
                "role": message.role,
                "text": message.text,
                "created_at": message.created_at.isoformat(),
                "sources": [source.as_json() for source in message.sources],
                "classification": message.label,
                "finish": message.finish,
                "prompt_tokens": message.prompt_tokens,
                "completion_tokens": message.completion_tokens,
                "seconds": message.seconds,
                "rating": message.rating,
            }
            for message in messages
        ],
    }
    return json.dumps(body, ensure_ascii=False, indent=2)


def _as_markdown(found: ConversationInfo, messages: list[MessageInfo]) -> str:
    parts = [f"# {found.title}", f"With {found.agent_name}, {found.created_at:%d %B %Y %H:%M} UTC"]
    for message in messages:
        parts.append(f"## {'You' if message.role == 'user' else found.agent_name}\n\n{message.text}")
        if message.sources:
            parts.append("\n".join(f"[{source.number}] {source.place}: {source.quote}" for source in message.sources))
    return "\n\n".join(parts) + "\n"
