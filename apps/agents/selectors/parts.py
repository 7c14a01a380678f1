"""Connections and tables that agents are built with, and the check that a configuration names only usable ones."""

from __future__ import annotations

from uuid import UUID

from apps.agents.models import Agent, AgentTable, Connection, TeamVersion
from apps.agents.policies import require
from apps.agents.selectors.access import access_to
from apps.agents.selectors.evaluations import get_set
from apps.agents.specs import AgentTool, EndpointModel, HttpTool, McpTool, RemoteTool, TableTool, TeamModel, ToolSpec
from apps.agents.types import AgentConfig, AgentsPermission, AnswerMode, ConnectionInfo, ConnectionKind, TableInfo
from apps.core.errors import InvalidInput, NotFound
from apps.datasets import selectors as datasets
from apps.datasets.types import DatasetVersionInfo
from apps.tenancy.types import Actor


def connections(actor: Actor) -> list[ConnectionInfo]:
    """The organisation's connections, newest first, without their secrets."""
    require(actor, AgentsPermission.EDIT)
    return [connection_info(row) for row in Connection.objects.all()]


def connection(actor: Actor, connection_id: UUID) -> ConnectionInfo:
    """One connection. Raises NotFound."""
    return connection_info(get_connection(actor, connection_id))


def connection_users(actor: Actor) -> dict[UUID, list[tuple[UUID, str]]]:
    """Id and name of the agents whose drafts use each connection, for a tool or as their model."""
    require(actor, AgentsPermission.EDIT)
    found: dict[UUID, list[tuple[UUID, str]]] = {}
    for row in Agent.objects.order_by("name", "id"):
        parts = [*row.tools, row.model]
        for raw in dict.fromkeys(part["connection_id"] for part in parts if part.get("connection_id")):
            found.setdefault(UUID(raw), []).append((row.id, row.name))
    return found


def tables(actor: Actor) -> list[TableInfo]:
    """The organisation's tables for tools, newest first."""
    require(actor, AgentsPermission.EDIT)
    return [table_info(row) for row in AgentTable.objects.all()]


def table(actor: Actor, table_id: UUID) -> TableInfo:
    """One table. Raises NotFound."""
    require(actor, AgentsPermission.EDIT)
    row = AgentTable.objects.filter(id=table_id).first()
    if row is None:
        raise NotFound("table_not_found", "There is no such table.", table_id=str(table_id))
    return table_info(row)


def require_usable(actor: Actor, config: AgentConfig) -> None:
    """Check that the organisation may use what the tools and the model name.

    Raises:
        NotFound: something is not there (any more) or another organisation's.
        InvalidInput: a connection is of another kind than what uses it.
    """
    if config.checks.evaluation_set_id is not None:
        get_set(actor, config.checks.evaluation_set_id)
    if isinstance(config.model, EndpointModel):
        _require_kind(actor, config.model.connection_id, ConnectionKind.MODEL, "model")
    if isinstance(config.model, TeamModel):
        _require_team(config, config.model)
    for index, spec in enumerate(config.tools):
        _require_tool(actor, spec, f"tools[{index}]")


def readable_dataset_version(actor: Actor, version_id: UUID) -> DatasetVersionInfo:
    """A dataset version whose rows the organisation may read. Raises DatasetNotFound or UseRightMissing."""
    found = datasets.dataset_version(version_id)
    return datasets.readable_version(actor, found.dataset_id, found.number)


def get_connection(actor: Actor, connection_id: UUID) -> Connection:
    """The row, of the actor's organisation."""
    require(actor, AgentsPermission.EDIT)
    row = Connection.objects.filter(id=connection_id).first()
    if row is None:
        raise NotFound("connection_not_found", "There is no such connection.", connection_id=str(connection_id))
    return row


def connection_info(row: Connection) -> ConnectionInfo:
    """A connection as a plain value."""
    return ConnectionInfo(
        row.id, ConnectionKind(row.kind), row.name, row.url, row.header, bool(row.sealed_secret), row.created_at
    )


def table_info(row: AgentTable) -> TableInfo:
    """A table as a plain value."""
    return TableInfo(row.id, row.name, tuple(row.columns), row.rows, row.size, row.created_at)


def _require_tool(actor: Actor, spec: ToolSpec, field: str) -> None:
    if isinstance(spec, HttpTool):
        _require_kind(actor, spec.connection_id, ConnectionKind.HTTP, field)
    elif isinstance(spec, McpTool):
        _require_kind(actor, spec.connection_id, ConnectionKind.MCP, field)
    elif isinstance(spec, RemoteTool):
        _require_kind(actor, spec.connection_id, ConnectionKind.AGENT, field)
    elif isinstance(spec, AgentTool):
        access_to(actor, spec.slug)
    elif isinstance(spec, TableTool) and spec.table_id is not None:
        table(actor, spec.table_id)
    elif isinstance(spec, TableTool) and spec.dataset_version_id is not None:
        readable_dataset_version(actor, spec.dataset_version_id)


def _require_team(config: AgentConfig, model: TeamModel) -> None:
    if not TeamVersion.objects.filter(id=model.version_id, team_id=model.team_id).exists():
        raise NotFound("team_not_found", "There is no such version of a team.", version_id=str(model.version_id))
    if config.tools or config.knowledge_base_ids or config.mode is not AnswerMode.GENERATE:
        message = "A team answers by its members: documents, tools and the way to answer are theirs."
        raise InvalidInput("team_has_no_parts", message, errors=[{"field": "model", "message": message}])


def _require_kind(actor: Actor, connection_id: UUID, kind: ConnectionKind, field: str) -> None:
    found = connection(actor, connection_id)
    if found.kind is not kind:
        message = f"{found.name} is a connection of another kind ({found.kind})."
        raise InvalidInput("wrong_connection_kind", message, errors=[{"field": field, "message": message}])
