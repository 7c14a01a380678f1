"""Stored conversations and how each answer in them came about."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.agents.prices import dollars
from apps.agents.types.agents import KnowledgePin
from apps.agents.types.answers import Source, Turn

READ = "document_ids"
"""Detail of a step: the documents that it had words of."""
_UNTOLD = ("micro_usd", "priced", READ)
"""Details that the page of how an answer was made shows in another way, or not at all."""


@dataclass(frozen=True)
class Step:
    """Something that was done for an answer: `kind` is search, read, classify, tool, model or answer.

    `detail` holds plain values for the trace page.
    """

    kind: str
    name: str
    seconds: float
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def told(self) -> list[tuple[str, str]]:
        """The details in words, for people."""
        words = {True: "yes", False: "no", None: "none"}
        return [
            (key.replace("_", " ").capitalize(), words[value] if isinstance(value, bool | None) else str(value))
            for key, value in self.detail.items()
            if key not in _UNTOLD
        ]

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON column."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Step:
        """The inverse of `as_json`."""
        return cls(**value)


@dataclass(frozen=True)
class MessageInfo:
    """A stored message; `variants` are the ids of what stands in its place in other branches, itself included."""

    id: UUID
    role: str
    text: str
    sources: tuple[Source, ...]
    label: dict[str, Any] | None
    finish: str
    is_supported: bool
    problem: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    created_at: datetime
    parent_id: UUID | None = None
    variants: tuple[UUID, ...] = ()
    rating: int = 0
    micro_usd: int = 0

    @property
    def tokens(self) -> int:
        """Tokens read and written."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def price(self) -> str:
        """What the agent's owner paid for the model; empty where that is nothing, or not the reader's business."""
        return dollars(self.micro_usd) if self.micro_usd else ""

    @property
    def place(self) -> int:
        """Which of the variants this is, from 1."""
        return self.variants.index(self.id) + 1 if self.id in self.variants else 1


@dataclass(frozen=True)
class ConversationInfo:
    """A conversation of somebody with an agent; `url` is the page that goes on with it."""

    id: UUID
    agent_id: UUID
    agent_name: str
    title: str
    is_test: bool
    messages: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class AttachmentInfo:
    """A document of one conversation; `state` is its document's."""

    id: UUID
    document_id: UUID
    name: str
    state: str
    cause: str


@dataclass(frozen=True)
class Trace:
    """Everything that is known of how an answer came about. `prompt` is empty for another's agent."""

    message: MessageInfo
    question: str
    conversation: ConversationInfo
    agent_version_number: int | None
    agent_version_id: UUID | None
    config_hash: str
    language_model: str
    classifier: str
    knowledge: tuple[KnowledgePin, ...]
    steps: tuple[Step, ...]
    prompt: tuple[Turn, ...]
    first_token_s: float | None

    @property
    def money(self) -> tuple[int | None, bool]:
        """Micro-dollars that the model took, None where that is not known, and whether its prices are known."""
        for step in reversed(self.steps):
            if "micro_usd" in step.detail:
                return step.detail["micro_usd"], bool(step.detail.get("priced"))
        return (None, False) if self.message.tokens else (0, True)

    @property
    def first_token_text(self) -> str:
        """When the first words came."""
        return f"{self.first_token_s:.2f} s" if self.first_token_s is not None else "no words"

    @property
    def seconds_text(self) -> str:
        """When the answer was whole."""
        return f"{self.message.seconds:.2f} s"
