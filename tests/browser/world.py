"""Who and what the pages show: built once a run, committed, so that the server's threads see it.

An app's part of the world is a function in `SCENES`; its ids are kept by name in `World.ids` for `pages.py`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.core.tenant import tenant_scope
from apps.tenancy import selectors, services
from apps.tenancy.types import Actor, Role


@dataclass
class World:
    """Actors by name (`person`, `team`, `viewer`, `guest`, `newcomer`, `empty_team`) and ids by name."""

    actors: dict[str, Actor]
    ids: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def build(cls) -> World:
        """Make the people, then let each scene add its rows."""
        team = _team_of(_person("Ines Haddad"), "Dune Research")
        world = cls(
            {
                "guest": _actor_of_guest(),
                "newcomer": selectors.actor_for(_person("Noor").id),
                "person": selectors.actor_for(_person("Amara Diallo").id),
                "team": team,
                "viewer": _member(team, "Jonas Weber", Role.VIEWER),
                "empty_team": _team_of(_person("Lena Ortiz"), "Fresh Start Ltd"),
            }
        )
        for scene in SCENES:
            scene(world)
        return world


def _person(name: str) -> User:
    user = User.objects.create_user(
        f"{name.split()[0].lower()}.{secrets.token_hex(3)}@example.org", "a-long-password", display_name=name
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


def _organisation_scene(world: World) -> None:
    team = world.actors["team"]
    with tenant_scope(team.organisation_id):
        services.invite_member(actor=team, email="a.rather.long.address@subsidiary.example.org", role=Role.ADMIN)
        services.issue_api_key(actor=team, name="Nightly import")


SCENES: list[Callable[[World], None]] = [_organisation_scene]
