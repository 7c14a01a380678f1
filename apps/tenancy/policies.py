"""Permissions by role: one table an app, one `require`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from apps.core.errors import NotFound, NotPermitted
from apps.tenancy.types import PLATFORM_ID, Actor, Role


class PermissionTable:
    """The least role that each permission of an app needs.

    Args:
        least_role: permission -> least role.
    """

    def __init__(self, least_role: Mapping[Any, Role]) -> None:
        self.least_role: dict[Any, Role] = dict(least_role)

    def allows(self, actor: Actor, permission: StrEnum) -> bool:
        """Whether the actor's role is enough."""
        return bool(actor.role.rank >= self.least_role[permission].rank)

    def require(self, actor: Actor, permission: StrEnum, obj: Any = None) -> None:
        """Raise unless the actor may.

        Args:
            obj: a tenant-owned row that the permission is about.

        Raises:
            NotFound: the row belongs to another organisation (its existence is not told).
            NotPermitted: the role is too low.
        """
        if obj is not None and obj.tenant_id != actor.organisation_id:
            raise NotFound("not_found", "There is no such thing here.")
        if not self.allows(actor, permission):
            least = self.least_role[permission]
            raise NotPermitted(
                "role_too_low",
                f"This needs the role {least.label}. Ask an administrator of your organisation.",
                permission=str(permission),
                role=str(actor.role),
            )


def is_staff(actor: Actor | None) -> bool:
    """Whether the actor works for the platform."""
    return actor is not None and (actor.is_staff or actor.organisation_id == PLATFORM_ID)


def require_staff(actor: Actor | None) -> None:
    """Raise NotFound unless the actor works for the platform: others do not learn that there is such a thing."""
    if not is_staff(actor):
        raise NotFound("not_found", "There is no such page.")


class TenancyPermission(StrEnum):
    """What can be done with an organisation."""

    VIEW_MEMBERS = "tenancy:member:view"
    MANAGE_MEMBERS = "tenancy:member:manage"
    MANAGE_API_KEYS = "tenancy:api_key:manage"
    VIEW_AUDIT = "tenancy:audit:view"


table = PermissionTable(
    {
        TenancyPermission.VIEW_MEMBERS: Role.VIEWER,
        TenancyPermission.MANAGE_MEMBERS: Role.ADMIN,
        TenancyPermission.MANAGE_API_KEYS: Role.MEMBER,
        TenancyPermission.VIEW_AUDIT: Role.ADMIN,
    }
)
require = table.require
