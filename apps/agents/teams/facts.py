"""Teams, runs and steps as plain values for pages and the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.agents.teams.types import Graph, GraphProblem, NodeKind, RunState, StepState


@dataclass(frozen=True)
class TeamInfo:
    """A team with its draft."""

    id: UUID
    slug: str
    template: str
    name: str
    job: str
    graph: Graph
    tokens: int
    tool_calls: int
    minutes: int
    revision: int
    current_version: int | None
    has_unpublished_changes: bool
    created_at: datetime


@dataclass(frozen=True)
class TeamVersionInfo:
    """A released state of a team; `agents` gives the version of each agent by slug, None where it is another's."""

    id: UUID
    number: int
    digest: str
    agents: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True)
class AgentChoice:
    """An agent that a team may call; a draft answers only in runs of the draft."""

    slug: str
    name: str
    job: str
    is_own: bool
    is_published: bool
    knowledge_base_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class StepInfo:
    """One step of a run."""

    id: UUID
    parent_id: UUID | None
    node: str
    kind: NodeKind
    name: str
    agent: str
    state: StepState
    attempt: int
    input: str
    output: str
    label: str
    choice: str
    sources: tuple[dict[str, Any], ...]
    tokens: int
    seconds: float
    problem: str
    problem_code: str
    approval: dict[str, Any] | None
    begun_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True)
class RunInfo:
    """A run with its steps in the order in which they came to be."""

    id: UUID
    team_id: UUID
    team_name: str
    version: int | None
    question: str
    state: RunState
    output: str
    problem: str
    tokens: int
    spent_tokens: int
    expires_at: datetime
    created_at: datetime
    ended_at: datetime | None
    graph: Graph
    steps: tuple[StepInfo, ...] = field(default=())

    @property
    def waiting(self) -> tuple[StepInfo, ...]:
        """What a person has to decide."""
        return tuple(step for step in self.steps if step.state in (StepState.WAITING, StepState.UNCERTAIN))

    @property
    def node_states(self) -> dict[str, str]:
        """The latest state of each node."""
        return {step.node: str(step.state) for step in self.steps if step.parent_id is None}


@dataclass(frozen=True)
class Check:
    """Whether a draft can run: what is wrong with it, node by node."""

    problems: tuple[GraphProblem, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def at(self, node: str) -> list[GraphProblem]:
        """The problems of one node ("" for those of the whole)."""
        return [problem for problem in self.problems if problem.node == node]
