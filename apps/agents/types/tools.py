"""What tools are made of and what is decided about them: connections, tables, calls, evaluations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from apps.agents.types.words import CallState, ConnectionKind, EvaluationState


@dataclass(frozen=True)
class ConnectionInfo:
    """An address that agents may call; the secret itself is never shown."""

    id: UUID
    kind: ConnectionKind
    name: str
    url: str
    header: str
    has_secret: bool
    created_at: datetime

    @property
    def host(self) -> str:
        """Host and port of the address."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True)
class TableInfo:
    """An uploaded table that tools may ask; each column has a `name` and a `type`."""

    id: UUID
    name: str
    columns: tuple[dict[str, str], ...]
    rows: int
    size: int
    created_at: datetime


@dataclass(frozen=True)
class EvaluationInfo:
    """An evaluation: `answered` of `cases` are done; `figures` are there at the end."""

    id: UUID
    agent_id: UUID
    set_id: UUID
    state: EvaluationState
    cases: int
    answered: int
    figures: dict[str, Any]
    config_hash: str
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class PendingCallInfo:
    """A call with side effects and what became of it; `result` is text of a stranger."""

    id: UUID
    agent_id: UUID
    agent_name: str
    conversation_id: UUID | None
    tool: str
    arguments: dict[str, Any]
    state: CallState
    result: str
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None = None
    in_team: bool = False
    """Whether a team's step waits with it: it is decided on the page of the run."""
    answer_id: UUID | None = None
    """The answer that goes on after the decision: it can be followed like any other."""
    message_id: UUID | None = None
    """The stored message of that answer."""

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The arguments for people: each value with the path to it."""
        return argument_lines(self.arguments)


def argument_lines(arguments: dict[str, Any]) -> list[tuple[str, str]]:
    """The arguments of a call for people: each value with the path to it."""
    return list(_lines(arguments, ""))


def _lines(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _lines(item, f"{path}.{name}" if path else str(name))
    else:
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
