"""Who may do what with datasets."""

from __future__ import annotations

from apps.datasets.types import DatasetsPermission
from apps.tenancy.policies import PermissionTable
from apps.tenancy.types import Role

table = PermissionTable(
    {
        DatasetsPermission.VIEW: Role.VIEWER,
        DatasetsPermission.CREATE: Role.MEMBER,
        DatasetsPermission.RELEASE: Role.MEMBER,
        DatasetsPermission.REMOVE: Role.ADMIN,
    }
)
require = table.require
