"""A/B tests of versions as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from apps.agents.ab_tests.comparing import Rate
from apps.core.ids import uuid7


class AbTestState(StrEnum):
    """Whether visitors still get different versions."""

    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True)
class Visitor:
    """Who is always given the same version: a conversation, or who calls where the platform keeps none.

    `conversation_id` is the stored conversation, also one that is only about to begin. `keeps_version` holds for all
    conversations: they go on with the version that has answered before, also where shares are changed.
    """

    key: str
    keeps_version: bool = False
    conversation_id: UUID | None = None

    @classmethod
    def in_conversation(cls, conversation_id: UUID | None) -> Visitor:
        """Of a stored conversation; None begins one."""
        chosen = conversation_id or uuid7()
        return cls(f"conversation/{chosen}", keeps_version=True, conversation_id=chosen)

    @classmethod
    def in_context(cls, organisation_id: UUID, context: str) -> Visitor:
        """Of a conversation that the caller names."""
        return cls(f"context/{organisation_id}/{context}", keeps_version=True)

    @classmethod
    def of_widget(cls, visitor_id: UUID) -> Visitor:
        """Of a chat in the widget."""
        return cls(f"widget/{visitor_id}", keeps_version=True)

    @classmethod
    def of_call(cls, organisation_id: UUID, key_id: str, user: str = "") -> Visitor:
        """Of a call by itself: whoever the caller says is asking, else the caller's key."""
        return cls(f"user/{organisation_id}/{user}" if user else f"key/{organisation_id}/{key_id}")


@dataclass(frozen=True)
class Assigned:
    """What a test has decided for one visitor."""

    ab_test_id: UUID
    version_id: UUID
    subject: str
    conversation_id: UUID | None = None


@dataclass(frozen=True)
class ArmInfo:
    """One version in a test with what came of it.

    `good` is of the rated answers, `abstained` of all; `mean_micro_usd` is None where prices are not known.
    """

    version_id: UUID
    number: int
    share: int
    is_live: bool
    conversations: int
    answers: int
    good: Rate
    abstained: Rate
    failed: int
    mean_micro_usd: float | None
    first_token_p50_s: float | None
    first_token_p95_s: float | None


@dataclass(frozen=True)
class AbTestInfo:
    """A test. `better` and `answers_more` are numbers of versions, None while there are not enough answers to tell."""

    id: UUID
    agent_id: UUID
    state: AbTestState
    arms: tuple[ArmInfo, ...]
    better: int | None
    answers_more: int | None
    chosen: int | None
    started_at: datetime
    shares_changed_at: datetime | None
    ended_at: datetime | None

    @property
    def is_running(self) -> bool:
        """Whether visitors get different versions now."""
        return self.state is AbTestState.RUNNING
