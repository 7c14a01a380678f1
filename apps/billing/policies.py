"""Who may move an organisation's money in and back."""

from __future__ import annotations

from enum import StrEnum

from apps.tenancy.policies import PermissionTable
from apps.tenancy.types import Role


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
