"""The chat on our pages: streamed to `<agent-chat>`, or a plain POST and a redirect to the stored conversation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages as notices
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from apps.agents import selectors, services, wire
from apps.agents.rendering import to_html
from apps.agents.types import ChatTarget, MessageInfo
from apps.core.errors import DomainError, NotFound
from apps.core.problems import CONTENT_TYPE, problem_of, status_of
from apps.tenancy.types import Actor

EVENT_STREAM = "text/event-stream"


@dataclass(frozen=True)
class ShownMessage:
    """A stored message as the template shows it."""

    message: MessageInfo
    html: SafeString
    anchor: str


def chat_context(
    request: HttpRequest, actor: Actor | None, agent_id: UUID, *, action: str, starters: tuple[str, ...], private: bool
) -> dict[str, Any]:
    """What `agents/partials/chat.html` needs.

    Args:
        action: where questions are posted.
        private: whether sources may link to the documents (the owner's own pages).
    """
    conversation_id = _uuid(request.GET.get("conversation", ""))
    shown: list[ShownMessage] = []
    if actor is not None and conversation_id is not None:
        try:
            shown = [_shown(message) for message in selectors.messages(actor, conversation_id, agent_id)]
        except NotFound:
            conversation_id = None
    return {
        "chat_action": action,
        "chat_messages": shown,
        "chat_starters": starters,
        "chat_conversation": conversation_id if shown else None,
        "chat_question": request.GET.get("question", ""),
        "chat_private": private,
    }


def chat(request: HttpRequest, actor: Actor, target: ChatTarget, page: str) -> HttpResponseBase:
    """Answer the posted question on the page `page`."""
    question = request.POST.get("question", "")
    conversation_id = _uuid(request.POST.get("conversation", ""))
    if EVENT_STREAM in request.headers.get("Accept", ""):
        return _streamed(actor, target, question, conversation_id)
    try:
        finished = services.answer(actor=actor, target=target, question=question, conversation_id=conversation_id)
    except DomainError as error:
        notices.error(request, error.message)
        query = {"question": question[:500]} | ({"conversation": str(conversation_id)} if conversation_id else {})
        return redirect(f"{page}?{urlencode(query)}#chat")
    return redirect(f"{page}?{urlencode({'conversation': str(finished.conversation_id)})}#chat")


def _streamed(actor: Actor, target: ChatTarget, question: str, conversation_id: UUID | None) -> HttpResponseBase:
    try:
        begun = services.begin_answer(actor=actor, target=target, question=question, conversation_id=conversation_id)
        stream = services.stream_answer(begun)
        return wire.event_stream(wire.chat_events(stream, f"answer-{uuid4().hex[:8]}"))
    except DomainError as error:
        response = JsonResponse(problem_of(error), status=status_of(error), content_type=CONTENT_TYPE)
        if error.retryable:
            response["Retry-After"] = "2"
        return response


def page_of(name: str, *args: object) -> str:
    """Address of a page by its route's name."""
    return reverse(name, args=list(args))


def _shown(message: MessageInfo) -> ShownMessage:
    anchor = f"message-{message.id.hex[-8:]}"
    prefix = f"{anchor}-" if message.role == "assistant" else ""
    return ShownMessage(message, to_html(message.text, source_prefix=prefix, sources=len(message.sources)), anchor)


def _uuid(raw: str) -> UUID | None:
    try:
        return UUID(raw)
    except ValueError:
        return None
