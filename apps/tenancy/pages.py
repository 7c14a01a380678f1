"""Pages of an organisation: members, invitations, audit trail; and the frame's switcher."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.errors import Conflict, InvalidInput
from apps.core.pagination import cursor_page
from apps.tenancy import policies, selectors, services
from apps.tenancy.actors import actor_of, maybe_actor
from apps.tenancy.policies import TenancyPermission
from apps.tenancy.types import Actor, MembershipInfo, OrganisationKind, Role

# The session key that `apps.accounts.middleware` reads the active organisation from.
ORGANISATION_KEY = "organisation_id"

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


class Shell:
    """What the frame of every page shows of the caller. Nothing is read before a template asks."""

    def __init__(self, request: HttpRequest) -> None:
        self.actor: Actor | None = maybe_actor(request)

    @property
    def is_signed_in(self) -> bool:
        """Has an account (a guest has none)."""
        return self.actor is not None and not self.actor.is_guest

    @cached_property
    def memberships(self) -> list[MembershipInfo]:
        """The caller's organisations, the personal one first."""
        if self.actor is None or self.actor.user_id is None:
            return []
        return selectors.memberships_of(self.actor.user_id)

    @property
    def current(self) -> MembershipInfo | None:
        """The active organisation."""
        if self.actor is None:
            return None
        return next((m for m in self.memberships if m.organisation.id == self.actor.organisation_id), None)

    @property
    def others(self) -> list[MembershipInfo]:
        """The organisations that the caller can switch to."""
        return [m for m in self.memberships if m is not self.current]

    @property
    def is_team(self) -> bool:
        """Acts for a team, not for the own personal organisation."""
        return self.current is not None and self.current.organisation.kind != OrganisationKind.PERSONAL

    @property
    def is_admin(self) -> bool:
        """May manage the active organisation."""
        return self.actor is not None and policies.table.allows(self.actor, TenancyPermission.MANAGE_MEMBERS)

    @property
    def is_staff(self) -> bool:
        """Runs the platform: sees its staff pages."""
        return policies.is_staff(self.actor)


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `shell`, `actor` and the active `organisation` in every template."""
    frame = Shell(request)
    organisation = SimpleLazyObject(lambda: frame.current.organisation if frame.current else None)
    return {"shell": frame, "actor": frame.actor, "organisation": organisation}


class InviteForm(forms.Form):
    """Invite somebody by e-mail."""

    email = forms.EmailField(label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.MEMBER)


class RoleForm(forms.Form):
    """Give a member another role."""

    role = forms.ChoiceField(choices=Role.choices)


class NameForm(forms.Form):
    """Name an organisation."""

    name = forms.CharField(max_length=50)


def signed_in(view: View[P]) -> View[P]:
    """Page for signed-in users."""

    # `apps.accounts.access.actor_required` is a layer above.
    @wraps(view)
    def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        actor = maybe_actor(request)
        if actor is None or actor.is_guest:
            return redirect_to_login(request.get_full_path())
        return view(request, *args, **kwargs)

    return wrapped


@require_GET
@signed_in
def members(request: HttpRequest) -> HttpResponse:
    """Members with their roles, and open invitations."""
    return _members_page(request, InviteForm())


@require_POST
@signed_in
def invite(request: HttpRequest) -> HttpResponse:
    """Invite by e-mail."""
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _members_page(request, form, status=422)
    email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
    try:
        services.invite_member(actor=actor_of(request), email=email, role=role)
    except (Conflict, InvalidInput) as error:
        form.add_error(error.context.get("field"), error.message)
        return _members_page(request, form, status=422)
    messages.success(request, f"{email} is invited. Send them the sign-up link below.")
    return redirect("tenancy:members")


def _members_page(request: HttpRequest, form: InviteForm, status: int = 200) -> HttpResponse:
    actor = actor_of(request)
    context = {
        "members": selectors.members(actor),
        "invitations": selectors.invitations(actor),
        "form": form,
        "roles": [role for role in Role if role.rank <= actor.role.rank],
        "actor": actor,
        "sign_up_url": request.build_absolute_uri(reverse("account_signup")),
    }
    return render(request, "tenancy/members.html", context, status=status)


@require_POST
@signed_in
def change_role(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """Change a member's role."""
    form = RoleForm(request.POST)
    if not form.is_valid():
        return _members_page(request, InviteForm(), status=422)
    services.change_role(actor=actor_of(request), membership_id=membership_id, role=Role(form.cleaned_data["role"]))
    messages.success(request, "The role is changed.")
    return redirect("tenancy:members")


@require_POST
@signed_in
def remove_member(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """Remove a member and end their keys."""
    services.remove_member(actor=actor_of(request), membership_id=membership_id)
    messages.success(request, "The member is removed, and their API keys have ended.")
    return redirect("tenancy:members")


@require_POST
@signed_in
def withdraw_invitation(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """Take an invitation back."""
    services.withdraw_invitation(actor=actor_of(request), invitation_id=invitation_id)
    messages.success(request, "The invitation is withdrawn.")
    return redirect("tenancy:members")


@require_GET
@signed_in
def audit_trail(request: HttpRequest) -> HttpResponse:
    """Who did what, newest first."""
    actor = actor_of(request)
    page = cursor_page(request, selectors.audit_trail(actor))
    names = {member.user_id: str(member.user) for member in selectors.members(actor)}
    # The details' pairs are made here: a template would take a detail called "items" for the method.
    rows = [
        (entry, names.get(entry.user_id, "Former member") if entry.user_id else "Sahara", list(entry.detail.items()))
        for entry in page.results
    ]
    return render(request, "tenancy/audit_trail.html", {"rows": rows, "page": page})


@require_http_methods(["GET", "POST"])
@signed_in
def create(request: HttpRequest) -> HttpResponse:
    """Found a team and switch to it."""
    actor = actor_of(request)
    form = NameForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and actor.user_id is not None:
        created = services.create_organisation(user_id=actor.user_id, name=form.cleaned_data["name"])
        request.session[ORGANISATION_KEY] = str(created.id)
        messages.success(request, f"{created.name} is ready. You are its owner.")
        return redirect("tenancy:members")
    return render(request, "tenancy/create.html", {"form": form}, status=422 if form.is_bound else 200)


@require_POST
@signed_in
def switch(request: HttpRequest) -> HttpResponse:
    """Act for another of the caller's organisations."""
    actor = actor_of(request)
    try:
        chosen = UUID(request.POST.get("organisation", ""))
    except ValueError:
        chosen = actor.organisation_id
    if actor.user_id is not None:
        # Raises OrganisationNotFound for somebody else's.
        selectors.actor_for(actor.user_id, chosen)
        request.session[ORGANISATION_KEY] = str(chosen)
    return redirect(_safe_next(request))


def _safe_next(request: HttpRequest) -> str:
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        return target
    return "/dashboard/"
