"""Who may do what in training."""

from __future__ import annotations

from apps.tenancy.policies import PermissionTable
from apps.tenancy.types import Role
from apps.training.types import TrainingPermission

table = PermissionTable(
    {
        TrainingPermission.VIEW: Role.VIEWER,
        TrainingPermission.START: Role.MEMBER,
        TrainingPermission.CANCEL: Role.MEMBER,
        TrainingPermission.USE: Role.MEMBER,
    }
)
require = table.require
