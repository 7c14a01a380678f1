"""Who may do what with orders and tasks."""

from __future__ import annotations

from apps.labeling.types import LabelingPermission
from apps.tenancy.policies import PermissionTable
from apps.tenancy.types import Role

table = PermissionTable(
    {
        LabelingPermission.ORDER_VIEW: Role.VIEWER,
        LabelingPermission.ORDER_CREATE: Role.MEMBER,
        LabelingPermission.ORDER_LAUNCH: Role.ADMIN,
        LabelingPermission.ORDER_CANCEL: Role.ADMIN,
        LabelingPermission.ORDER_REVIEW: Role.MEMBER,
        LabelingPermission.TASK_WORK: Role.MEMBER,
        LabelingPermission.ITEM_UNMASK: Role.OWNER,
        LabelingPermission.SKILL_MANAGE: Role.ADMIN,
    }
)
require = table.require
