"""Roles, actors and public facts of organisations."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, for which organisation, in which role. Every service takes one."""

    user_id: UUID | None
    organisation_id: UUID
    role: Role
    is_guest: bool = False
    is_staff: bool = False

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
