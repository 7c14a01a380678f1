"""Who may do what with knowledge bases of their organisation."""

from __future__ import annotations

from apps.knowledge.types import KnowledgePermission
from apps.tenancy.policies import PermissionTable
from apps.tenancy.types import Role

table = PermissionTable(
    {
        KnowledgePermission.VIEW: Role.VIEWER,
        KnowledgePermission.CREATE: Role.MEMBER,
        KnowledgePermission.UPLOAD: Role.MEMBER,
        KnowledgePermission.REMOVE: Role.MEMBER,
        KnowledgePermission.EDIT: Role.MEMBER,
        KnowledgePermission.RELEASE: Role.MEMBER,
        KnowledgePermission.SET_PRIVACY: Role.ADMIN,
    }
)
require = table.require
