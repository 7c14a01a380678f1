"""The actor of a request, set by `apps.accounts.middleware`."""

from __future__ import annotations

from django.http import HttpRequest
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from apps.tenancy.types import Actor


def maybe_actor(request: HttpRequest | Request) -> Actor | None:
    """The request's actor, or None for a visitor."""
    actor: Actor | None = getattr(request, "actor", None)
    return actor


def actor_of(request: HttpRequest | Request) -> Actor:
    """The request's actor. Raises NotAuthenticated for a visitor (API 401; pages use `actor_required` first)."""
    actor = maybe_actor(request)
    if actor is None:
        raise NotAuthenticated
    return actor
