"""Tools in plain words: what one does, what it may reach, and what waits for approval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.urls import reverse

from apps.agents import selectors, services
from apps.agents.selectors.teams import agent_choices
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
from apps.agents.types import AgentInfo
from apps.core.errors import DomainError, NotFound
from apps.tenancy.types import Actor

COLUMNS_SHOWN = 8


@dataclass(frozen=True)
class ShownTool:
    """One tool of an agent.

    Attributes:
        freely: what it does without asking.
        asks_first: what waits until the one who asked allows it.
        problem: why it does not work now.
        change_url: the page that changes it; empty where there is nothing to choose.
    """

    name: str
    kind: str
    icon: str
    title: str
    words: str
    freely: tuple[str, ...] = ()
    asks_first: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    problem: str = ""
    change_url: str = ""

    @property
    def waits(self) -> bool:
        """Whether any call of it waits for approval."""
        return bool(self.asks_first)


def shown_tools(actor: Actor, agent: AgentInfo) -> list[ShownTool]:
    """The draft's tools, each in words."""
    return [_shown(actor, agent, spec) for spec in agent.config.tools]


def _shown(actor: Actor, agent: AgentInfo, spec: ToolSpec) -> ShownTool:
    match spec:
        case CalculatorTool():
            words = "Calculates: sums, products, percentages, powers, roots. It reaches nothing outside."
            return ShownTool(spec.name, "Calculator", "plus", "Calculator", words)
        case TableTool():
            return _table(actor, spec)
        case HttpTool():
            return _connected(actor, agent, spec, "Web API", spec.operations)
        case McpTool():
            return _connected(actor, agent, spec, "MCP server", spec.tools)
        case AgentTool():
            return _agent(actor, spec)
        case RemoteTool():
            return _foreign(actor, agent, spec)
        case KnowledgeTool():
            words = "Searches the agent's documents again when the model asks for it. It only reads."
            return ShownTool(spec.name, "Search", "search", "Search in the documents", words)


def _table(actor: Actor, spec: TableTool) -> ShownTool:
    title = spec.name.replace("_", " ").capitalize()
    words = "Counts, adds up and lists its rows. It only reads."
    plain = ShownTool(spec.name, "Table", "database", title, words, examples=spec.examples)
    if spec.table_id is None:
        return plain
    try:
        table = selectors.table(actor, spec.table_id)
    except NotFound:
        problem = "The table was removed. Remove this tool, or upload the table again."
        return replace(plain, words="", problem=problem)
    except DomainError:  # this person may look at the agent, not at its parts
        return plain
    names = [column["name"] for column in table.columns]
    more = f" and {len(names) - COLUMNS_SHOWN} more" if len(names) > COLUMNS_SHOWN else ""
    columns = ", ".join(names[:COLUMNS_SHOWN]) + more
    words = f"Counts, adds up and lists the table's {table.rows:,} rows. Columns: {columns}. It only reads."
    return replace(plain, title=table.name, words=words)


def _agent(actor: Actor, spec: AgentTool) -> ShownTool:
    known = {choice.slug: choice.name for choice in agent_choices(actor)}
    name = known.get(spec.slug, "")
    return ShownTool(
        spec.name,
        "Agent",
        "bot",
        name or spec.slug,
        "Passes a question on to this agent and takes its answer. What that one uses counts to this one's budget.",
        examples=spec.examples,
        problem="" if name else "This agent is not there any more, or not yours to use.",
    )


def _foreign(actor: Actor, agent: AgentInfo, spec: RemoteTool) -> ShownTool:
    plain = ShownTool(spec.name, "Foreign agent", "bot", spec.name, spec.purpose, examples=spec.examples)
    try:
        connection = selectors.connection(actor, spec.connection_id)
    except NotFound:
        return replace(plain, words="", problem="The connection was removed. Remove this tool, or connect again.")
    except DomainError:
        return plain
    asking = ("questions to it",)
    return replace(
        plain,
        title=connection.name,
        words=f"Passes a question on to the agent at {connection.url}. {spec.purpose}".strip(),
        freely=asking if spec.harmless else (),
        asks_first=() if spec.harmless else asking,
        change_url=reverse("agent-tool-connection", args=[agent.id, connection.id]),
    )


def _connected(actor: Actor, agent: AgentInfo, spec: HttpTool | McpTool, kind: str, chosen: Sequence[str]) -> ShownTool:
    plain = ShownTool(spec.name, kind, "link", spec.name, "Calls a service outside.", examples=spec.examples)
    try:
        connection = selectors.connection(actor, spec.connection_id)
    except NotFound:
        problem = "The connection was removed. Remove this tool, or connect again."
        return replace(plain, words="", problem=problem)
    except DomainError:
        return plain
    free = set(spec.harmless)
    if isinstance(spec, HttpTool):
        free |= services.reading_operations(actor=actor, connection_id=spec.connection_id)
    return replace(
        plain,
        title=connection.name,
        words=f"Calls {connection.url}.",
        freely=tuple(name for name in chosen if name in free),
        asks_first=tuple(name for name in chosen if name not in free),
        change_url=reverse("agent-tool-connection", args=[agent.id, connection.id]),
    )
