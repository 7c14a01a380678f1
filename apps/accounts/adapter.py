"""django-allauth's hooks: a guest becomes the account, an invited address joins its organisations."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from apps.accounts import selectors, services
from apps.accounts.models import User
from apps.accounts.sessions import GUEST_KEY
from apps.tenancy import services as tenancy


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Keeps what a guest earned: sign-up turns the guest's own row into the account."""

    def new_user(self, request: HttpRequest) -> User:
        guest_id = request.session.get(GUEST_KEY) if hasattr(request, "session") else None
        guest = selectors.guest(UUID(guest_id)) if guest_id else None
        return guest or User()

    @transaction.atomic
    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:  # noqa: FBT001, FBT002
        user.is_guest = False
        if user.display_name == "Guest":
            user.display_name = ""
        name = form.cleaned_data.get("display_name") or form.cleaned_data["email"].split("@")[0]
        user.display_name = name[:80]
        saved: User = super().save_user(request, user, form, commit)
        if commit:
            services.ensure_personal_organisation(user=saved)
            request.session.pop(GUEST_KEY, None)
        return saved

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        guest_id = request.session.pop(GUEST_KEY, None)
        if guest_id:
            services.merge_guest(guest_id=UUID(guest_id), user_id=user.id)
        _join_invited(user)
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return response

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        confirmed: bool = super().confirm_email(request, email_address)
        if confirmed:
            _join_invited(email_address.user)
        return confirmed


def _join_invited(user: User) -> None:
    """Only a proven address joins: anybody can sign up with somebody else's."""
    for address in EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True):
        tenancy.accept_invitations(user_id=user.id, email=address)
