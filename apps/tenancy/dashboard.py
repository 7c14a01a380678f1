"""What the organisation itself puts on the dashboard."""

from __future__ import annotations

from apps.core.dashboard import Contribution, contributes
from apps.tenancy import selectors
from apps.tenancy.types import Actor, OrganisationKind


@contributes
def board(actor: Actor) -> Contribution:
    """Which first steps with colleagues are behind the user."""
    done = set()
    if selectors.members(actor).count() > 1 or selectors.invitations(actor).exists():
        done.add("invited")
    teams = selectors.memberships_of(actor.user_id) if actor.user_id else []
    if any(membership.organisation.kind == OrganisationKind.TEAM for membership in teams):
        done.add("organisation")
    return Contribution(done=frozenset(done))
