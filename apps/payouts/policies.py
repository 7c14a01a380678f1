"""Who may see and withdraw earnings."""

from __future__ import annotations

from uuid import UUID

from apps.payouts.errors import GuestCannotWithdraw, StaffOnly
from apps.payouts.types import PayoutsPermission
from apps.tenancy.policies import PermissionTable
from apps.tenancy.types import PLATFORM_ID, Actor, Role

table = PermissionTable({PayoutsPermission.VIEW: Role.VIEWER, PayoutsPermission.WITHDRAW: Role.ADMIN})
require = table.require


def require_account(actor: Actor) -> None:
    """Raise GuestCannotWithdraw for a guest."""
    if actor.is_guest:
        raise GuestCannotWithdraw


def require_staff(actor: Actor) -> None:
    """Raise StaffOnly unless the actor works for the platform."""
    if not (actor.is_staff or actor.organisation_id == PLATFORM_ID):
        raise StaffOnly


def require_person_of_staff(actor: Actor) -> UUID:
    """The user who acts for the platform's staff: a decision has a person behind it. Raises StaffOnly."""
    require_staff(actor)
    if actor.user_id is None:
        raise StaffOnly
    return actor.user_id
