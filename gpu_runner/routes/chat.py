"""`POST /v1/chat/completions`, whole or as server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from gpu_runner.app_state import AppState, Parts
from gpu_runner.engines.base import ChatCall, ChatEngine, ChatOutcome
from gpu_runner.errors import RunnerError, UnsupportedParameter
from gpu_runner.protocol import (
    AssistantMessage,
    ChatChoice,
    ChatChunk,
    ChatChunkChoice,
    ChatDelta,
    ChatRequest,
    ChatResponse,
    Usage,
)
from gpu_runner.serving import Generation

router = APIRouter()

DEFAULT_MAX_TOKENS = 512


@router.post("/v1/chat/completions", response_model=ChatResponse)
async def create_chat_completion(body: ChatRequest, request: Request, parts: Parts) -> Response:
    """Generate an answer. Errors before the first piece have their own status, later ones come as an event."""
    _check_supported(body)
    engine = parts.pool.engine(body.model, ChatEngine)  # type: ignore[type-abstract]  # asks for the interface
    generation = parts.serving.generation(engine, chat_call(body))
    if body.stream:
        return await _streamed(body, generation, parts)
    with parts.serving.admission():
        watcher = asyncio.create_task(_abandon_on_disconnect(request, generation))
        try:
            text = "".join([piece async for piece in generation.pieces()])
        finally:
            watcher.cancel()
    return JSONResponse(_whole(body.model, text, generation.outcome).model_dump())


def chat_call(body: ChatRequest) -> ChatCall:
    """The request as engines see it."""
    roles = {"developer": "system"}
    return ChatCall(
        messages=tuple((roles.get(message.role, message.role), message.text()) for message in body.messages),
        max_tokens=body.token_limit(DEFAULT_MAX_TOKENS),
        temperature=body.temperature,
        top_p=body.top_p,
        seed=body.seed,
        stop=tuple(body.stop_words()),
        response_format=body.response_format,
    )


def _check_supported(body: ChatRequest) -> None:
    if body.tools:
        raise UnsupportedParameter(
            "This model's chat template has no tools; choose the tool before the chat, or constrain the output with "
            "response_format.",
            field="tools",
        )
    if body.n not in (None, 1):
        raise UnsupportedParameter("One answer a request.", field="n")
    if body.logprobs:
        raise UnsupportedParameter("Log-probabilities are not given.", field="logprobs")


async def _abandon_on_disconnect(request: Request, generation: Generation) -> None:
    # The body is read by now: the next message is the disconnect, and until then this waits.
    while (await request.receive())["type"] != "http.disconnect":
        pass
    generation.abandon()


async def _streamed(body: ChatRequest, generation: Generation, parts: AppState) -> Response:
    with contextlib.ExitStack() as stack:
        stack.enter_context(parts.serving.admission())
        stack.callback(generation.abandon)
        pieces = generation.pieces()
        # The first piece is awaited here, so that an early failure still has its HTTP status.
        first = await anext(pieces, None)
        return _EventStream(_events(body, generation, first, pieces), stack.pop_all())


class _EventStream(StreamingResponse):
    """Gives its place and its generation back however the response ends, even if it never began."""

    def __init__(self, events: AsyncIterator[str], cleanup: contextlib.ExitStack) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        self._cleanup = cleanup

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        with self._cleanup:
            await super().__call__(scope, receive, send)


async def _events(
    body: ChatRequest,
    generation: Generation,
    first: str | None,
    pieces: AsyncIterator[str],
) -> AsyncIterator[str]:
    chunk_id, created = f"chatcmpl-{uuid.uuid4().hex}", int(time.time())

    def event(*choices: ChatChunkChoice, usage: Usage | None = None) -> str:
        chunk = ChatChunk(id=chunk_id, created=created, model=body.model, choices=list(choices), usage=usage)
        return f"data: {chunk.model_dump_json(exclude_none=True)}\n\n"

    yield event(ChatChunkChoice(delta=ChatDelta(role="assistant", content="")))
    try:
        if first is not None:
            yield event(ChatChunkChoice(delta=ChatDelta(content=first)))
            async for piece in pieces:
                yield event(ChatChunkChoice(delta=ChatDelta(content=piece)))
    except RunnerError as error:
        yield f"data: {error.body().model_dump_json()}\n\n"
    else:
        outcome = _finished(generation.outcome)
        yield event(ChatChunkChoice(delta=ChatDelta(), finish_reason=outcome.finish_reason))
        if body.stream_options is not None and body.stream_options.include_usage:
            yield event(usage=_usage(outcome))
    yield "data: [DONE]\n\n"


def _whole(model: str, text: str, outcome: ChatOutcome | None) -> ChatResponse:
    finished = _finished(outcome)
    choice = ChatChoice(message=AssistantMessage(content=text), finish_reason=finished.finish_reason)
    return ChatResponse(
        id=f"chatcmpl-{uuid.uuid4().hex}",
        created=int(time.time()),
        model=model,
        choices=[choice],
        usage=_usage(finished),
    )


def _finished(outcome: ChatOutcome | None) -> ChatOutcome:
    if outcome is None:
        raise RuntimeError("the generation ended without an outcome")
    return outcome


def _usage(outcome: ChatOutcome) -> Usage:
    total = outcome.prompt_tokens + outcome.completion_tokens
    return Usage(prompt_tokens=outcome.prompt_tokens, completion_tokens=outcome.completion_tokens, total_tokens=total)
