"""An MCP server for each published agent, over streamable HTTP without sessions: any process answers any call."""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.conf import settings
from django.db import connections
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from apps.agents import runtime, services
from apps.agents.runtime import RunPlan
from apps.agents.servers.calls import Caller, for_caller, reason
from apps.agents.types import Answer, ChatDelta, ChatFinished, ChatStep, Source
from apps.agents.wishes import bad_value
from apps.core.errors import DependencyFailed, DomainError

ASK, SEARCH = "ask", "search"
MAX_CHARACTERS = 8000
_QUOTE = {
    "type": "object",
    "properties": {"document": {"type": "string"}, "place": {"type": "string"}, "quote": {"type": "string"}},
}
_ANSWER = {
    "type": "object",
    "properties": {
        "answer": {"type": "string"},
        "finish": {"type": "string"},
        "supported": {"type": "boolean"},
        "sources": {"type": "array", "items": _QUOTE},
    },
    "required": ["answer", "finish", "supported", "sources"],
}
_FOUND = {"type": "object", "properties": {"passages": {"type": "array", "items": _QUOTE}}, "required": ["passages"]}


async def serve(caller: Caller, scope: Any, receive: Any, send: Any) -> None:
    """Answer one HTTP request of an MCP client."""
    manager = StreamableHTTPSessionManager(_server(caller), stateless=True)
    async with manager.run():
        await manager.handle_request(scope, receive, send)


def _server(caller: Caller) -> Server[Any]:
    async def list_tools(context: Any, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=_tools(caller))

    async def call_tool(context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        try:
            return await _call(caller, context, params.name, params.arguments or {})
        except DomainError as error:
            text = types.TextContent(type="text", text=error.message)
            return types.CallToolResult(content=[text], structured_content=reason(error), is_error=True)

    agent = caller.agent
    return Server(
        agent.slug,
        version=str(agent.number),
        title=agent.name,
        description=agent.job,
        instructions=f"{agent.job} Use the tool {ASK} to put a question to {agent.name}.",
        website_url=f"{settings.PUBLIC_URL}/a/{agent.slug}/",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _tools(caller: Caller) -> list[types.Tool]:
    agent = caller.agent
    reads = types.ToolAnnotations(read_only_hint=True, open_world_hint=False)
    found = [
        types.Tool(
            name=ASK,
            title=f"Ask {agent.name}",
            description=f"{agent.job} Answers with the sentences of its documents that the answer rests on.",
            input_schema=_takes("question", "the question, in whole sentences"),
            output_schema=_ANSWER,
            annotations=reads,
        )
    ]
    if caller.is_owner:
        found.append(
            types.Tool(
                name=SEARCH,
                title=f"Search the documents of {agent.name}",
                description="The passages that fit a query best, without an answer. Only for the agent's owner.",
                input_schema=_takes("query", "what to look for"),
                output_schema=_FOUND,
                annotations=reads,
            )
        )
    return found


async def _call(caller: Caller, context: Any, name: str, arguments: dict[str, Any]) -> types.CallToolResult:
    if name == ASK:
        answer = await _ask(caller, context, _text(arguments, "question"))
        told = {
            "answer": answer.text,
            "finish": str(answer.finish),
            "supported": answer.is_supported,
            "sources": [_quoted(source) for source in answer.sources],
        }
        return types.CallToolResult(content=[types.TextContent(type="text", text=answer.text)], structured_content=told)
    if name == SEARCH and caller.is_owner:
        found = {"passages": await for_caller(caller, _search, caller, _text(arguments, "query"))}
        text = json.dumps(found, ensure_ascii=False)
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)], structured_content=found)
    raise bad_value("name", f"There is no tool {name} here.")


async def _ask(caller: Caller, context: Any, question: str) -> Answer:
    """The answer; a client that wants progress gets the words as they come."""
    begun = await for_caller(
        caller,
        lambda: services.begin_answer(actor=caller.actor, target=caller.target(), question=question, history=()),
    )
    answer: Answer | None = None
    pieces = 0
    async with ThreadSensitiveContext():
        async with aclosing(services.stream_answer(begun)) as events:  # type: ignore[type-var]  # an async generator
            async for event in events:
                if isinstance(event, ChatDelta):
                    pieces += 1
                    await context.session.report_progress(pieces, None, event.text)
                elif isinstance(event, ChatStep):
                    pieces += 1
                    await context.session.report_progress(pieces, None, f"team step {event.name}: {event.state}")
                elif isinstance(event, ChatFinished):
                    answer = event.answer
        await sync_to_async(connections.close_all)()
    if answer is None:
        raise DependencyFailed("no_answer", "The agent did not answer. Try again.")
    return answer


def _search(caller: Caller, query: str) -> list[dict[str, Any]]:
    target = caller.live_target()
    prepared = runtime.prepare(RunPlan(target.owner_id, target.config, target.document_ids), query)
    return [_quoted(source) for source in prepared.sources]


def _quoted(source: Source) -> dict[str, Any]:
    return {"document": source.document, "place": source.place, "quote": source.quote}


def _text(arguments: dict[str, Any], name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= MAX_CHARACTERS:
        raise bad_value(name, f"Text of 1 to {MAX_CHARACTERS} characters is needed.")
    return value


def _takes(name: str, description: str) -> dict[str, Any]:
    field = {"type": "string", "description": description, "minLength": 1, "maxLength": MAX_CHARACTERS}
    return {"type": "object", "properties": {name: field}, "required": [name], "additionalProperties": False}
