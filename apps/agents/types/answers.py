"""Answers, and the events of a chat while one is given."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any
from uuid import UUID

from apps.agents.teams.grants import EVERYTHING, Grant
from apps.agents.types.ab_tests import Assigned
from apps.agents.types.agents import AgentConfig, AgentVersionInfo
from apps.agents.types.words import FinishReason


@dataclass(frozen=True)
class Source:
    """A passage beside an answer; `number` is what [n] in the answer means, offsets are within the document's text."""

    number: int
    document: str
    document_id: UUID
    knowledge_base_id: UUID
    chunk_id: UUID
    ordinal: int
    page: int | None
    heading: str
    start: int
    end: int
    text: str
    quote: str
    similarity: float
    quote_start: int | None = None
    quote_end: int | None = None

    @property
    def place(self) -> str:
        """Where to look, in words."""
        parts = [self.document]
        if self.page is not None:
            parts.append(f"page {self.page}")
        if self.heading:
            parts.append(self.heading)
        return ", ".join(parts)

    @property
    def before(self) -> str:
        """The passage up to the quoted sentence."""
        return self.text.split(self.quote, 1)[0] if self.quote else self.text

    @property
    def after(self) -> str:
        """The passage behind the quoted sentence."""
        return self.text.split(self.quote, 1)[1] if self.quote and self.quote in self.text else ""

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON column, the API and the browser."""
        plain = asdict(self)
        ids = {name: str(plain[name]) for name in ("document_id", "knowledge_base_id", "chunk_id")}
        return plain | ids | {"place": self.place}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Source:
        """The inverse of `as_json`."""
        plain = {key: item for key, item in value.items() if key != "place"}
        ids = {name: UUID(plain[name]) for name in ("document_id", "knowledge_base_id", "chunk_id")}
        return cls(**(plain | ids))


@dataclass(frozen=True)
class Label:
    """What the classifier decided; `confidence` and `probabilities` are between 0 and 1."""

    label: str
    confidence: float
    probabilities: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON column, the API and the browser."""
        return asdict(self)


@dataclass(frozen=True)
class Turn:
    """One earlier message of a conversation: role `user` or `assistant`."""

    role: str
    text: str


@dataclass(frozen=True)
class Answer:
    """A finished answer with everything that is stored beside it."""

    text: str
    finish: FinishReason
    sources: tuple[Source, ...]
    label: Label | None
    is_supported: bool
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    first_token_s: float | None
    problem: str = ""


@dataclass(frozen=True)
class ChatFound:
    """First event of an answer: the passages that were found, before their best sentences are known."""

    sources: tuple[Source, ...]
    conversation_id: UUID | None = None
    question_id: UUID | None = None


@dataclass(frozen=True)
class ChatStarted:
    """What the answer is made from, before the model writes; `quote` is an answer in the documents' own words."""

    sources: tuple[Source, ...]
    label: Label | None
    quote: str = ""


@dataclass(frozen=True)
class ChatDelta:
    """Some more words."""

    text: str


@dataclass(frozen=True)
class ChatFinished:
    """Last event of an answer."""

    answer: Answer
    conversation_id: UUID | None
    message_id: UUID | None = None


@dataclass(frozen=True)
class ChatApproval:
    """A call with side effects waits for the one who asked; see `decide_call`."""

    approval_id: UUID
    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class ChatStep:
    """A team's step has come to another state; `name` is the step's, `state` a `StepState`."""

    name: str
    state: str


ChatEvent = ChatFound | ChatStarted | ChatStep | ChatDelta | ChatApproval | ChatFinished


@dataclass(frozen=True)
class CallOptions:
    """What one caller wishes of one answer, beyond the agent's own settings.

    `response_format` is OpenAI's: `{"type": "json_schema", "json_schema": {…}}` or `{"type": "json_object"}`.
    """

    seed: int | None = None
    stop: tuple[str, ...] = ()
    top_p: float | None = None
    response_format: dict[str, Any] | None = None

    @property
    def is_json(self) -> bool:
        """Whether the answer shall be JSON and nothing else."""
        return self.response_format is not None

    def cut(self, text: str) -> str:
        """The text up to the first stop word, as a model would have ended there."""
        places = [place for word in self.stop if (place := text.find(word)) >= 0]
        return text[: min(places)] if places else text


AS_THE_AGENT_DOES = CallOptions()
"""A caller without wishes of its own."""


@dataclass(frozen=True)
class ChatTarget:
    """What a chat talks to: an agent's draft (`version` None) or its published version, and who owns it."""

    agent_id: UUID
    owner_id: UUID
    slug: str
    config: AgentConfig
    version: AgentVersionInfo | None
    asset_id: UUID | None
    document_ids: frozenset[UUID] | None
    grant: Grant = EVERYTHING
    """What the caller allows of all that the configuration could do."""
    effect_scope: str = ""
    """Names the step that this call belongs to, so that its side effects happen once however often it is begun."""
    options: CallOptions = AS_THE_AGENT_DOES
    assigned: Assigned | None = None
    """The A/B test that chose this version."""
    is_part: bool = False
    """Its tokens are counted with the whole answer that it is a part of."""

    @property
    def is_test(self) -> bool:
        """Whether this is the builder's test chat."""
        return self.version is None

    def narrowed(self, grant: Grant, effect_scope: str) -> ChatTarget:
        """The same for a caller that allows less, as a part of a step that may be begun again."""
        return replace(self, grant=self.grant.narrow(grant), effect_scope=effect_scope)
