"""The tools of a configuration, ready to be called: connections opened, secrets unsealed, grants applied."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any
from uuid import UUID

from asgiref.sync import sync_to_async

from apps.agents.models import AgentTable, Connection
from apps.agents.selectors.parts import readable_dataset_version
from apps.agents.specs import (
    AgentTool,
    CalculatorTool,
    HttpTool,
    KnowledgeTool,
    McpTool,
    RemoteTool,
    TableTool,
    ToolSpec,
)
from apps.agents.teams.grants import Grant
from apps.agents.tools import calculator, foreign_agents, mcp_servers, openapi, tables
from apps.agents.tools.base import Example, Offered, ToolFailed
from apps.agents.tools.openapi import Reach
from apps.core import guarded, vault
from apps.core.errors import DomainError
from apps.core.sealing import Unsealable, unseal
from apps.core.tenant import tenant_scope
from apps.datasets import selectors as datasets
from apps.datasets.types import FileFormat
from apps.tenancy.types import Actor

CHANGED = "The server has changed {name} since its owner accepted it. It waits until the owner looks at it again."
SECRET_PURPOSE = "agent-connection"  # noqa: S105  # the name of a purpose

Ask = Callable[[str, str], Awaitable[str]]
"""Asks another agent (slug, question) on behalf of the one who asks this one."""

Search = Callable[[str], Awaitable[str]]

Delegate = Callable[[], Grant]
"""What somebody who is asked now may do. Raises ToolFailed where nobody may be asked any more."""


@dataclass(frozen=True)
class Workshop:
    """What tools are made with: whose they are, and how they ask back."""

    owner_id: UUID
    ask: Ask
    search: Search
    delegate: Delegate
    is_strong: bool


async def offered(specs: Sequence[ToolSpec], shop: Workshop) -> tuple[list[Offered], list[str]]:
    """The tools, and a line for each that cannot be offered now (its server is away, its table is gone)."""
    found: list[Offered] = []
    problems: list[str] = []
    for spec in specs:
        try:
            found += await _made(spec, shop, problems)
        except ToolFailed as error:
            problems.append(f"{spec.name}: {error.message}")
        except DomainError as error:
            problems.append(f"{spec.name}: {error.message}")
    return found, problems


def reach_of(owner_id: UUID, connection_id: UUID) -> tuple[Reach, dict[str, Any]]:
    """Where a connection leads, with its secret opened, and its document.

    Raises:
        ToolFailed: it is gone, or its secret cannot be opened.
    """
    with tenant_scope(owner_id):
        row = Connection.objects.filter(id=connection_id).first()
    if row is None:
        raise ToolFailed("The connection was removed.", is_untouched=True)
    headers: dict[str, str] = {}
    if row.sealed_secret:
        try:
            secret = unseal(owner_id, SECRET_PURPOSE, row.sealed_secret).decode()
        except Unsealable:
            raise ToolFailed("The secret of the connection cannot be opened. Enter it again.") from None
        is_bare_key = row.header.lower() == "authorization" and " " not in secret
        headers[row.header] = f"Bearer {secret}" if is_bare_key else secret
    return Reach(row.url, headers, guarded.LOOPBACK_IS_REACHED), row.document


async def _made(spec: ToolSpec, shop: Workshop, problems: list[str]) -> list[Offered]:
    match spec:
        case CalculatorTool():
            return [calculator.offer(spec)]
        case TableTool():
            columns, opened = await sync_to_async(_table)(spec, shop.owner_id)
            if columns is None:
                columns = (await tables.run_child(opened, {"sql": "describe"}))["columns"]
            return [tables.offer(spec, columns, opened, is_strong=shop.is_strong)]
        case HttpTool():
            reach, document = await sync_to_async(reach_of)(shop.owner_id, spec.connection_id)
            return list(openapi.offers(spec, document, reach))
        case McpTool():
            reach, _ = await sync_to_async(reach_of)(shop.owner_id, spec.connection_id)
            found, changed = await mcp_servers.offers(spec, reach)
            problems += [f"{spec.name}: {CHANGED.format(name=name)}" for name in changed]
            return found
        case AgentTool():
            return [_asking(spec, shop.ask)]
        case RemoteTool():
            reach, _ = await sync_to_async(reach_of)(shop.owner_id, spec.connection_id)
            return [foreign_agents.offer(spec, reach, shop.delegate)]
        case KnowledgeTool():
            return [_searching(spec, shop.search)]


def _table(spec: TableTool, owner_id: UUID) -> tuple[Sequence[dict[str, Any]] | None, Callable[[], IO[bytes]]]:
    """The columns where they are known, and how to open the Parquet file."""
    with tenant_scope(owner_id):
        if spec.table_id is not None:
            row = AgentTable.objects.filter(id=spec.table_id).first()
            if row is None:
                raise ToolFailed("The table was removed.", is_untouched=True)
            key = row.storage_key
            return row.columns, lambda: _file(owner_id, key)
        if spec.dataset_version_id is None:
            raise ToolFailed("The tool has no table.", is_untouched=True)
        version = readable_dataset_version(Actor.system(owner_id), spec.dataset_version_id)
    return None, lambda: datasets.open_file(version, FileFormat.PARQUET)


def _file(owner_id: UUID, key: str) -> IO[bytes]:
    try:
        return vault.open_object(owner_id, key)
    except FileNotFoundError:
        raise ToolFailed("The file of the table is gone.", is_untouched=True) from None
    except DomainError as error:
        raise ToolFailed(error.message, is_untouched=True) from None


def _asking(spec: AgentTool, ask: Ask) -> Offered:
    async def call(arguments: dict[str, Any], _key: str) -> str:
        return await ask(spec.slug, str(arguments.get("question", "")))

    return Offered(
        name=spec.name,
        spec_name=spec.name,
        purpose=spec.purpose or f"Asks the agent {spec.slug}.",
        schema=_one_text("question", 1_000),
        call=call,
        likenesses=spec.examples,
        guess=lambda question: {"question": question[:1_000]},
        render=lambda _arguments, result: result,
    )


def _searching(spec: KnowledgeTool, search: Search) -> Offered:
    async def call(arguments: dict[str, Any], _key: str) -> str:
        return await search(str(arguments.get("query", "")))

    return Offered(
        name=spec.name,
        spec_name=spec.name,
        purpose=spec.purpose,
        schema=_one_text("query", 300),
        call=call,
        likenesses=spec.examples,
        examples=(Example("When do you open?", {"query": "opening hours"}),),
        guess=lambda question: {"query": question[:300]},
        render=lambda _arguments, result: result,
    )


def _one_text(name: str, longest: int) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": "string", "maxLength": longest}},
        "required": [name],
        "additionalProperties": False,
    }
