"""Tools of MCP servers over streamable HTTP, through the guarded client.

What a server says about its tools (names, descriptions, hints, results) is text of a stranger: names are checked
against the owner's choice, hints are ignored, results are clipped and marked as data.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from apps.agents.specs import McpTool
from apps.agents.tools.base import MAX_RESULT_BYTES, TOOL_TIMEOUT_S, Offered, ToolFailed
from apps.agents.tools.openapi import Reach, tool_name
from apps.core.guarded import guarded_client

LIST_TIMEOUT_S = 10.0
MAX_SCHEMA_CHARACTERS = 8_000


async def server_tools(reach: Reach) -> list[dict[str, Any]]:
    """Name, description, argument schema and digest of each tool of a server.

    Raises:
        ToolFailed: the server cannot be reached or does not speak MCP.
    """
    async with _connected(reach, LIST_TIMEOUT_S) as client:
        listed = await client.list_tools()
    return [
        {
            "name": tool.name,
            "description": (tool.description or "")[:500],
            "schema": dict(tool.input_schema),
            "digest": digest_of(tool.description or "", dict(tool.input_schema)),
        }
        for tool in listed.tools
    ]


async def offers(spec: McpTool, reach: Reach) -> tuple[list[Offered], list[str]]:
    """The chosen tools, and the names of those that are not what the owner accepted. Raises ToolFailed where the server
    is away."""
    found: list[Offered] = []
    changed: list[str] = []
    for tool in await server_tools(reach):
        if tool["name"] not in spec.tools or len(str(tool["schema"])) > MAX_SCHEMA_CHARACTERS:
            continue
        if spec.accepted and spec.accepted.get(tool["name"]) != tool["digest"]:
            changed.append(tool["name"])
        else:
            found.append(_offered(spec, reach, tool))
    return found, changed


def digest_of(description: str, schema: dict[str, Any]) -> str:
    """SHA-256 of what a server says of a tool: what an owner's acceptance is bound to."""
    said = json.dumps([description, schema], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(said.encode()).hexdigest()


async def call_tool(reach: Reach, name: str, arguments: dict[str, Any], key: str) -> str:
    """The text of a tool's result.

    Raises:
        ToolFailed: it failed, or the server cannot be reached.
    """
    meta: Any = {"idempotencyKey": key} if key else None
    async with _connected(reach, TOOL_TIMEOUT_S) as client:
        result = await client.call_tool(name, arguments, meta=meta)
    text = "\n".join(part.text for part in result.content if part.type == "text")
    if result.is_error:
        raise ToolFailed(f"The tool answered with an error: {text[:300]}")
    return text or "(no text)"


def _offered(spec: McpTool, reach: Reach, tool: dict[str, Any]) -> Offered:
    async def call(arguments: dict[str, Any], key: str) -> str:
        return await call_tool(reach, tool["name"], arguments, key)

    return Offered(
        name=tool_name(spec.name, tool["name"]),
        spec_name=spec.name,
        purpose=f"{spec.purpose} {tool['description']}".strip()[:500],
        schema=tool["schema"],
        call=call,
        has_effects=tool["name"] not in spec.harmless,
        likenesses=(*spec.examples, tool["description"] or tool["name"]),
    )


@asynccontextmanager
async def _connected(reach: Reach, timeout_s: float) -> AsyncIterator[Client]:
    """A session for one exchange, ended whatever the server does."""
    try:
        async with (
            asyncio.timeout(timeout_s),
            guarded_client(
                max_bytes=MAX_RESULT_BYTES,
                timeout_s=timeout_s,
                headers=reach.headers,
                allow_loopback=reach.allow_loopback,
            ) as http,
            Client(streamable_http_client(reach.url, http_client=http), read_timeout_seconds=timeout_s) as client,
        ):
            yield client
    except ToolFailed:
        raise
    except TimeoutError:
        raise ToolFailed(f"The MCP server did not answer within {timeout_s:.0f} seconds and was cut off.") from None
    except (MCPError, httpx2.HTTPError, OSError, ExceptionGroup) as error:
        raise ToolFailed(_reason(error)) from None


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        if failed := error.subgroup(ToolFailed):
            return str(failed.exceptions[0])
        error = error.exceptions[0]
    return f"The MCP server did not answer properly: {str(error)[:200] or type(error).__name__}"
