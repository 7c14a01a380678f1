"""Words and values of the agents app: configurations, answers and what surrounds them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from apps.agents.specs import AnswerChecks, Budget, BundledModel, Extras, GuardRails, ModelChoice, ToolSpec
from apps.agents.teams.grants import EVERYTHING, Grant
from apps.core.money import Money

MAX_STARTERS = 6
MAX_QUESTION_TOKENS = 1200
"""A question longer than this does not fit beside instruction, passages and answer in the model's context."""


class AgentsPermission(StrEnum):
    """What may be done with agents of one's own organisation; roles are mapped to these in `policies`."""

    VIEW = "agents:agent:view"
    CREATE = "agents:agent:create"
    EDIT = "agents:agent:edit"
    CHAT = "agents:agent:chat"
    PUBLISH = "agents:agent:publish"
    APPROVE = "agents:team:approve"


class AgentState(StrEnum):
    """Whether others can reach an agent."""

    DRAFT = "draft"
    PUBLISHED = "published"
    PAUSED = "paused"


class AnswerMode(StrEnum):
    """How an agent answers.

    GENERATE: the language model writes from the found passages. QUOTE: sentences of the documents, word for word,
    and no model between. LABEL: the classifier's decision, with the passage that goes with it where there is one.
    """

    GENERATE = "generate"
    QUOTE = "quote"
    LABEL = "label"


class Tone(StrEnum):
    """How the agent speaks."""

    FRIENDLY = "friendly"
    PRECISE = "precise"
    FORMAL = "formal"
    PATIENT = "patient"


class FinishReason(StrEnum):
    """Why an answer ended; `stop` and `length` are the OpenAI API's words."""

    STOP = "stop"
    LENGTH = "length"
    ABSTAINED = "abstained"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def for_openai(self) -> str:
        """The nearest word an OpenAI client knows."""
        return "length" if self is FinishReason.LENGTH else "stop"


class ConnectionKind(StrEnum):
    """What is at the other end of a connection."""

    MODEL = "model"
    HTTP = "http"
    MCP = "mcp"
    AGENT = "agent"


class FeedbackReason(StrEnum):
    """What was wrong with an answer, in the asker's view."""

    WRONG = "wrong"
    INCOMPLETE = "incomplete"
    OFF_TOPIC = "off_topic"
    SOURCES = "sources"
    TONE = "tone"
    OTHER = "other"


class CallState(StrEnum):
    """Where a call with side effects stands. `approved` without a result is on its way."""

    WAITING = "waiting"
    APPROVED = "approved"
    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"
    FAILED = "failed"


class EvaluationState(StrEnum):
    """Where an evaluation stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class UsageSide(StrEnum):
    """Whose record of a call it is."""

    SERVED = "served"
    USED = "used"


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
class ConnectionInfo:
    """An address that agents may call; the secret itself is never shown."""

    id: UUID
    kind: ConnectionKind
    name: str
    url: str
    header: str
    has_secret: bool
    created_at: datetime


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


ChatEvent = ChatFound | ChatStarted | ChatDelta | ChatApproval | ChatFinished


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

    @property
    def is_test(self) -> bool:
        """Whether this is the builder's test chat."""
        return self.version is None

    def narrowed(self, grant: Grant, effect_scope: str) -> ChatTarget:
        """The same for a caller that allows less, as a part of a step that may be begun again."""
        return replace(self, grant=self.grant.narrow(grant), effect_scope=effect_scope)


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

    @property
    def tokens(self) -> int:
        """Tokens read and written."""
        return self.prompt_tokens + self.completion_tokens

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
    def first_token_text(self) -> str:
        """When the first words came."""
        return f"{self.first_token_s:.2f} s" if self.first_token_s is not None else "no words"

    @property
    def seconds_text(self) -> str:
        """When the answer was whole."""
        return f"{self.message.seconds:.2f} s"


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
