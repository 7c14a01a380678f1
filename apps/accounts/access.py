"""Who may reach a page or an endpoint at all."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication, exceptions, permissions
from rest_framework.request import Request

from apps.accounts import services
from apps.accounts.sessions import GUEST_KEY
from apps.core.tenant import tenant_scope
from apps.tenancy import selectors as tenancy
from apps.tenancy.actors import maybe_actor

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    return redirect(f"{reverse('account_login')}?{urlencode({'next': request.get_full_path()})}")


def actor_required(view: View[P]) -> View[P]:
    """Page for signed-in users (guests are asked to sign up)."""

    @wraps(view)
    def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        actor = maybe_actor(request)
        if actor is None or actor.is_guest:
            return _to_sign_in(request)
        return view(request, *args, **kwargs)

    return wrapped


def actor_or_guest(view: View[P]) -> View[P]:
    """Page for everybody who works: a visitor's POST starts a guest, whose earnings a later sign-up keeps."""

    @wraps(view)
    def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if maybe_actor(request) is not None or request.method != "POST":
            return view(request, *args, **kwargs)
        guest = services.start_guest()
        request.session[GUEST_KEY] = str(guest.id)
        actor = tenancy.actor_for(guest.id, is_guest=True)
        request.actor = actor  # type: ignore[attr-defined]  # read through apps.tenancy.actors
        with tenant_scope(actor.organisation_id):
            return view(request, *args, **kwargs)

    return wrapped


class _CsrfCheck(CsrfViewMiddleware):
    """Returns the reason instead of an answer, as DRF's session authentication does."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


class ActorAuthentication(authentication.BaseAuthentication):
    """DRF's view of `request.actor`; calls that ride on a cookie must carry the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        raw = request._request  # DRF's way to the wrapped request
        actor = maybe_actor(raw)
        if actor is None:
            return None
        if getattr(raw, "actor_source", None) in ("session", "guest"):
            self._enforce_csrf(raw)
        return raw.user, actor

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def _enforce_csrf(self, request: HttpRequest) -> None:
        check = _CsrfCheck(lambda _request: HttpResponse())
        check.process_request(request)
        reason = check.process_view(request, lambda: HttpResponse(), (), {})
        if reason:
            raise exceptions.PermissionDenied(f"CSRF check failed: {reason}")


class ActorAuthenticationScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # untyped base
    """How the OpenAPI document says that a call is authenticated."""

    target_class = "apps.accounts.access.ActorAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A bearer key; browsers use the session's cookie instead."""
        return {"type": "http", "scheme": "bearer", "description": "An API key of your organisation (sk_…)."}


class HasActor(permissions.BasePermission):
    """Anyone who is somebody: signed in, a guest, or a program with a key."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return maybe_actor(request) is not None
