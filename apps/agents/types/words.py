"""Words of agents: states, kinds, reasons, permissions, limits."""

from __future__ import annotations

from enum import StrEnum

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
    """Why an answer ended; `stop` and `length` are the OpenAI API's words.

    WAITING: it goes on when a call with side effects is allowed or refused. OPEN: the run of the team that answers is
    open; it goes on after a person's decision or by itself.
    """

    STOP = "stop"
    LENGTH = "length"
    ABSTAINED = "abstained"
    CANCELLED = "cancelled"
    FAILED = "failed"
    FILTERED = "filtered"
    WAITING = "waiting"
    OPEN = "open"

    @property
    def for_openai(self) -> str:
        """The nearest word an OpenAI client knows."""
        return {FinishReason.LENGTH: "length", FinishReason.FILTERED: "content_filter"}.get(self, "stop")


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
    """Where a call with side effects stands. `approved` without a result is on its way; of an `uncertain` one it is not
    known whether it took effect, and the one who asked has to say."""

    WAITING = "waiting"
    APPROVED = "approved"
    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"
    FAILED = "failed"
    UNCERTAIN = "uncertain"


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
