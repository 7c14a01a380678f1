"""Who may do what with assets of their organisation."""

from __future__ import annotations

from enum import StrEnum

from apps.tenancy.policies import PermissionTable
from apps.tenancy.types import Role


class AssetsPermission(StrEnum):
    """Permissions of the asset registry."""

    VIEW = "assets:asset:view"
    REGISTER = "assets:asset:register"
    RELEASE = "assets:version:release"
    PUBLISH = "assets:asset:publish"
    GRANT = "assets:grant:manage"
    MOVE = "assets:ownership:move"


table = PermissionTable(
    {
        AssetsPermission.VIEW: Role.VIEWER,
        AssetsPermission.REGISTER: Role.MEMBER,
        AssetsPermission.RELEASE: Role.MEMBER,
        AssetsPermission.PUBLISH: Role.ADMIN,
        AssetsPermission.GRANT: Role.ADMIN,
        AssetsPermission.MOVE: Role.ADMIN,
    }
)
require = table.require
