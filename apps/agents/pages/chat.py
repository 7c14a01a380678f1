"""The chat on our pages: streamed to `<agent-chat>`, or a plain POST and a redirect to the stored conversation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages as notices
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from apps.agents import selectors, services, streaming, wire
from apps.agents.rendering import to_html
from apps.agents.selectors import Branch
from apps.agents.types import ChatTarget, FeedbackReason, MessageInfo, Visitor
from apps.core.errors import DomainError, NotFound
from apps.core.problems import CONTENT_TYPE, problem_of, status_of
from apps.knowledge.services import uploads
from apps.tenancy.types import Actor

EVENT_STREAM = "text/event-stream"
PAST_SHOWN = 8
REASONS = {
    FeedbackReason.WRONG: "It is wrong",
    FeedbackReason.INCOMPLETE: "Something is missing",
    FeedbackReason.OFF_TOPIC: "Not what I asked",
    FeedbackReason.SOURCES: "The sources do not fit",
    FeedbackReason.TONE: "The tone",
    FeedbackReason.OTHER: "Something else",
}


@dataclass(frozen=True)
class ShownMessage:
    """A stored message as the template shows it; `previous` and `following` lead to its other variants."""

    message: MessageInfo
    html: SafeString
    anchor: str
    previous: UUID | None
    following: UUID | None


@dataclass(frozen=True)
class ChatRoutes:
    """Where the chat of a page posts to: names of routes that take `args`."""

    ask: str
    log: str
    attach: str
    page: str
    args: tuple[object, ...]

    def url(self, name: str) -> str:
        """Address of one of them."""
        return reverse(name, args=list(self.args))


DRAFT_ROUTES = ("agent-chat", "agent-chat-log", "agent-attachments", "agent-edit")
PUBLIC_ROUTES = ("public-agent-chat", "public-agent-chat-log", "public-agent-attachments", "public-agent")


def draft_routes(agent_id: UUID) -> ChatRoutes:
    """The test chat's."""
    return ChatRoutes(*DRAFT_ROUTES, args=(agent_id,))


def public_routes(slug: str) -> ChatRoutes:
    """The published agent's."""
    return ChatRoutes(*PUBLIC_ROUTES, args=(slug,))


def chat_context(
    request: HttpRequest,
    actor: Actor | None,
    agent_id: UUID,
    *,
    routes: ChatRoutes,
    starters: tuple[str, ...],
    private: bool,
) -> dict[str, Any]:
    """What `agents/partials/chat.html` needs.

    Args:
        private: whether sources may link to the documents (the owner's own pages).
    """
    conversation_id = _uuid(request.GET.get("conversation", ""))
    shown: list[ShownMessage] = []
    found = None
    if actor is not None and conversation_id is not None:
        try:
            leaf = _uuid(request.GET.get("leaf", ""))
            shown = [_shown(message) for message in selectors.messages(actor, conversation_id, agent_id, leaf)]
            found = selectors.conversation(actor, conversation_id)
        except NotFound:
            conversation_id = None
    edited = _uuid(request.GET.get("edit", ""))
    text = next((item.message.text for item in shown if item.message.id == edited), None)
    past = selectors.conversations(actor, agent_id)[:PAST_SHOWN] if actor is not None and not actor.is_guest else []
    attached = (
        selectors.attachments(actor, conversation_id)
        if actor is not None and found is not None and conversation_id
        else []
    )
    return {
        "chat_action": routes.url(routes.ask),
        "chat_log_url": routes.url(routes.log),
        "chat_attach_url": routes.url(routes.attach),
        "chat_page": routes.url(routes.page),
        "chat_messages": shown,
        "chat_starters": starters,
        "chat_conversation": conversation_id if found is not None else None,
        "chat_title": found.title if found is not None else "",
        "chat_leaf": shown[-1].message.id if shown else "",
        "chat_edit": edited if text is not None else "",
        "chat_question": text if text is not None else request.GET.get("question", ""),
        "chat_private": private,
        "chat_past": past,
        "chat_answering": streaming.answering_in(conversation_id) if found is not None and conversation_id else None,
        "chat_attachments": attached,
        "chat_calls": selectors.pending_calls(actor, found.id) if actor is not None and found is not None else [],
        "feedback_reasons": list(REASONS.items()),
    }


def visitor_of(request: HttpRequest) -> Visitor:
    """Who asks, for A/B tests: the posted conversation, or the one that begins."""
    return Visitor.in_conversation(_uuid(request.POST.get("conversation", "")))


def chat(request: HttpRequest, actor: Actor, target: ChatTarget, routes: ChatRoutes) -> HttpResponseBase:
    """Answer the posted question."""
    page = routes.url(routes.page)
    question = request.POST.get("question", "")
    conversation_id = _uuid(request.POST.get("conversation", ""))
    names = ("edit", "retry", "after")
    branch = Branch(**{name: _uuid(request.POST.get(name, "")) for name in names})
    if EVENT_STREAM in request.headers.get("Accept", ""):
        return _streamed(actor, target, question, conversation_id, branch)
    try:
        finished = services.answer(
            actor=actor, target=target, question=question, conversation_id=conversation_id, branch=branch
        )
    except DomainError as error:
        notices.error(request, error.message)
        query = {"question": question[:500]} | ({"conversation": str(conversation_id)} if conversation_id else {})
        return redirect(f"{page}?{urlencode(query)}#chat")
    return redirect(f"{page}?{urlencode({'conversation': str(finished.conversation_id)})}#chat")


def chat_log(request: HttpRequest, actor: Actor, agent_id: UUID, routes: ChatRoutes, *, private: bool) -> HttpResponse:
    """The turns of a conversation (a fragment)."""
    context = chat_context(request, actor, agent_id, routes=routes, starters=(), private=private)
    return render(request, "agents/partials/turns.html", context)


def attach(request: HttpRequest, actor: Actor, target: ChatTarget, routes: ChatRoutes) -> HttpResponse:
    """Attach the posted file to the conversation (JSON to the page's own script)."""
    conversation_id = _uuid(request.POST.get("conversation", ""))
    by_script = "application/json" in request.headers.get("Accept", "")
    try:
        files = uploads(request.FILES.getlist("file"))
        if not files:
            raise NotFound("no_file", "Choose a file first.")
        conversation_id, item = services.attach_document(
            actor=actor, target=target, conversation_id=conversation_id, file=files[0]
        )
    except DomainError as error:
        if by_script:
            return _problem(error)
        notices.error(request, error.message)
    else:
        if by_script:
            return JsonResponse({"conversation": str(conversation_id), "name": item.name}, status=201)
        notices.success(request, f"{item.name} is being read. Answers here will look in it.")
    query = f"?{urlencode({'conversation': str(conversation_id)})}" if conversation_id else ""
    return redirect(f"{routes.url(routes.page)}{query}#chat")


def answer_stream(events: AsyncIterator[streaming.LoggedEvent | None]) -> HttpResponseBase:
    """Events of an answer as they come."""
    return wire.event_stream(wire.event_blocks(events))


def _streamed(
    actor: Actor, target: ChatTarget, question: str, conversation_id: UUID | None, branch: Branch
) -> HttpResponseBase:
    try:
        answer_id, begun = streaming.begin(
            actor=actor, target=target, question=question, conversation_id=conversation_id, branch=branch
        )
    except DomainError as error:
        return _problem(error)

    response = answer_stream(streaming.given(answer_id, begun))
    response["X-Answer"] = str(answer_id)
    return response


def _problem(error: DomainError) -> JsonResponse:
    response = JsonResponse(problem_of(error), status=status_of(error), content_type=CONTENT_TYPE)
    if error.retryable:
        response["Retry-After"] = "2"
    return response


def _shown(message: MessageInfo) -> ShownMessage:
    anchor = f"message-{message.id.hex[-8:]}"
    prefix = f"{anchor}-" if message.role == "assistant" else ""
    html = to_html(message.text, source_prefix=prefix, sources=len(message.sources))
    at = message.place - 1
    previous = message.variants[at - 1] if at > 0 else None
    following = message.variants[at + 1] if at + 1 < len(message.variants) else None
    return ShownMessage(message, html, anchor, previous, following)


def _uuid(raw: str) -> UUID | None:
    try:
        return UUID(raw)
    except ValueError:
        return None
