"""Agents and what surrounds them: configurations, versions, usage."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.agents.specs import (
    AnswerChecks,
    Budget,
    BundledModel,
    EndpointModel,
    Extras,
    GuardRails,
    ModelChoice,
    ToolSpec,
)
from apps.agents.types.words import AgentState, AnswerMode, Tone
from apps.core.money import Money


@dataclass(frozen=True)
class AgentConfig:
    """Everything that decides how an agent answers. Frozen into a version when published."""

    name: str
    job: str
    instruction: str
    tone: Tone = Tone.FRIENDLY
    mode: AnswerMode = AnswerMode.GENERATE
    language_model_version_id: UUID | None = None
    classifier_version_id: UUID | None = None
    knowledge_base_ids: tuple[UUID, ...] = ()
    starters: tuple[str, ...] = ()
    temperature: float = 0.2
    max_answer_tokens: int = 160
    passages: int = 4
    tools: tuple[ToolSpec, ...] = ()
    model: ModelChoice = field(default_factory=BundledModel)
    guard: GuardRails = field(default_factory=GuardRails)
    budget: Budget = field(default_factory=Budget)
    checks: AnswerChecks = field(default_factory=AnswerChecks)

    def extras(self) -> Extras:
        """The parts that are stored as JSON."""
        return Extras(tools=self.tools, model=self.model, guard=self.guard, budget=self.budget, checks=self.checks)

    def as_json(self) -> dict[str, Any]:
        """Plain values for the API, a JSON column and differences."""
        plain = {name: value for name, value in vars(self).items() if name not in Extras.model_fields}
        ids = ("language_model_version_id", "classifier_version_id")
        plain |= {name: None if plain[name] is None else str(plain[name]) for name in ids}
        plain |= {"tone": str(self.tone), "mode": str(self.mode), "starters": list(self.starters)}
        plain["knowledge_base_ids"] = [str(base_id) for base_id in self.knowledge_base_ids]
        return plain | self.extras().model_dump(mode="json")

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> AgentConfig:
        """The inverse of `as_json`."""
        plain = {name: item for name, item in value.items() if name not in Extras.model_fields}
        for name in ("language_model_version_id", "classifier_version_id"):
            plain[name] = None if plain[name] is None else UUID(plain[name])
        plain |= {"tone": Tone(plain["tone"]), "mode": AnswerMode(plain["mode"])}
        plain |= {"starters": tuple(plain["starters"])}
        plain["knowledge_base_ids"] = tuple(UUID(base_id) for base_id in plain["knowledge_base_ids"])
        parts = {name: value[name] for name in Extras.model_fields if name in value}
        return cls(**plain, **vars(Extras.model_validate(parts)))

    def digest(self) -> str:
        """SHA-256 of the canonical JSON: equal for equal behaviour. Parts at their defaults do not count."""
        plain = {name: value for name, value in vars(self).items() if name not in Extras.model_fields}
        plain |= {name: value for name, value in self.extras().stored().items() if value}
        raw = json.dumps(plain, sort_keys=True, default=str, ensure_ascii=False)
        return hashlib.sha256(raw.encode()).hexdigest()

    @property
    def has_prices(self) -> bool:
        """Whether it is known what an answer costs: the platform's own models take no money."""
        model = self.model
        return not isinstance(model, EndpointModel) or bool(model.input_price or model.output_price)

    def answering_digest(self) -> str:
        """As `digest`, of what decides about answers: without the checks before publishing."""
        return replace(self, checks=AnswerChecks()).digest()


@dataclass(frozen=True)
class KnowledgePin:
    """A knowledge base at one of its releases."""

    knowledge_base_id: UUID
    release_id: UUID
    asset_version_id: UUID
    number: int

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON column."""
        return {
            "knowledge_base_id": str(self.knowledge_base_id),
            "release_id": str(self.release_id),
            "asset_version_id": str(self.asset_version_id),
            "number": self.number,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> KnowledgePin:
        """The inverse of `as_json`."""
        return cls(
            UUID(value["knowledge_base_id"]),
            UUID(value["release_id"]),
            UUID(value["asset_version_id"]),
            int(value["number"]),
        )


@dataclass(frozen=True)
class AgentInfo:
    """An agent with its draft configuration."""

    id: UUID
    organisation_id: UUID
    slug: str
    template: str
    state: AgentState
    config: AgentConfig
    asset_id: UUID | None
    current_version: int | None
    has_unpublished_changes: bool
    created_at: datetime
    revision: int = 1


@dataclass(frozen=True)
class AgentVersionInfo:
    """A published, immutable version; `asset_version_id` is its entry in the asset registry."""

    id: UUID
    agent_id: UUID
    number: int
    config: AgentConfig
    knowledge: tuple[KnowledgePin, ...]
    asset_version_id: UUID
    created_at: datetime


@dataclass(frozen=True)
class RevisionInfo:
    """One saved change of a draft: which fields it touched, and who made it."""

    number: int
    fields: tuple[str, ...]
    user_id: UUID | None
    created_at: datetime


@dataclass(frozen=True)
class PublicAgent:
    """What anybody may know of a published agent."""

    agent_id: UUID
    asset_id: UUID
    asset_version_id: UUID
    version_id: UUID
    organisation_id: UUID
    slug: str
    name: str
    job: str
    starters: tuple[str, ...]
    number: int
    is_paused: bool
    published_at: datetime


@dataclass(frozen=True)
class Missing:
    """Something that stands between a draft and publishing, and where to put it right."""

    code: str
    message: str
    url: str


@dataclass(frozen=True)
class UsageSummary:
    """Calls of an agent in the shown period."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    callers: int


@dataclass(frozen=True)
class Offer:
    """How to get the right to use an agent: the page that sells it and the price, if it says one."""

    url: str
    price: Money | None = None


@dataclass(frozen=True)
class FeedbackSummary:
    """What people thought of an agent's answers in the shown period."""

    good: int
    bad: int
    reasons: dict[str, int]
    comments: tuple[str, ...]


@dataclass(frozen=True)
class ModelOption:
    """A model version that an agent can be built with."""

    asset_version_id: UUID
    name: str
    note: str = ""
