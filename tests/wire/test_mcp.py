"""The MCP server of an agent by the `mcp` client, with the newest protocol and the handshake of the older ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent

from apps.agents.servers.calls import in_thread
from apps.agents.types import AgentInfo
from apps.assets import services as assets
from apps.assets.types import AccessRight
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = {"question": "What is the notice period?"}


@asynccontextmanager
async def connected(url: str, slug: str, key: str, **options: Any) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers, trust_env=False, timeout=60) as http:
        transport = streamable_http_client(f"{url}/a/{slug}/mcp", http_client=http)
        async with Client(transport, **options) as client:
            yield client


def text_of(result: CallToolResult) -> str:
    """The words of a tool's result."""
    return "".join(block.text for block in result.content if isinstance(block, TextContent))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_finds_the_tools_and_asks(
    actor: Actor, published: AgentInfo, key_of: Callable[..., str], asgi_url: str, mode: Any
) -> None:
    key = await in_thread(key_of, actor)
    async with connected(asgi_url, published.slug, key, mode=mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"ask", "search"}
        assert tools["ask"].input_schema["required"] == ["question"]
        told = await client.call_tool("ask", QUESTION)
        assert told.is_error is False
        assert "three months" in text_of(told)
        assert told.structured_content["sources"][0]["quote"].startswith("The notice period is three months")
        found = await client.call_tool("search", {"query": "notice period"})
        assert "three months" in found.structured_content["passages"][0]["quote"]


async def test_the_words_come_as_progress(
    actor: Actor, writer: AgentInfo, key_of: Callable[..., str], asgi_url: str
) -> None:
    key = await in_thread(key_of, actor)
    words: list[str] = []

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        words.append(message or "")

    async with connected(asgi_url, writer.slug, key) as client:
        question = {"question": "How long do I have to return an item?"}
        told = await client.call_tool("ask", question, progress_callback=heard)
    assert told.is_error is False
    assert len(words) > 3


async def test_others_ask_and_do_not_search(
    actor: Actor, other_actor: Actor, published: AgentInfo, key_of: Callable[..., str], asgi_url: str
) -> None:
    def grant() -> None:
        with tenant_scope(actor.organisation_id):
            assert published.asset_id is not None
            assets.grant_access(
                actor=actor,
                asset_id=published.asset_id,
                grantee_id=other_actor.organisation_id,
                right=AccessRight.USE,
                source_type="test.licence",
                source_id="mcp",
            )

    await in_thread(grant)
    key = await in_thread(key_of, other_actor)
    async with connected(asgi_url, published.slug, key) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["ask"]
        assert "three months" in text_of(await client.call_tool("ask", QUESTION))
        refused = await client.call_tool("search", {"query": "notice period"})
        assert refused.is_error is True
        assert "passages" not in refused.structured_content


async def test_bad_arguments_are_errors_that_a_model_can_read(
    actor: Actor, published: AgentInfo, key_of: Callable[..., str], asgi_url: str
) -> None:
    key = await in_thread(key_of, actor)
    async with connected(asgi_url, published.slug, key) as client:
        for arguments in ({}, {"question": ""}, {"question": 7}, {"question": "word " * 1500}):
            refused = await client.call_tool("ask", arguments)
            assert refused.is_error is True
            assert refused.structured_content["code"] in ("invalid_request", "prompt_too_long")


async def test_a_client_without_a_key_is_refused(published: AgentInfo, asgi_url: str) -> None:
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        answer = await http.post(f"{asgi_url}/a/{published.slug}/mcp", json=body)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
