"""Who may do what with jobs."""

from __future__ import annotations

from enum import StrEnum

from apps.tenancy.policies import PermissionTable
from apps.tenancy.types import Role


class ComputePermission(StrEnum):
    """Permissions of compute."""

    VIEW = "compute:job:view"
    SUBMIT = "compute:job:submit"
    CANCEL = "compute:job:cancel"


table = PermissionTable(
    {
        ComputePermission.VIEW: Role.VIEWER,
        ComputePermission.SUBMIT: Role.MEMBER,
        ComputePermission.CANCEL: Role.MEMBER,
    }
)
require = table.require
