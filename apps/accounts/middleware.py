"""Finds out who calls and enters their organisation's tenant scope for the rest of the request."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, cast
from uuid import UUID

from allauth.headless.internal.sessionkit import authenticate_by_x_session_token
from django.conf import settings
from django.contrib import auth
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject

from apps.accounts import selectors as accounts
from apps.accounts.models import User
from apps.accounts.sessions import GUEST_KEY, Caller
from apps.core.errors import DomainError
from apps.core.problems import CONTENT_TYPE, for_caller, is_api, problem, problem_response
from apps.core.tenant import tenant_scope
from apps.tenancy import quotas
from apps.tenancy import selectors as tenancy
from apps.tenancy.errors import OrganisationNotFound
from apps.tenancy.types import Actor

ORGANISATION_KEY = "organisation_id"
KEY_PREFIX = "sk_"
SESSION_TOKEN_HEADER = "X-Session-Token"  # noqa: S105  # the name of a header
ORGANISATION_HEADER = "X-Organisation"


class UserMiddleware(AuthenticationMiddleware):
    """Django's, which takes the user that was read with the session where there is one."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = cast("User | AnonymousUser", SimpleLazyObject(partial(_user, request)))


def _user(request: HttpRequest) -> object:
    return _user_read_with(request.session) or auth.get_user(request)


def _user_read_with(session: Any) -> User | None:
    """The signed-in user, after the same checks as `auth.get_user`; None leaves them, and what follows, to it."""
    user_id = session.get(auth.SESSION_KEY)
    caller = session.caller(UUID(user_id)) if user_id else None
    if caller is None or not caller.user.is_active:
        return None
    if session.get(auth.BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    proof = session.get(auth.HASH_SESSION_KEY) or ""
    found: User = caller.user
    return found if constant_time_compare(proof, found.get_session_auth_hash()) else None


class ActorMiddleware:
    """Sets `request.actor` and `request.actor_source` ("session", "guest", "key", "token" or None).

    - `Authorization: Bearer sk_…`: an API key, which carries its organisation;
    - `X-Session-Token`: a session of django-allauth's headless API, with `X-Organisation` to choose one;
    - the session cookie: the signed-in user in the active organisation, else the guest that works in this browser.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        actor, source = resolve_actor(request)
        request.actor = actor  # type: ignore[attr-defined]  # read through apps.tenancy.actors
        request.actor_source = source  # type: ignore[attr-defined]
        if source == "refused":
            return _unauthorised(request)
        if actor is None:
            return self.get_response(request)
        with tenant_scope(actor.organisation_id):
            if actor.key is not None:
                try:
                    quotas.admit(actor, request.path)
                except DomainError as error:
                    return problem_response(error, request)
            return self.get_response(request)


def resolve_actor(request: HttpRequest) -> tuple[Actor | None, str | None]:
    """The actor and how it proved itself; ("refused" for a wrong key or token)."""
    bearer = request.headers.get("Authorization", "")
    if bearer.startswith(f"Bearer {KEY_PREFIX}") and is_api(request):
        actor = actor_of_api_key(bearer.removeprefix("Bearer "))
        return actor, "key" if actor else "refused"
    token = request.headers.get(SESSION_TOKEN_HEADER)
    if token and is_api(request):
        return _actor_of_session_token(token, request.headers.get(ORGANISATION_HEADER))
    return actor_of_session(request.user, request.session)


def actor_of_api_key(key: str) -> Actor | None:
    """The actor of `sk_…`, or None."""
    owner = tenancy.api_key_owner(key.removeprefix(KEY_PREFIX))
    if owner is None:
        return None
    user = accounts.user(owner[0])
    if user is None:
        return None
    try:
        return tenancy.actor_for(user.id, owner[1], is_staff=user.is_staff, key=owner[2])
    except OrganisationNotFound:
        return None


def _actor_of_session_token(token: str, organisation: str | None) -> tuple[Actor | None, str]:
    found = authenticate_by_x_session_token(token)
    if found is None:
        return None, "refused"
    user = found[0]
    try:
        organisation_id = UUID(organisation) if organisation else None
        return tenancy.actor_for(user.id, organisation_id, is_staff=user.is_staff), "token"
    except (OrganisationNotFound, ValueError):
        return None, "refused"


def actor_of_session(user: object, session: object) -> tuple[Actor | None, str | None]:
    """The actor of a browser session: signed in, guest, or nobody."""
    get = getattr(session, "get", lambda _key: None)
    caller_of: Callable[[UUID], Caller | None] = getattr(session, "caller", lambda _id: None)
    if getattr(user, "is_authenticated", False):
        user_id, is_staff = user.id, user.is_staff  # type: ignore[attr-defined]  # a User when authenticated
        caller = caller_of(user_id)
        memberships = caller.memberships if caller else tenancy.memberships_of(user_id)
        chosen = get(ORGANISATION_KEY)
        try:
            organisation_id = UUID(chosen) if chosen else None
            return tenancy.choose_actor(user_id, memberships, organisation_id, is_staff=is_staff), "session"
        except OrganisationNotFound:  # no longer a member of the chosen one
            return tenancy.choose_actor(user_id, memberships, is_staff=is_staff), "session"
    guest_id = get(GUEST_KEY)
    caller = caller_of(UUID(guest_id)) if guest_id else None
    if caller and caller.user.is_active and caller.user.is_guest:
        return tenancy.choose_actor(caller.user.id, caller.memberships, is_guest=True), "guest"
    guest = accounts.guest(UUID(guest_id)) if guest_id and not caller else None
    if guest is None:
        return None, None
    return tenancy.actor_for(guest.id, is_guest=True), "guest"


def _unauthorised(request: HttpRequest) -> HttpResponse:
    body = problem(401, "credentials_invalid", "The API key or session token is not valid (any more).")
    body = for_caller(body, request)
    return HttpResponse(json.dumps(body), status=401, content_type=CONTENT_TYPE, headers={"WWW-Authenticate": "Bearer"})
