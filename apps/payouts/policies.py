"""Who may see and withdraw earnings."""

from __future__ import annotations

from uuid import UUID

from apps.core.errors import NotFound
from apps.payouts.errors import GuestCannotWithdraw
from apps.payouts.types import PayoutsPermission
from apps.tenancy.policies import PermissionTable, require_staff
from apps.tenancy.types import Actor, Role

table = PermissionTable({PayoutsPermission.VIEW: Role.VIEWER, PayoutsPermission.WITHDRAW: Role.ADMIN})
require = table.require


def require_account(actor: Actor) -> None:
    """Raise GuestCannotWithdraw for a guest."""
    if actor.is_guest:
        raise GuestCannotWithdraw


def require_person_of_staff(actor: Actor) -> UUID:
    """The user who acts for the platform's staff: a decision has a person behind it. Raises NotFound."""
    require_staff(actor)
    if actor.user_id is None:
        raise NotFound("not_found", "There is no such page.")
    return actor.user_id
