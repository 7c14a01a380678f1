"""The JSON-RPC endpoint: `a2a`'s dispatcher over our tasks and our agents."""

from __future__ import annotations

import json
from contextlib import aclosing
from functools import cache
from typing import Any

from a2a.helpers.proto_helpers import (
    new_data_part,
    new_task_from_user_message,
    new_text_message,
    new_text_part,
)
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.context import ServerCallContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers.default_request_handler_v2 import DefaultRequestHandlerV2
from a2a.server.routes.common import ServerCallContextBuilder
from a2a.server.routes.jsonrpc_dispatcher import JsonRpcDispatcher
from a2a.server.tasks import TaskUpdater
from a2a.types.a2a_pb2 import AgentCapabilities, AgentCard, Role, TaskState
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import connections
from starlette.requests import Request

from apps.agents import services
from apps.agents.remote import DEPTH_KEY, TOKENS_KEY
from apps.agents.servers.a2a.card import TEXT
from apps.agents.servers.a2a.store import DatabaseTasks, PolledTasks, caller_of, turns_of
from apps.agents.servers.calls import Caller, for_caller, identify, in_thread
from apps.agents.services import BegunAnswer
from apps.agents.teams.grants import Grant
from apps.agents.types import Answer, ChatDelta, ChatFinished, ChatStep, FinishReason
from apps.core.errors import DependencyFailed, DomainError, InvalidInput
from apps.core.tenant import tenant_scope

ANSWER = "answer"
SOURCES = "sources"
MAX_COUNT = 10**9
PIECE_CHARACTERS = 24
"""Words are passed on in pieces of about this size: each is a state of the task that is kept."""


async def serve(authorization: str, slug: str, scope: Any, receive: Any, send: Any) -> None:
    """Answer one JSON-RPC call of an agent; without a slug, of the one that the call names by `tenant`."""
    request = Request(scope, receive)
    agent = slug or _tenant(await request.body())
    request.state.caller = await in_thread(identify, authorization, agent, scope["path"])
    response = await _dispatcher().handle_requests(request)
    await response(scope, receive, send)


class Executor(AgentExecutor):
    """Answers a message as one task: its artifact grows while the agent writes."""

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Answer one message."""
        caller = caller_of(context.call_context)
        if context.message is None:
            return
        task = context.current_task
        if task is None:
            task = new_task_from_user_message(context.message)
            await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        await updater.start_work()
        try:
            begun = await for_caller(caller, _begin, caller, context, task.id)
            async with ThreadSensitiveContext():
                await self._stream(begun, updater)
                await sync_to_async(connections.close_all)()
        except DomainError as error:
            message = updater.new_agent_message([new_text_part(error.message)], metadata={"code": error.code})
            refused = isinstance(error, InvalidInput)
            await (updater.reject(message) if refused else updater.failed(message))

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Stop a task; what was written until then stays."""
        task = context.current_task
        if task is not None:
            await TaskUpdater(event_queue, task.id, task.context_id).cancel()

    async def _stream(self, begun: BegunAnswer, updater: TaskUpdater) -> None:
        sent, held = "", ""
        answer: Answer | None = None
        async with aclosing(services.stream_answer(begun)) as events:  # type: ignore[type-var]  # an async generator
            async for event in events:
                if isinstance(event, ChatDelta):
                    held += event.text
                    if len(held) >= PIECE_CHARACTERS:
                        await _add(updater, held, append=bool(sent))
                        sent, held = sent + held, ""
                elif isinstance(event, ChatStep):
                    await updater.update_status(TaskState.TASK_STATE_WORKING, _said(updater, event))
                elif isinstance(event, ChatFinished):
                    answer = event.answer
        if answer is None:
            raise DependencyFailed("no_answer", "The agent did not answer. Try again.")
        if answer.finish is FinishReason.OPEN:
            await updater.requires_input(updater.new_agent_message([new_text_part(answer.text)]))
            return
        # What is kept may differ from what was streamed; then it replaces it.
        grows = answer.text.startswith(sent)
        await _add(updater, answer.text[len(sent) :] if grows else answer.text, append=grows and bool(sent), last=True)
        if answer.sources:
            await updater.add_artifact([new_data_part(_sources(answer))], artifact_id=SOURCES, name=SOURCES)
        await updater.complete(_finish(updater, answer))


class _Contexts(ServerCallContextBuilder):
    """Hands on who calls."""

    def build(self, request: Request) -> ServerCallContext:
        state = {"caller": request.state.caller, "headers": dict(request.headers)}
        return ServerCallContext(state=state)


@cache
def _dispatcher() -> JsonRpcDispatcher:
    card = AgentCard(
        name="agents",
        description="Published agents",
        version="1",
        capabilities=AgentCapabilities(streaming=True, push_notifications=False, extended_agent_card=False),
        default_input_modes=TEXT,
        default_output_modes=TEXT,
    )
    handler = DefaultRequestHandlerV2(
        agent_executor=Executor(),
        task_store=DatabaseTasks(),
        agent_card=card,
        event_stream=PolledTasks(),
        validate_input_modes=True,
    )
    return JsonRpcDispatcher(handler, context_builder=_Contexts(), enable_v0_3_compat=True)


def _begin(caller: Caller, context: RequestContext, task_id: str) -> BegunAnswer:
    history = turns_of(caller, context.context_id or "", context.task_id or "")
    with tenant_scope(caller.actor.organisation_id):
        return services.begin_answer(
            actor=caller.actor,
            target=caller.target(context.context_id or "").narrowed(_granted(context), ""),
            question=context.get_user_input(),
            history=history,
            resume_key=f"task:{task_id}",
        )


def _granted(context: RequestContext) -> Grant:
    """What a caller that is an agent itself lets this one do; nothing in a message widens what it may."""
    metadata = context.message.metadata if context.message is not None else {}
    depth, tokens = (_whole(metadata[key]) if key in metadata else None for key in (DEPTH_KEY, TOKENS_KEY))
    return Grant(depth=depth, tokens=tokens)


def _whole(value: Any) -> int:
    """A count; what is none counts as nothing left."""
    return min(int(value), MAX_COUNT) if isinstance(value, int | float) and 0 <= value < float("inf") else 0


def _said(updater: TaskUpdater, step: ChatStep) -> Any:
    words = f"team step {step.name}: {step.state}"
    return updater.new_agent_message([new_text_part(words)], metadata={"step": step.name, "state": step.state})


async def _add(updater: TaskUpdater, text: str, *, append: bool, last: bool = False) -> None:
    await updater.add_artifact([new_text_part(text)], artifact_id=ANSWER, name=ANSWER, append=append, last_chunk=last)


def _sources(answer: Answer) -> dict[str, Any]:
    shown = ("number", "document", "page", "heading", "quote")
    return {"sources": [{name: getattr(source, name) for name in shown} for source in answer.sources]}


def _finish(updater: TaskUpdater, answer: Answer) -> Any:
    message = new_text_message(str(answer.finish), role=Role.ROLE_AGENT)
    message.task_id, message.context_id = updater.task_id, updater.context_id
    message.metadata.update(
        {
            "finish": str(answer.finish),
            "supported": answer.is_supported,
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
        }
    )
    return message


def _tenant(body: bytes) -> str:
    """The agent that a call to the platform's own address names."""
    try:
        value = json.loads(body)
        named = value["params"]["tenant"]
    except (ValueError, TypeError, KeyError):
        named = ""
    if not isinstance(named, str) or not named:
        raise InvalidInput("agent_missing", "Name the agent in params.tenant, or call its own address.")
    return named
