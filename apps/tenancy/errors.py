"""Errors of organisations and memberships."""

from __future__ import annotations

from apps.core.errors import Conflict, NotFound


class OrganisationNotFound(NotFound):
    """No such organisation, or the user is no member of it."""

    def __init__(self) -> None:
        super().__init__("organisation_not_found", "There is no such organisation, or you are not a member of it.")


class LastOwner(Conflict):
    """An organisation keeps at least one owner."""

    def __init__(self) -> None:
        super().__init__("last_owner", "An organisation needs an owner. Make somebody else an owner first.")
