"""What happened to agents."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apps.core.outbox import Event


@dataclass(frozen=True)
class AgentPublished(Event):
    """A version of an agent went live."""

    agent_id: UUID
    agent_version_id: UUID
    asset_id: UUID
    asset_version_id: UUID
    slug: str


@dataclass(frozen=True)
class AgentCalled(Event):
    """A published agent answered somebody; published for the owner's organisation."""

    agent_id: UUID
    asset_id: UUID
    caller_organisation_id: UUID
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class TeamStepQueued(Event):
    """A step of a team's run waits for a worker; `ticket` tells this request from earlier ones."""

    step_id: UUID
    ticket: int


@dataclass(frozen=True)
class TeamRunEnded(Event):
    """A run that answers a question to an agent has come to its end."""

    run_id: UUID


@dataclass(frozen=True)
class ResponseQueued(Event):
    """A caller of the API wants a response that is answered in the background."""

    response_id: UUID


@dataclass(frozen=True)
class AnswerGoesOn(Event):
    """All that an answer waited for is decided; published for the organisation of the one who asked."""

    paused_id: UUID
    owner_id: UUID


@dataclass(frozen=True)
class EvaluationQueued(Event):
    """An evaluation of a draft waits for a worker."""

    run_id: UUID
