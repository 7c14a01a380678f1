"""What a worker is given of a step, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from apps.agents.teams.grants import Grant
from apps.agents.teams.types import Edge, Node
from apps.agents.types import Turn
from apps.tenancy.types import Actor, Role


@dataclass(frozen=True)
class Claimed:
    """A step that this worker works on, with all that it needs."""

    step_id: UUID
    ticket: int
    attempt: int
    organisation_id: UUID
    user_id: UUID | None
    node: Node
    ways: tuple[Edge, ...]
    agent: str
    text: str
    label: str
    question: str
    grant: Grant
    agents: dict[str, Any]
    gathered: tuple[tuple[str, str], ...]
    is_worker: bool
    reader_id: UUID | None
    history: tuple[Turn, ...]
    is_part: bool

    @property
    def actor(self) -> Actor:
        """Who it is done for: the organisation that runs the team."""
        return Actor(self.user_id, self.organisation_id, Role.MEMBER)

    @property
    def scope(self) -> str:
        """Names the step to tools, however often it is begun."""
        return f"team-step:{self.step_id}"


@dataclass(frozen=True)
class Outcome:
    """What came of a step. `way` is the chosen way of a router; `workers` are called before a supervisor answers."""

    text: str = ""
    label: str = ""
    sources: tuple[dict[str, Any], ...] = ()
    way: Edge | None = None
    workers: tuple[str, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    notes: dict[str, Any] = field(default_factory=dict)
