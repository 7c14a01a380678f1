"""Roles, actors and public facts of organisations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import models

#: The platform's own organisation: fees, the payment processor and the chain are its accounts.
PLATFORM_ID = UUID("00000000-0000-7000-8000-000000000001")


class OrganisationKind(models.TextChoices):
    """Every party is an organisation."""

    PERSONAL = "personal", "Personal"
    TEAM = "team", "Team"
    PLATFORM = "platform", "Platform"


class Role(models.TextChoices):
    """What a member may do, from least to most."""

    VIEWER = "viewer", "Viewer"
    MEMBER = "member", "Member"
    ADMIN = "admin", "Admin"
    OWNER = "owner", "Owner"

    @property
    def rank(self) -> int:
        """Higher may do more."""
        return list(Role).index(self)


class KeyScope(models.TextChoices):
    """What an API key is for: asking agents (`/v1/`, A2A, MCP), or everything else that its user may do."""

    CHAT = "chat", "Ask agents"
    MANAGE = "manage", "Manage"


@dataclass(frozen=True, slots=True)
class KeyGrant:
    """What one API key may do. None means without a limit; `agent_ids` None means all agents."""

    id: str
    scopes: frozenset[str]
    agent_ids: frozenset[UUID] | None = None
    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_month: int | None = None

    @property
    def is_limited(self) -> bool:
        """Whether it may do less than its user."""
        limits = (self.agent_ids, self.requests_per_minute, self.requests_per_day, self.tokens_per_month)
        return self.scopes != frozenset(KeyScope.values) or any(limit is not None for limit in limits)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, for which organisation, in which role. Every service takes one."""

    user_id: UUID | None
    organisation_id: UUID
    role: Role
    is_guest: bool = False
    is_staff: bool = False
    key: KeyGrant | None = None

    def may_use_agent(self, agent_id: UUID) -> bool:
        """Whether the key, if it came with one, is for this agent."""
        return self.key is None or self.key.agent_ids is None or agent_id in self.key.agent_ids

    @property
    def only_asks(self) -> bool:
        """Whether it came with a key that can ask agents and nothing else: whoever holds it counts as an outsider."""
        return self.key is not None and KeyScope.MANAGE not in self.key.scopes

    @classmethod
    def system(cls, organisation_id: UUID) -> Actor:
        """The platform itself, working for an organisation (handlers, schedules)."""
        return cls(user_id=None, organisation_id=organisation_id, role=Role.OWNER)


@dataclass(frozen=True, slots=True)
class OrganisationInfo:
    """Public facts of an organisation."""

    id: UUID
    name: str
    slug: str
    kind: OrganisationKind


@dataclass(frozen=True, slots=True)
class MembershipInfo:
    """A user's place in an organisation."""

    organisation: OrganisationInfo
    role: Role


@dataclass(frozen=True, slots=True)
class IssuedApiKey:
    """A fresh API key; the secret is shown this once."""

    id: str
    name: str
    secret: str


@dataclass(frozen=True, slots=True)
class KeyWishes:
    """What a key shall be for, as its maker chooses. None means without a limit."""

    name: str
    scopes: tuple[KeyScope, ...] = tuple(KeyScope)
    agent_ids: tuple[UUID, ...] | None = None
    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_month: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyUsage:
    """What a key was used for: today, this UTC month, and by day."""

    requests_today: int
    requests_month: int
    tokens_month: int
    days: tuple[tuple[date, int], ...]
