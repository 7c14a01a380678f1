"""Answers on the wire: server-sent events for our own chat, and the shapes of the OpenAI API."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.http import StreamingHttpResponse

from apps.agents.rendering import to_html
from apps.agents.types import (
    Answer,
    ChatApproval,
    ChatDelta,
    ChatEvent,
    ChatFinished,
    ChatFound,
    ChatStarted,
    ChatStep,
    ChatTarget,
    FinishReason,
    Label,
    Source,
    Turn,
)
from apps.core.errors import DomainError, FieldProblem, InvalidInput


class SentEvent(Protocol):
    """An event of an answer with the id behind which reading goes on."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def data(self) -> dict[str, Any]: ...


def event_stream(chunks: AsyncIterator[bytes]) -> StreamingHttpResponse:
    """A `text/event-stream` that nothing on the way holds back."""
    response = StreamingHttpResponse(chunks, content_type="text/event-stream")
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


def own_event(event: ChatEvent, anchor: str) -> tuple[str, dict[str, Any]]:
    """Name and data of an event of our own chat: `found`, `started`, `step`, `delta`, `finished`.

    Args:
        anchor: prefix of the element ids of this answer's sources, so that citations can link to them.
    """
    if isinstance(event, ChatDelta):
        return "delta", {"text": event.text}
    if isinstance(event, ChatFound):
        return "found", {
            "sources": _sources(event.sources),
            "answer": anchor,
            "conversation": _id(event.conversation_id),
            "question": _id(event.question_id),
        }
    if isinstance(event, ChatStarted):
        quote = to_html(event.quote, source_prefix=f"{anchor}-", sources=len(event.sources)) if event.quote else ""
        return "started", {
            "sources": _sources(event.sources),
            "label": _label(event.label),
            "answer": anchor,
            "quote": quote,
        }
    if isinstance(event, ChatStep):
        return "step", {"name": event.name, "state": event.state}
    if isinstance(event, ChatApproval):
        return "approval", {"approval": str(event.approval_id), "tool": event.tool, "arguments": event.arguments}
    answer = event.answer
    return "finished", {
        "html": to_html(answer.text, source_prefix=f"{anchor}-", sources=len(answer.sources)),
        "finish": answer.finish,
        "supported": answer.is_supported,
        "tokens": answer.prompt_tokens + answer.completion_tokens,
        "seconds": answer.seconds,
        "conversation": _id(event.conversation_id),
        "message": _id(event.message_id),
    }


async def event_blocks(events: AsyncIterator[SentEvent | None]) -> AsyncIterator[bytes]:
    """Events of an answer as server-sent events. Their ids can be sent back as `Last-Event-ID` to go on behind them."""
    async with aclosing(events) as stream:  # type: ignore[type-var]  # an async generator
        async for event in stream:
            if event is None:
                yield b": still here\n\n"
            else:
                yield f"event: {event.name}\n".encode() + _data(event.data, f"id: {event.id}\n")


def answer(finished: ChatFinished) -> dict[str, Any]:
    """A whole answer of the test chat as JSON."""
    found = finished.answer
    return {
        "conversation_id": str(finished.conversation_id) if finished.conversation_id else None,
        "text": found.text,
        "finish": found.finish,
        "supported": found.is_supported,
        "sources": _sources(found.sources),
        "classification": _label(found.label),
        "prompt_tokens": found.prompt_tokens,
        "completion_tokens": found.completion_tokens,
        "seconds": found.seconds,
    }


def completion(identifier: str, target: ChatTarget, answer: Answer) -> dict[str, Any]:
    """A `chat.completion` with our extensions `sources`, `classification` and `supported`."""
    return {
        "id": identifier,
        "object": "chat.completion",
        "created": int(time.time()),
        "model": target.slug,
        "system_fingerprint": _fingerprint(target),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", **_content(target, answer)},
                "finish_reason": answer.finish.for_openai,
                "logprobs": None,
            }
        ],
        "usage": _usage(answer),
        **_extensions(answer),
    }


async def completion_chunks(
    stream: AsyncIterator[ChatEvent], identifier: str, target: ChatTarget, *, include_usage: bool
) -> AsyncIterator[bytes]:
    """`chat.completion.chunk` events, closed by `[DONE]`; the chunk that ends the choice carries the extensions."""
    base = {"id": identifier, "object": "chat.completion.chunk", "created": int(time.time()), "model": target.slug}
    base["system_fingerprint"] = _fingerprint(target)
    try:
        yield _data(base | {"choices": [_choice({"role": "assistant", "content": ""})]})
        sent = ""
        async with aclosing(stream) as events:  # type: ignore[type-var]  # an async generator
            async for event in events:
                if isinstance(event, ChatDelta):
                    sent += event.text
                    yield _data(base | {"choices": [_choice({"content": event.text})]})
                elif isinstance(event, ChatStep):
                    yield f": team step {json.dumps(event.name)} {event.state}\n\n".encode()
                elif isinstance(event, ChatFinished):
                    for chunk in _last_chunks(base, event.answer, sent, include_usage=include_usage):
                        yield chunk
        yield b"data: [DONE]\n\n"
    except DomainError as error:
        yield _data({"error": {"message": error.message, "type": "server_error", "code": error.code}})


def _last_chunks(base: dict[str, Any], answer: Answer, sent: str, *, include_usage: bool) -> list[bytes]:
    # What is kept may end differently from what was streamed: the documents' words behind an unsupported answer.
    tail = answer.text[len(sent) :] if answer.text.startswith(sent) else ""
    chunks = [_data(base | {"choices": [_choice({"content": tail})]})] if tail.strip() else []
    final = base | {"choices": [_choice({}, answer.finish)]} | _extensions(answer)
    chunks.append(_data(final))
    if include_usage:
        chunks.append(_data(base | {"choices": [], "usage": _usage(answer)}))
    return chunks


def conversation(messages: object) -> tuple[list[Turn], str]:
    """Earlier turns and the question of an OpenAI `messages` list.

    System messages are not turns; `caller_instructions` gives them.

    Raises:
        InvalidInput: naming the message that is not understood.
    """
    if not isinstance(messages, list) or not messages:
        raise _bad("messages", "Send at least one message.")
    turns = [
        Turn(role, text)
        for index, message in enumerate(messages)
        for role, text in [_message(index, message)]
        if role in ("user", "assistant")
    ]
    if not turns or turns[-1].role != "user":
        raise _bad("messages", "The last message must be the user's.")
    return turns[:-1], turns[-1].text


def caller_instructions(messages: list[Any]) -> list[str]:
    """The texts of the system and developer messages: they add to the agent's own instruction."""
    found = [_message(index, message) for index, message in enumerate(messages)]
    return [text for role, text in found if role in ("system", "developer")]


def _fingerprint(target: ChatTarget) -> str:
    """Changes when what answers changes."""
    return f"fp_{target.config.digest()[:12]}"


def _content(target: ChatTarget, answer: Answer) -> dict[str, Any]:
    """The text; where JSON was asked for and there is no answer, OpenAI's refusal."""
    if target.options.is_json and answer.finish is FinishReason.ABSTAINED:
        return {"content": None, "refusal": answer.text}
    return {"content": answer.text, "refusal": None}


def widget_tag(slug: str) -> str:
    """The one line that embeds an agent."""
    return f'<script src="{settings.PUBLIC_URL}/widget.js" data-agent="{slug}" async></script>'


def _message(index: int, message: object) -> tuple[str, str]:
    if not isinstance(message, dict):
        raise _bad(f"messages[{index}]", "A message is an object with role and content.")
    role, content = message.get("role"), message.get("content")
    if role not in ("system", "developer", "user", "assistant"):
        raise _bad(f"messages[{index}].role", "The role is system, developer, user or assistant.")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        if len(parts) != len(content) or not all(isinstance(part, str) for part in parts):
            raise _bad(f"messages[{index}].content", "Only parts of type text are understood.")
        content = "".join(str(part) for part in parts)
    if not isinstance(content, str):
        raise _bad(f"messages[{index}].content", "The content is text.")
    return str(role), content


def _bad(field: str, message: str) -> InvalidInput:
    problems: list[FieldProblem] = [{"field": field, "message": message}]
    return InvalidInput("invalid_request", f"{field}: {message}", errors=problems)


def _choice(delta: dict[str, str], finish: FinishReason | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish.for_openai if finish is not None else None}


def _usage(answer: Answer) -> dict[str, int]:
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "total_tokens": answer.prompt_tokens + answer.completion_tokens,
    }


def _extensions(answer: Answer) -> dict[str, Any]:
    return {
        "sources": _sources(answer.sources),
        "classification": _label(answer.label),
        "supported": answer.is_supported,
        "abstained": answer.finish is FinishReason.ABSTAINED,
    }


def _sources(sources: tuple[Source, ...]) -> list[dict[str, Any]]:
    return [source.as_json() for source in sources]


def _label(label: Label | None) -> dict[str, Any] | None:
    return label.as_json() if label is not None else None


def _id(value: UUID | None) -> str | None:
    return str(value) if value is not None else None


def _data(value: dict[str, Any], more: str = "") -> bytes:
    return f"data: {json.dumps(value, ensure_ascii=False, default=_plain)}\n{more}\n".encode()


def _plain(value: object) -> str:
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
