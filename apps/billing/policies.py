"""Who may move an organisation's money in and back."""

from __future__ import annotations

from enum import StrEnum

from apps.core.errors import NotFound
from apps.tenancy.policies import PermissionTable
from apps.tenancy.types import PLATFORM_ID, Actor, Role


class BillingPermission(StrEnum):
    """What can be done with prepaid money."""

    VIEW = "billing:balance:view"
    TOP_UP = "billing:top_up:create"
    REFUND = "billing:refund:create"
    MANAGE_PLAN = "billing:plan:manage"


table = PermissionTable(
    {
        BillingPermission.VIEW: Role.VIEWER,
        BillingPermission.TOP_UP: Role.MEMBER,
        BillingPermission.REFUND: Role.ADMIN,
        BillingPermission.MANAGE_PLAN: Role.ADMIN,
    }
)
require = table.require


def require_staff(actor: Actor) -> None:
    """The platform's own people only; for everybody else the page does not exist."""
    if not (actor.is_staff or actor.organisation_id == PLATFORM_ID):
        raise NotFound("not_found", "There is no such page.")
