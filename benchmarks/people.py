"""A requester with money and annotators, for measurements that go through pages, and the browser for them."""

from __future__ import annotations

import os
import secrets
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from apps.accounts.models import User
from apps.accounts.services import ensure_personal_organisation
from apps.core.money import Money
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.tenancy import services as tenancy
from apps.tenancy.selectors import actor_for
from apps.tenancy.types import PLATFORM_ID, Actor, Role

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = ["--disable-gpu", "--no-sandbox", "--no-first-run", "--disable-background-networking"]
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def requester() -> Actor:
    """The owner of a team with money."""
    user = _user()
    team = tenancy.create_organisation(user_id=user.id, name="Measurements").id
    ledger.transfer(
        debit=AccountRef(PLATFORM_ID, AccountKind.PROCESSOR, "USD"),
        credit=AccountRef(team, AccountKind.CASH, "USD"),
        amount=Money(100_000),
        idempotency_key=f"benchmark-fund:{secrets.token_hex(8)}",
        reason="Top-up",
        source=SourceRef("benchmark", "people"),
    )
    return Actor(user.id, team, Role.OWNER)


def annotator() -> Actor:
    """A person in the own organisation."""
    user = _user()
    ensure_personal_organisation(user=user)
    return actor_for(user.id)


def session_of(actor: Actor) -> str:
    """A session of the actor, as the sign-in leaves it behind."""
    if actor.user_id is None:
        raise ValueError("an API key's actor has no session")
    user = User.objects.get(id=actor.user_id)
    store = SessionStore()
    store[SESSION_KEY] = str(user.id)
    store[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.create()
    return str(store.session_key)


def _user() -> User:
    return User.objects.create_user(f"{secrets.token_hex(8)}@example.org", secrets.token_hex(16), display_name="Ada")
