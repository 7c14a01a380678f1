"""Who may do what with agents of their organisation, and who may use an agent of another."""

from __future__ import annotations

from apps.agents.types import AgentsPermission
from apps.tenancy.policies import PermissionTable
from apps.tenancy.types import Role

table = PermissionTable(
    {
        AgentsPermission.VIEW: Role.VIEWER,
        AgentsPermission.CHAT: Role.VIEWER,
        AgentsPermission.CREATE: Role.MEMBER,
        AgentsPermission.EDIT: Role.MEMBER,
        AgentsPermission.PUBLISH: Role.MEMBER,
        AgentsPermission.APPROVE: Role.MEMBER,
    }
)
require = table.require
