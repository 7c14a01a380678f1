"""Who may sell and buy for an organisation."""

from __future__ import annotations

from enum import StrEnum

from apps.tenancy.policies import PermissionTable
from apps.tenancy.types import Role


class MarketplacePermission(StrEnum):
    """Permissions of the marketplace."""

    LIST = "marketplace:listing:manage"
    BUY = "marketplace:licence:buy"
    VIEW_LICENCES = "marketplace:licence:view"
    VIEW_SALES = "marketplace:sale:view"


table = PermissionTable(
    {
        MarketplacePermission.LIST: Role.ADMIN,
        MarketplacePermission.BUY: Role.ADMIN,
        MarketplacePermission.VIEW_LICENCES: Role.VIEWER,
        MarketplacePermission.VIEW_SALES: Role.MEMBER,
    }
)
require = table.require
