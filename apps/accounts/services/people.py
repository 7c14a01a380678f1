"""Changes of users: guests, personal organisations, names."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.accounts.events import GuestMerged
from apps.accounts.models import User
from apps.core import outbox
from apps.core.errors import InvalidInput
from apps.tenancy import services as tenancy
from apps.tenancy.errors import OrganisationNotFound
from apps.tenancy.selectors import personal_organisation_id
from apps.tenancy.types import OrganisationKind


@transaction.atomic
def start_guest(name: str = "Guest") -> User:
    """A guest with a personal organisation: can work and earn at once, and sign up later."""
    user = User.objects.create_user(is_guest=True, display_name=name)
    tenancy.create_organisation(user_id=user.id, name=name, kind=OrganisationKind.PERSONAL)
    return user


@transaction.atomic
def ensure_personal_organisation(*, user: User) -> None:
    """Give a new account its personal organisation; a former guest keeps the one that it earned in."""
    name = user.display_name or (user.email or "").split("@")[0] or "Me"
    try:
        organisation_id = personal_organisation_id(user.id)
    except OrganisationNotFound:
        tenancy.create_organisation(user_id=user.id, name=name, kind=OrganisationKind.PERSONAL)
    else:
        tenancy.rename_organisation(organisation_id=organisation_id, name=name)


@transaction.atomic
def merge_guest(*, guest_id: UUID, user_id: UUID) -> None:
    """A guest turned out to be an existing user: what it earned moves to the user (by the event), and it ends."""
    guest = User.objects.select_for_update().filter(id=guest_id, is_guest=True, is_active=True).first()
    if guest is None or guest_id == user_id:
        return
    guest.is_active = False
    guest.save(update_fields=["is_active"])
    source, target = personal_organisation_id(guest_id), personal_organisation_id(user_id)
    outbox.publish(GuestMerged(guest_organisation_id=source, organisation_id=target), tenant_id=target)


@transaction.atomic
def set_display_name(*, user_id: UUID, display_name: str) -> None:
    """Change the public name of a user and of the personal organisation."""
    display_name = display_name.strip()
    if not 1 <= len(display_name) <= 80:
        message = "A name has 1 to 80 characters."
        raise InvalidInput("name_length", message, errors=[{"field": "display_name", "message": message}])
    User.objects.filter(id=user_id).update(display_name=display_name)
    tenancy.rename_organisation(organisation_id=personal_organisation_id(user_id), name=display_name)
