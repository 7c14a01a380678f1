"""What may be done with accounts and wallets."""

from __future__ import annotations

from enum import StrEnum

from apps.tenancy.policies import PermissionTable
from apps.tenancy.types import Role


class AccountsPermission(StrEnum):
    """Permissions of this app."""

    SET_WALLET = "accounts:wallet:set"


table = PermissionTable({AccountsPermission.SET_WALLET: Role.OWNER})
require = table.require
