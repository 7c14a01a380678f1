"""Who the pages are shown to: built once a run, committed, so that the server's threads see it.

What the people have made is in `scenes.py`; its ids are kept by name in `World.ids` for `pages.py`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.core.tenant import tenant_scope
from apps.tenancy import selectors, services
from apps.tenancy.types import Actor, Role


@dataclass
class World:
    """Actors by name and ids by name.

    The actors are `person`, `team`, `viewer`, `guest`, `newcomer`, `empty_team`, `staff`, `trader` and `buyer`.
    """

    actors: dict[str, Actor]
    ids: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def build(cls) -> World:
        """Make the people."""
        team = _team_of(_person("Ines Haddad"), "Dune Research")
        return cls(
            {
                "guest": _actor_of_guest(),
                "newcomer": selectors.actor_for(_person("Noor").id),
                "person": selectors.actor_for(_person("Amara Diallo").id),
                "team": team,
                "viewer": _member(team, "Jonas Weber", Role.VIEWER),
                "empty_team": _team_of(_person("Lena Ortiz"), "Fresh Start Ltd"),
                "staff": selectors.actor_for(_person("Sana Okafor", is_staff=True).id, is_staff=True),
                "trader": selectors.actor_for(_person("Imani Sow").id),
                "buyer": _team_of(_person("Mateo Rossi"), "Harbour Logistics"),
            }
        )

    @contextmanager
    def acting(self, name: str) -> Iterator[Actor]:
        """The named actor, with its tenant scope entered."""
        with tenant_scope(self.actors[name].organisation_id):
            yield self.actors[name]


def _person(name: str, *, is_staff: bool = False) -> User:
    user = User.objects.create_user(
        f"{name.split()[0].lower()}.{secrets.token_hex(3)}@example.org",
        "a-long-password",
        display_name=name,
        is_staff=is_staff,
    )
    accounts.ensure_personal_organisation(user=user)
    return user


def _team_of(owner: User, name: str) -> Actor:
    created = services.create_organisation(user_id=owner.id, name=name)
    return Actor(owner.id, created.id, Role.OWNER)


def _member(team: Actor, name: str, role: Role) -> Actor:
    user = _person(name)
    with tenant_scope(team.organisation_id):
        services.invite_member(actor=team, email=str(user.email), role=role)
    services.accept_invitations(user_id=user.id, email=str(user.email))
    return Actor(user.id, team.organisation_id, role)


def _actor_of_guest() -> Actor:
    return selectors.actor_for(accounts.start_guest().id, is_guest=True)
